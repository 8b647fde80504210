import type { Cursors } from '../crypto/cursor.ts'
import type { PasswordHasher } from '../crypto/password-hash.ts'
import type { Seal } from '../crypto/seal.ts'
import type { KeyPolicy } from '../protocol/keys/rotation.ts'
import type { Tools } from '../protocol/tools.ts'

/** What the procedures of administration work with, besides the tools of the protocol. */
export interface AdminTools extends Tools {
  readonly seal: Seal
  readonly keyPolicy: KeyPolicy
  readonly passwordHasher: PasswordHasher
  readonly cursors: Cursors
  /** Forgets the short memory of clients and resources, so that a change made here counts here at once. */
  readonly forget: () => void
}
