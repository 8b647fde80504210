import type { PasswordHasher } from '../crypto/password-hash.ts'
import type { LimitName } from '../domain/lifetimes.ts'
import type { NoteAudit } from '../store/audit-buffer.ts'
import type { Database } from '../store/database.ts'
import type { FeedKey } from '../store/end.ts'
import type { Limit } from '../store/limits.ts'

/** What signing in works with; built once, in server.ts. */
export interface LoginTools {
  readonly db: Database
  readonly passwordHasher: PasswordHasher
  readonly feedKey: FeedKey
  /** For failures that may be many: written a little later, the same ones of one moment as one. */
  readonly noteAudit: NoteAudit
  readonly limit: (name: LimitName, subject: string) => readonly Limit[]
}
