import type { ClaimsRequest } from '../domain/claims.ts'
import type { Queries, Statement } from './database.ts'
import {
  grantIdle,
  grantIsExpired,
  grantIsWithdrawn,
  grantMaxEnds,
  issuedAt,
  sessionIdle,
  sessionIsDead,
  sessionMaxEnds,
  touchIsDue,
} from './liveness.ts'

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
  readonly offline: boolean
  readonly scope: string
  readonly resource: readonly string[] | null
  readonly claims: ClaimsRequest | null
  readonly userClaims: Record<string, unknown> | null
  readonly authTime: Date
  readonly acr: string | null
  readonly amr: readonly string[] | null
  /** Feed position of the snapshot that authorised this mint. */
  readonly rvp: number
  readonly iat: number
  readonly jti: string
  /** When the grant ends if nobody uses it: no access token may outlive it. */
  readonly aliveUntil: Date
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

/*
 * ONE statement decides, under the lock of the grant's row. It is evaluated again on the newest version after a wait.
 * Every other row, the head included, is of the statement's snapshot: a line drawn after it has a position above rvp and kills what is minted.
 * Lock order: session, then grant, as everywhere. SKIP LOCKED alone does not make the touch safe: while it follows an update chain PostgreSQL
 * waits for a newer holder, so a touch taken after the grant's lock still deadlocks with the ending of a session, rarely. Taken first it cannot.
 */
const refresh: Statement = {
  name: 'refresh',
  text: `
with due as materialized (                   -- the touch, when it is due: decided on the snapshot, locked before the grant
  select s.id from grants g join clients c on c.id = g.client join sessions s on s.id = g.session_id join server v on v.id = 1
  where g.id = $1::uuid and g.rt_gen = $2::int and not g.offline and c.refresh_is_activity and v.refresh_is_activity and ${touchIsDue}
  for no key update of s skip locked
), cur as materialized (
  select g.id, g.rt_gen, g.rt_rotated_at, ${grantIdle} as idle_s, ${grantMaxEnds} as max_ends, g.user_id, g.session_id, g.offline, g.scope, g.resource, g.claims,
         case when g.claims is not null then standard_claims(u) end as user_claims,
         g.auth_time, g.acr, g.amr, ${sessionMaxEnds} as s_max_ends, s.last_seen_at, ${sessionIdle} as s_idle_s,
         c.rotates, c.reuse_ends_session, h.seq as rvp, greatest(v.iat_floor, c.iat_floor) as iat_floor,
    case
      when g.rt_nonce_hash is distinct from $4::bytea                        then 'forged'
      when g.client <> $3::uuid                                              then 'client_mismatch'   -- before reuse: a stranger cannot end the owner's grant
      when g.revoked_at is not null                                          then 'revoked'
      when g.created_pos < greatest(v.ended_pos, u.ended_pos, c.ended_pos)   then 'revoked'
      when u.disabled_at is not null or c.disabled_at is not null            then 'disabled'
      when g.auth_time < greatest(v.not_before, u.not_before, c.not_before)  then 'not_before'
      when not g.offline and ${sessionIsDead}                                then 'session_dead'
      when ${grantIsExpired}                                                 then 'expired'           -- RFC 9700 §4.14.2
      when ${grantIsWithdrawn}                                               then 'withdrawn'
      when g.jkt is not null and g.jkt is distinct from $5::bytea            then 'binding_mismatch'
      when $2::int = g.rt_gen
        and not (string_to_array(g.scope, ' ') @> $6::text[] and c.scopes @> $6::text[]) then 'scope_exceeded'
      when $2::int = g.rt_gen and not $7::text = any(g.resource)             then 'resource_mismatch'
      when $2::int = g.rt_gen                                                then 'rotate'
      when $2::int = g.rt_gen - 1 and greatest(coalesce(c.grace_s, v.refresh_grace_s), c.lost_response_s) > 0
        and clock_now() < g.rt_rotated_at + make_interval(secs => greatest(coalesce(c.grace_s, v.refresh_grace_s), c.lost_response_s)) then 'retry'
      when $2::int < g.rt_gen                                                then 'reuse'
      else 'forged' end as outcome
  from grants g
  join users u on u.id = g.user_id
  join clients c on c.id = g.client
  left join sessions s on s.id = g.session_id and not g.offline
  join server v on v.id = 1
  join feed_head h on h.id = 1
  cross join (select count(*) from due) first                                -- runs before the lock below
  where g.id = $1::uuid
  for no key update of g
), rotated as (
  update grants g set rt_gen = g.rt_gen + cur.rotates::int, rt_rotated_at = clock_now()
  from cur where g.id = cur.id and cur.outcome = 'rotate'
  returning g.rt_gen, g.rt_rotated_at
), touched as (
  update sessions s set last_seen_at = clock_now() from due, cur
  where s.id = due.id and s.id = cur.session_id and cur.outcome = 'rotate' and s.revoked_at is null
  returning s.last_seen_at
)
select cur.outcome, coalesce(r.rt_gen, cur.rt_gen) as generation, cur.id as "grantId", cur.user_id as "userId",
       case when not cur.offline then cur.session_id end as "sessionId",
       cur.session_id as "idTokenSessionId", cur.offline, cur.scope, cur.resource, cur.claims,
       cur.user_claims as "userClaims", cur.auth_time as "authTime", cur.acr, cur.amr, cur.rvp,
       ${issuedAt('cur.iat_floor')} as iat, new_id() as jti,
       least(cur.max_ends, coalesce(r.rt_rotated_at, cur.rt_rotated_at) + make_interval(secs => cur.idle_s), cur.s_max_ends,
             coalesce(t.last_seen_at, cur.last_seen_at) + make_interval(secs => cur.s_idle_s)) as "aliveUntil",
       cur.reuse_ends_session as "reuseEndsSession"
from cur left join rotated r on true left join touched t on true`,
}

/** Decides on one presentation and rotates if it may. Undefined: no such grant (any more). A `reuse` has written nothing yet. */
export async function refreshGrant(db: Queries, p: Presentation): Promise<Refreshed | undefined> {
  const rows = await db.run<Refreshed>(refresh, [
    p.grantId,
    p.generation,
    p.client,
    p.nonceHash,
    p.jkt ?? null,
    p.scopes ?? null,
    p.resource ?? null,
  ])
  return rows[0]
}
