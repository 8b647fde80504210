import type { RefreshTokens } from '../crypto/refresh-token.ts'
import type { Lifetimes, LimitName } from '../domain/lifetimes.ts'
import type { NoteAudit } from '../store/audit-buffer.ts'
import type { FindClient } from '../store/clients.ts'
import type { Database } from '../store/database.ts'
import type { FeedKey } from '../store/end.ts'
import type { Limit } from '../store/limits.ts'
import type { FindResources } from '../store/resources.ts'
import type { Feed } from './feed/feed.ts'
import type { KeyRing } from './keys/ring.ts'

/** What the procedures of the protocol work with; built once, in server.ts. */
export interface Tools {
  readonly db: Database
  readonly issuer: string
  readonly lifetimes: Lifetimes
  readonly keys: KeyRing
  readonly refreshTokens: RefreshTokens
  /** May be a few seconds old; what must hold at once is read by the statements themselves. */
  readonly findClient: FindClient
  readonly findResources: FindResources
  readonly feedKey: FeedKey
  readonly feed: Feed
  /** For failures and reads, which may be many: written a little later, the same ones of one moment as one. */
  readonly noteAudit: NoteAudit
  /** The limit of that name for one subject; empty when limits are off. */
  readonly limit: (name: LimitName, subject: string) => readonly Limit[]
}

/** The audience of access tokens for the admin API. */
export const adminAudience = (issuer: string): string => `${issuer}/admin`
