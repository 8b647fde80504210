import type { Statement } from './database.ts'
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

/*
 * ONE statement decides on all presentations of a batch, each by itself, under the locks of the grants' rows. A row is evaluated again on its newest
 * version after a wait. Every other row, the head included, is of the statement's snapshot: a line drawn after it has a position above rvp and
 * kills what is minted.
 *
 * Lock order: sessions, then grants, each by ascending id, as everywhere. SKIP LOCKED alone does not make the touch safe: while it follows an update
 * chain PostgreSQL waits for a newer holder, so a touch taken after the grant's lock still deadlocks with the ending of a session, rarely. Taken first
 * it cannot. At most one presentation of a grant may be in a batch.
 *
 * $1 grants, $2 generations, $3 clients, $4 hashes of nonces, $5 DPoP thumbprints, $6 scopes between spaces, $7 resources; null where there is none.
 */
const deciding = (ifHeld: '' | 'skip locked'): string => `
with p as materialized (
  select * from unnest($1::uuid[], $2::int[], $3::uuid[], $4::bytea[], $5::bytea[], $6::text[], $7::text[])
    with ordinality as p (grant_id, gen, client, nonce_hash, jkt, scopes, resource, place)
), due as materialized (                     -- the touch, when it is due: decided on the snapshot, locked before the grants
  select s.id from p join grants g on g.id = p.grant_id and g.rt_gen = p.gen join clients c on c.id = g.client
  join sessions s on s.id = g.session_id join server v on v.id = 1
  where not g.offline and c.refresh_is_activity and v.refresh_is_activity and ${touchIsDue}
  order by s.id
  for no key update of s skip locked
), cur as materialized (
  select p.place, g.id, g.rt_gen, g.rt_rotated_at, ${grantIdle} as idle_s, ${grantMaxEnds} as max_ends, g.user_id, g.session_id, g.offline, g.scope, g.resource, g.claims,
         case when g.claims is not null then standard_claims(u) end as user_claims,
         g.auth_time, g.acr, g.amr, ${sessionMaxEnds} as s_max_ends, s.last_seen_at, ${sessionIdle} as s_idle_s,
         c.rotates, c.reuse_ends_session, h.seq as rvp, greatest(v.iat_floor, c.iat_floor) as iat_floor,
    case
      when g.rt_nonce_hash is distinct from p.nonce_hash                     then 'forged'
      when g.client <> p.client                                              then 'client_mismatch'   -- before reuse: a stranger cannot end the owner's grant
      when g.revoked_at is not null                                          then 'revoked'
      when g.created_pos < greatest(v.ended_pos, u.ended_pos, c.ended_pos)   then 'revoked'
      when u.disabled_at is not null or c.disabled_at is not null            then 'disabled'
      when g.auth_time < greatest(v.not_before, u.not_before, c.not_before)  then 'not_before'
      when not g.offline and ${sessionIsDead}                                then 'session_dead'
      when ${grantIsExpired}                                                 then 'expired'           -- RFC 9700 §4.14.2
      when ${grantIsWithdrawn}                                               then 'withdrawn'
      when g.jkt is not null and g.jkt is distinct from p.jkt                then 'binding_mismatch'
      when p.gen = g.rt_gen
        and not (string_to_array(g.scope, ' ') @> string_to_array(p.scopes, ' ') and c.scopes @> string_to_array(p.scopes, ' ')) then 'scope_exceeded'
      when p.gen = g.rt_gen and not p.resource = any(g.resource)             then 'resource_mismatch'
      when p.gen = g.rt_gen                                                  then 'rotate'
      when p.gen = g.rt_gen - 1 and greatest(coalesce(c.grace_s, v.refresh_grace_s), c.lost_response_s) > 0
        and clock_now() < g.rt_rotated_at + make_interval(secs => greatest(coalesce(c.grace_s, v.refresh_grace_s), c.lost_response_s)) then 'retry'
      when p.gen < g.rt_gen                                                  then 'reuse'
      else 'forged' end as outcome
  from p
  join grants g on g.id = p.grant_id
  join users u on u.id = g.user_id
  join clients c on c.id = g.client
  left join sessions s on s.id = g.session_id and not g.offline
  join server v on v.id = 1
  join feed_head h on h.id = 1
  cross join (select count(*) from due) first                                -- runs before the locks below
  order by g.id
  for no key update of g ${ifHeld}
), rotated as (
  update grants g set rt_gen = g.rt_gen + cur.rotates::int, rt_rotated_at = clock_now()
  from cur where g.id = cur.id and cur.outcome = 'rotate'
  returning g.id, g.rt_gen, g.rt_rotated_at
), touched as (
  update sessions s set last_seen_at = clock_now() from due
  where s.id = due.id and s.revoked_at is null and s.id in (select cur.session_id from cur where cur.outcome = 'rotate' and not cur.offline)
  returning s.id, s.last_seen_at
)
select cur.place::int, cur.outcome, coalesce(r.rt_gen, cur.rt_gen) as generation, cur.id as "grantId", cur.user_id as "userId",
       case when not cur.offline then cur.session_id end as "sessionId",
       cur.session_id as "idTokenSessionId", cur.offline, cur.scope, cur.resource, cur.claims,
       cur.user_claims as "userClaims", cur.auth_time as "authTime", cur.acr, cur.amr, cur.rvp,
       ${issuedAt('cur.iat_floor')} as iat, new_id() as jti,
       least(cur.max_ends, coalesce(r.rt_rotated_at, cur.rt_rotated_at) + make_interval(secs => cur.idle_s), cur.s_max_ends,
             coalesce(t.last_seen_at, cur.last_seen_at) + make_interval(secs => cur.s_idle_s)) as "aliveUntil",
       cur.reuse_ends_session as "reuseEndsSession"
from cur left join rotated r on r.id = cur.id left join touched t on t.id = cur.session_id and not cur.offline`

/** Passes by whoever's grant is held: one that has to wait would keep all others waiting. They come back without a row. */
export const refreshTogether: Statement = { name: 'refresh', text: deciding('skip locked') }

/** Waits for whoever holds the grant. */
export const refreshAlone: Statement = { name: 'refresh_alone', text: deciding('') }
