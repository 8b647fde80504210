import type { CsrfTokens } from '../crypto/csrf-token.ts'
import type { LoginTools } from '../login/tools.ts'
import type { Tools } from '../protocol/tools.ts'
import type { Cookies } from './cookies.ts'

/** What the routes for clients and people work with; built once, in server.ts. */
export interface HttpTools extends Tools, LoginTools {
  readonly cookies: Cookies
  readonly csrf: CsrfTokens
}
