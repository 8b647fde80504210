import type { ClaimsRequest } from '../domain/claims.ts'
import { combined, inPlace } from './combiner.ts'
import type { Database, Queries, Statement } from './database.ts'
import { refreshAlone, refreshTogether } from './refresh-statement.ts'

/** What a presented refresh token led to. Only the first two are answered with tokens. */
export type RefreshOutcome =
  | 'rotate'
  | 'retry'
  | 'reuse'
  | 'forged'
  | 'client_mismatch'
  | 'revoked'
  | 'disabled'
  | 'withdrawn'
  | 'not_before'
  | 'session_dead'
  | 'expired'
  | 'binding_mismatch'
  | 'scope_exceeded'
  | 'resource_mismatch'

/** What a token response is made from; the same for a refresh and for a code exchange. */
export interface Minting {
  readonly grantId: string
  readonly userId: string
  readonly sessionId: string | null
  /** ID tokens always name the session; access tokens of offline grants do not, because they outlive it. */
  readonly idTokenSessionId: string | null
  readonly scope: string
  readonly resource: readonly string[] | null
  readonly claims: ClaimsRequest | null
  readonly userClaims: Record<string, unknown> | null
  readonly authTimeSeconds: number
  readonly acr: string | null
  readonly amr: readonly string[] | null
  /** Feed position of the snapshot that authorised this mint. */
  readonly rvp: number
  readonly iat: number
  /** When the grant ends if nobody uses it: no access token may outlive it. */
  readonly aliveUntilSeconds: number
}

export interface Refreshed extends Minting {
  readonly outcome: RefreshOutcome
  /** Generation of the refresh token to answer with. */
  readonly generation: number
  /** The client wants a reuse to end the session too. */
  readonly reuseEndsSession: boolean
}

export interface Presentation {
  readonly grantId: string
  readonly generation: number
  readonly nonceHash: Buffer
  /** Internal id of the client that presents it. */
  readonly client: string
  /** DPoP key thumbprint, when the request proved one. */
  readonly jkt?: Buffer
  /** Scopes that the request names, and its resource: what exceeds the grant is refused before anything rotates. */
  readonly scopes?: readonly string[]
  readonly resource?: string
}

/**
 * Decides on one presentation and rotates if it may, together with those that come at the same moment. Undefined: no such grant (any more).
 * A `reuse` has written nothing yet.
 */
export async function refreshGrant(db: Database, presentation: Presentation): Promise<Refreshed | undefined> {
  const decided = await present(db, presentation)
  if (decided) return decided
  // Its grant is held by somebody, or is gone. Here it keeps nobody else waiting.
  const [alone] = await decide(db, refreshAlone, [presentation])
  return alone
}

const present = combined<Presentation, Refreshed | undefined>({
  run: (db, batch) => decide(db, refreshTogether, batch),
  // While one batch is decided and written to the disk the next gathers: more of them side by side were smaller, and slower. A small one costs
  // PostgreSQL hardly less than its start, and four that wait for that lose more than a second start costs.
  concurrency: 1,
  small: 8,
  // Two of one grant in a batch would both find the generation that they know.
  thing: ({ grantId }) => grantId,
})

/** What came of each, in its place. */
async function decide(
  db: Queries,
  statement: Statement,
  batch: readonly Presentation[],
): Promise<(Refreshed | undefined)[]> {
  const rows = await db.run<Refreshed & { readonly place: number }>(statement, [
    batch.map(({ grantId }) => grantId),
    batch.map(({ generation }) => generation),
    batch.map(({ client }) => client),
    batch.map(({ nonceHash }) => nonceHash),
    batch.map(({ jkt }) => jkt ?? null),
    batch.map(({ scopes }) => scopes?.join(' ') ?? null),
    batch.map(({ resource }) => resource ?? null),
  ])
  return inPlace(rows, batch.length)
}
