import type { LoginMethod } from './method.ts'
import { password } from './password.ts'

/** Every way to sign in. A new one is one file and one line here; discovery reads what they reach. */
export const loginMethods = {
  password,
} satisfies Record<string, LoginMethod>
