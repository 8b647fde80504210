import type { Queries, Statement } from './database.ts'
import { issuedAt, sessionIdle, sessionIdleEnds, sessionIsDead, sessionMaxEnds, touchIsDue } from './liveness.ts'
import type { Minting } from './refresh.ts'

/** What a presented code led to. `revoked` to `session_dead` burn the code; the mismatches burn nothing. */
export type ExchangeOutcome =
  | 'ok'
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

/*
 * ONE statement. Lock order: code row (only exchanges and the cleanup take it) -> user FOR SHARE -> session FOR SHARE -> insert.
 * Both share locks wait for an ending in progress and then see its result; an ending that comes later waits for this commit and finds the grant.
 * server, clients and feed_head are read from the snapshot, unlocked: a line drawn meanwhile lies above the grant's created_pos and kills it.
 */
const exchange: Statement = {
  name: 'exchange',
  text: `
with code as materialized (
  select a.*,
    case
      when a.client <> $2::uuid                                   then 'client_mismatch'
      when a.redirect_uri is distinct from $3::text               then 'redirect_mismatch'
      when a.code_challenge is distinct from $4::bytea            then 'pkce_mismatch'     -- also a verifier without challenge (RFC 9700 §2.1.1)
      when not $7::text = any(a.resource)                         then 'resource_mismatch'
      when a.used_at is not null                                  then 'replay'            -- with all else right: only the owner's replay revokes
      when a.expires_at <= clock_now()                            then 'expired'
      when a.jkt is not null and a.jkt is distinct from $6::bytea then 'binding_mismatch'
    end as refusal
  from authorization_codes a where a.hash = $1::bytea
  for update of a
), usr as materialized (
  select u.* from users u where u.id = (select code.user_id from code where code.refusal is null)
  for share of u
), ses as materialized (                     -- evaluated after usr: it depends on it
  select s.id, s.revoked_at, s.created_pos, s.created_at, s.auth_time, s.expires_at, s.last_seen_at, s.idle_s, s.remembered
  from sessions s where s.id = (select code.session_id from code join usr on true)
  for share of s
), verdict as materialized (
  select coalesce(code.refusal, case
      when code.created_pos < greatest(v.ended_pos, c.ended_pos, u.ended_pos, u.codes_pos) then 'revoked'
      when u.id is null or u.disabled_at is not null or c.disabled_at is not null          then 'disabled'
      when code.auth_time < greatest(v.not_before, c.not_before, u.not_before)             then 'not_before'
      when ${sessionIsDead}                                                                then 'session_dead'
      else 'ok' end) as outcome,
    h.seq as rvp, greatest(v.iat_floor, c.iat_floor) as iat_floor,
    case when not code.offline then ${sessionMaxEnds} end as s_max_ends, case when not code.offline then ${sessionIdleEnds} end as s_idle_ends,
    case when code.offline then least(v.offline_idle_s, c.offline_idle_s) else least(v.refresh_idle_s, c.idle_s, ${sessionIdle}) end as idle_s,
    case when code.offline then least(v.offline_max_s, c.offline_max_s) else least(v.refresh_max_s, c.max_s) end as max_s
  from code join server v on v.id = 1 join feed_head h on h.id = 1 join clients c on c.id = code.client left join usr u on true left join ses s on true
), burnt as (
  update authorization_codes a set used_at = clock_now() from code, verdict
  where a.hash = code.hash and verdict.outcome in ('ok', 'revoked', 'disabled', 'not_before', 'session_dead')
), made as (
  insert into grants (id, client, user_id, session_id, offline, scope, resource, claims, rt_nonce_hash, idle_s, expires_at, created_pos,
                      auth_time, acr, amr, jkt)
  select code.grant_id, code.client, code.user_id, code.session_id, code.offline, code.scope, code.resource, code.claims, $5::bytea,
         verdict.idle_s, least(clock_now() + make_interval(secs => verdict.max_s), verdict.s_max_ends),
         verdict.rvp, code.auth_time, code.acr, code.amr, coalesce(code.jkt, $6::bytea)
  from code, verdict where verdict.outcome = 'ok'
  returning expires_at, idle_s
), live as (
  select count(*) as n, (array_agg(g.id order by g.created_at, g.id))[1] as oldest
  from grants g join code on g.session_id = code.session_id and g.client = code.client
  where g.revoked_at is null and g.expires_at > clock_now()
)
select verdict.outcome, code.grant_id as "grantId", code.user_id as "userId", case when not code.offline then code.session_id end as "sessionId",
       code.offline, code.scope, code.resource, code.claims, (select standard_claims(u) from users u where u.id = code.user_id and code.claims is not null) as "userClaims",
       code.nonce, code.auth_time as "authTime", code.acr, code.amr, verdict.rvp, ${issuedAt('verdict.iat_floor')} as iat, new_id() as jti,
       least(made.expires_at, clock_now() + make_interval(secs => made.idle_s), verdict.s_idle_ends) as "aliveUntil",
       code.session_id as "idTokenSessionId", live.n as "liveInSession", live.oldest as "oldestGrant"
from code cross join verdict left join made on true cross join live`,
}

/** Redeems a code at most once. Undefined: there is no such code. A `replay` has ended nothing yet. */
export async function exchangeCode(db: Queries, r: CodeRedemption): Promise<Exchanged | undefined> {
  const rows = await db.run<Exchanged>(exchange, [
    r.hash,
    r.client,
    r.redirectUri ?? null,
    r.codeChallenge ?? null,
    r.nonceHash ?? null,
    r.jkt ?? null,
    r.resource ?? null,
  ])
  return rows[0]
}
