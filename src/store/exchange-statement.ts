import type { Statement } from './database.ts'
import { inSeconds, issuedAt, sessionIdle, sessionIdleEnds, sessionIsDead, sessionMaxEnds } from './liveness.ts'

/*
 * ONE statement for all codes of a batch, each judged by itself. Lock order: code rows (only exchanges and the cleanup take them) -> users FOR SHARE ->
 * sessions FOR SHARE -> insert, several of a kind in ascending order. Both share locks wait for an ending in progress and then see its result, or,
 * together, pass it by; an ending that comes later waits for this commit and finds the grant.
 * server, clients and feed_head are read from the snapshot, unlocked: a line drawn meanwhile lies above the grant's created_pos and kills it.
 *
 * $1 hashes of codes, $2 clients, $3 redirect URIs, $4 challenges, $5 hashes of nonces, $6 DPoP thumbprints, $7 resources, $8 addresses, $9 request
 * ids; null where there is none.
 */
const exchanging = (ifHeld: '' | 'skip locked'): string => `
with p as materialized (
  select * from unnest($1::bytea[], $2::uuid[], $3::text[], $4::bytea[], $5::bytea[], $6::bytea[], $7::text[], $8::text[], $9::text[])
    with ordinality as p (hash, client, redirect_uri, code_challenge, nonce_hash, jkt, resource, ip, request_id, place)
), code as materialized (
  select p.place, p.nonce_hash, p.ip, p.request_id, coalesce(a.jkt, p.jkt) as bound_jkt, a.*,
    case
      when a.client <> p.client                                   then 'client_mismatch'
      when a.redirect_uri is distinct from p.redirect_uri         then 'redirect_mismatch'
      when a.code_challenge is distinct from p.code_challenge     then 'pkce_mismatch'     -- also a verifier without challenge (RFC 9700 §2.1.1)
      when not p.resource = any(a.resource)                       then 'resource_mismatch'
      when a.used_at is not null                                  then 'replay'            -- with all else right: only the owner's replay revokes
      when a.expires_at <= clock_now()                            then 'expired'
      when a.jkt is not null and a.jkt is distinct from p.jkt     then 'binding_mismatch'
    end as refusal
  from p join authorization_codes a on a.hash = p.hash
  order by a.hash
  for update of a ${ifHeld}
), usr as materialized (
  select u.* from users u where u.id in (select code.user_id from code where code.refusal is null)
  order by u.id
  for share of u ${ifHeld}
), ses as materialized (                     -- evaluated after usr: it depends on it
  select s.id, s.revoked_at, s.created_pos, s.created_at, s.auth_time, s.expires_at, s.last_seen_at, s.idle_s, s.remembered
  from sessions s where s.id in (select code.session_id from code join usr on usr.id = code.user_id where code.refusal is null)
  order by s.id
  for share of s ${ifHeld}
), verdict as materialized (
  select code.place, coalesce(code.refusal, case
      when ${ifHeld ? '(u.id is null or s.id is null)' : 'false'}                          then 'held'
      when code.created_pos < greatest(v.ended_pos, c.ended_pos, u.ended_pos, u.codes_pos) then 'revoked'
      when u.id is null or u.disabled_at is not null or c.disabled_at is not null          then 'disabled'
      when code.auth_time < greatest(v.not_before, c.not_before, u.not_before)             then 'not_before'
      when ${sessionIsDead}                                                                then 'session_dead'
      else 'ok' end) as outcome,
    c.client_id, h.seq as rvp, greatest(v.iat_floor, c.iat_floor) as iat_floor,
    case when not code.offline then ${sessionMaxEnds} end as s_max_ends, case when not code.offline then ${sessionIdleEnds} end as s_idle_ends,
    case when code.offline then least(v.offline_idle_s, c.offline_idle_s) else least(v.refresh_idle_s, c.idle_s, ${sessionIdle}) end as idle_s,
    case when code.offline then least(v.offline_max_s, c.offline_max_s) else least(v.refresh_max_s, c.max_s) end as max_s
  from code join server v on v.id = 1 join feed_head h on h.id = 1 join clients c on c.id = code.client
  left join usr u on u.id = code.user_id left join ses s on s.id = code.session_id
), burnt as (
  update authorization_codes a set used_at = clock_now() from code join verdict on verdict.place = code.place
  where a.hash = code.hash and verdict.outcome in ('ok', 'revoked', 'disabled', 'not_before', 'session_dead')
), made as (
  insert into grants (id, client, user_id, session_id, offline, scope, resource, claims, rt_nonce_hash, idle_s, expires_at, created_pos,
                      auth_time, acr, amr, jkt)
  select code.grant_id, code.client, code.user_id, code.session_id, code.offline, code.scope, code.resource, code.claims, code.nonce_hash,
         verdict.idle_s, least(clock_now() + make_interval(secs => verdict.max_s), verdict.s_max_ends),
         verdict.rvp, code.auth_time, code.acr, code.amr, code.bound_jkt
  from code join verdict on verdict.place = code.place where verdict.outcome = 'ok'
  returning id, expires_at, idle_s
), audited as (
  insert into audit_events (type, actor, target_kind, target_id, user_id, client_id, ip, request_id, detail)
  select 'code.redeemed', 'client:' || verdict.client_id, 'grant', code.grant_id::text, code.user_id, verdict.client_id, code.ip, code.request_id,
         jsonb_build_object('session_id', code.session_id)
  from code join verdict on verdict.place = code.place where verdict.outcome = 'ok'
)
select code.place::int, verdict.outcome, code.grant_id as "grantId", code.user_id as "userId", case when not code.offline then code.session_id end as "sessionId",
       code.scope, code.resource, code.claims, (select standard_claims(u) from users u where u.id = code.user_id and code.claims is not null) as "userClaims",
       code.nonce, ${inSeconds('code.auth_time')} as "authTimeSeconds", code.acr, code.amr, verdict.rvp, ${issuedAt('verdict.iat_floor')} as iat,
       ${inSeconds('least(made.expires_at, clock_now() + make_interval(secs => made.idle_s), verdict.s_idle_ends)')} as "aliveUntilSeconds",
       code.session_id as "idTokenSessionId", live.n as "liveInSession", live.oldest as "oldestGrant"
from code join verdict on verdict.place = code.place left join made on made.id = code.grant_id cross join lateral (
  select count(*) as n, (array_agg(g.id order by g.created_at, g.id))[1] as oldest from grants g
  where g.session_id = code.session_id and g.client = code.client and g.revoked_at is null and g.expires_at > clock_now()
) live`

/** Passes by what somebody holds: a code, a user or a session. Such a member is `held`, or has no row. */
export const exchangeTogether: Statement = { name: 'exchange', text: exchanging('skip locked') }

/** Waits for whoever holds what it needs. */
export const exchangeAlone: Statement = { name: 'exchange_alone', text: exchanging('') }
