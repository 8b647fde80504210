import type { Actor } from '../domain/ending.ts'
import { combined, inPlace } from './combiner.ts'
import type { Database, Queries, Statement } from './database.ts'
import { exchangeAlone, exchangeTogether } from './exchange-statement.ts'
import { sessionIsDead, touchIsDue } from './liveness.ts'
import type { Minting } from './refresh.ts'

/** What a presented code led to. `revoked` to `session_dead` burn the code; the mismatches burn nothing. `held`: nothing was decided. */
export type ExchangeOutcome =
  | 'ok'
  | 'held'
  | 'replay'
  | 'client_mismatch'
  | 'expired'
  | 'redirect_mismatch'
  | 'pkce_mismatch'
  | 'resource_mismatch'
  | 'binding_mismatch'
  | 'revoked'
  | 'disabled'
  | 'not_before'
  | 'session_dead'

export interface Exchanged extends Minting {
  readonly outcome: ExchangeOutcome
  readonly nonce: string | null
  /** Live grants of this client in this session before this one, and the oldest of them. */
  readonly liveInSession: number
  readonly oldestGrant: string | null
}

export interface CodeIssue {
  readonly hash: Buffer
  readonly sessionId: string
  readonly userId: string
  readonly client: string
  /** As the request carried it, or undefined. */
  readonly redirectUri?: string
  readonly codeChallenge?: Buffer
  readonly scope: string
  readonly resource?: readonly string[]
  readonly claims?: object
  readonly nonce?: string
  readonly offline: boolean
  readonly jkt?: Buffer
  readonly ttlSeconds: number
  /** Address of the browser, kept with the touch of the session. */
  readonly ip: string | null
}

export interface CodeRedemption {
  readonly hash: Buffer
  readonly client: string
  readonly redirectUri?: string
  /** SHA-256 of the verifier. */
  readonly codeChallenge?: Buffer
  /** SHA-256 of the nonce of the refresh token that will be answered; absent when none is. */
  readonly nonceHash?: Buffer
  readonly jkt?: Buffer
  /** The resource that the request names; a code whose request named none may be exchanged for any. */
  readonly resource?: string
  readonly actor: Pick<Actor, 'ip' | 'requestId'>
}

/*
 * The touch of the session rides along, only with a code: a request that was refused is no sign of the person.
 * created_pos is the head of this snapshot. No row: the session is dead, run a login.
 */
const issue: Statement = {
  name: 'issue_code',
  text: `
with issued as (
  insert into authorization_codes (hash, grant_id, client, user_id, session_id, redirect_uri, code_challenge, scope, resource, claims, nonce,
                                   offline, jkt, auth_time, acr, amr, created_pos, expires_at)
  select $1::bytea, new_id(), c.id, u.id, s.id, $5::text, $6::bytea, $7::text, $8::text[], $9::jsonb, $10::text,
         $11::boolean, $12::bytea, s.auth_time, s.acr, s.amr, h.seq, clock_now() + make_interval(secs => $13::int)
  from sessions s join users u on u.id = s.user_id join clients c on c.id = $4::uuid join server v on v.id = 1 join feed_head h on h.id = 1
  where s.id = $2::uuid and s.user_id = $3::uuid and not ${sessionIsDead}
    and s.auth_time >= c.not_before and u.disabled_at is null and c.disabled_at is null
  returning grant_id, session_id
), touched as (
  update sessions s set last_seen_at = clock_now(), last_ip = coalesce($14::text, s.last_ip) from issued, server v
  where s.id = issued.session_id and v.id = 1 and s.revoked_at is null and ${touchIsDue}
)
select grant_id from issued`,
}

/** Issues a code from a live session. False: the session, the user or the client is not live any more. */
export async function issueCode(db: Queries, code: CodeIssue): Promise<boolean> {
  const rows = await db.run(issue, [
    code.hash,
    code.sessionId,
    code.userId,
    code.client,
    code.redirectUri ?? null,
    code.codeChallenge ?? null,
    code.scope,
    code.resource ?? null,
    code.claims ? JSON.stringify(code.claims) : null,
    code.nonce ?? null,
    code.offline,
    code.jkt ?? null,
    code.ttlSeconds,
    code.ip,
  ])
  return rows.length === 1
}

/**
 * Redeems a code at most once, together with those that come at the same moment. Undefined: there is no such code. A `replay` has ended nothing yet.
 */
export async function exchangeCode(db: Database, redemption: CodeRedemption): Promise<Exchanged | undefined> {
  const exchanged = await redeem(db, redemption)
  if (exchanged && exchanged.outcome !== 'held') return exchanged
  // Somebody holds the code, its user or its session, or it is gone. Here it keeps nobody else waiting.
  const [alone] = await exchange(db, exchangeAlone, [redemption])
  return alone
}

const redeem = combined<CodeRedemption, Exchanged | undefined>({
  run: (db, batch) => exchange(db, exchangeTogether, batch),
  concurrency: 1,
  small: 8,
  // Of two of one code the second is a replay.
  thing: ({ hash }) => hash.toString('latin1'),
})

/** What came of each, in its place. */
async function exchange(
  db: Queries,
  statement: Statement,
  batch: readonly CodeRedemption[],
): Promise<(Exchanged | undefined)[]> {
  const rows = await db.run<Exchanged & { readonly place: number }>(statement, [
    batch.map(({ hash }) => hash),
    batch.map(({ client }) => client),
    batch.map(({ redirectUri }) => redirectUri ?? null),
    batch.map(({ codeChallenge }) => codeChallenge ?? null),
    batch.map(({ nonceHash }) => nonceHash ?? null),
    batch.map(({ jkt }) => jkt ?? null),
    batch.map(({ resource }) => resource ?? null),
    batch.map(({ actor }) => actor.ip ?? null),
    batch.map(({ actor }) => actor.requestId ?? null),
  ])
  return inPlace(rows, batch.length)
}
