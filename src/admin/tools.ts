import type { AuditChain } from '../crypto/audit-chain.ts'
import type { Cursors } from '../crypto/cursor.ts'
import type { PasswordHasher } from '../crypto/password-hash.ts'
import type { Seal } from '../crypto/seal.ts'
import type { Post } from '../outbound/post.ts'
import type { KeyPolicy } from '../protocol/keys/rotation.ts'
import type { Tools } from '../protocol/tools.ts'

/** What the procedures of administration work with, besides the tools of the protocol. */
export interface AdminTools extends Tools {
  readonly seal: Seal
  readonly keyPolicy: KeyPolicy
  readonly passwordHasher: PasswordHasher
  readonly cursors: Cursors
  readonly auditChain: AuditChain
  readonly auditRetentionDays: number
  /** Sends to somebody else's server. */
  readonly post: Post
  /** Writes what was noted since the last time. */
  readonly flushAudit: () => Promise<void>
  /** Forgets the short memory of clients and resources, so that a change made here counts here at once. */
  readonly forget: () => void
}
