import type { Statement } from './database.ts'
import {
  grantIdle,
  grantIsWithdrawn,
  grantMaxEnds,
  grantRunsOut,
  inSeconds,
  issuedAt,
  sessionIdle,
  sessionLastUsed,
  sessionMaxEnds,
  sessionOfGrantIsDead,
} from './liveness.ts'

/*
 * ONE statement decides on all presentations of a batch, each by itself, under the locks of the grants' rows. `facts` has what those locks do not
 * change, read once from the statement's snapshot, the head included: a line drawn after it has a position above rvp and kills what is minted. Of a
 * grant's row only rt_gen, rt_rotated_at, active_at and revoked_at ever change; they, and what is made of them, are read under its lock, and a row is
 * evaluated again on its newest version after a wait.
 *
 * It locks grants, by ascending id, and nothing else: that its session was used it writes into the grant's row, too. At most one presentation of a
 * grant may be in a batch.
 *
 * $1 grants, $2 generations, $3 clients, $4 hashes of nonces, $5 DPoP thumbprints, $6 scopes between spaces, $7 resources; null where there is none.
 */
const deciding = (ifHeld: '' | 'skip locked'): string => `
with p as materialized (
  select * from unnest($1::uuid[], $2::int[], $3::uuid[], $4::bytea[], $5::bytea[], $6::text[], $7::text[])
    with ordinality as p (grant_id, gen, client, nonce_hash, jkt, scopes, resource, place)
), facts as materialized (
  select p.*, ${grantIdle} as idle_s, ${grantMaxEnds} as max_ends, case when g.claims is not null then standard_claims(u) end as user_claims,
         g.session_id, s.last_seen_at, ${sessionIdle} as s_idle_s, ${sessionMaxEnds} as s_max_ends,
         not g.offline and ${sessionOfGrantIsDead} as session_is_dead, ${grantIsWithdrawn} as is_withdrawn,
         u.disabled_at is not null or c.disabled_at is not null as is_disabled,
         greatest(v.ended_pos, u.ended_pos, c.ended_pos) as ended_pos, greatest(v.not_before, u.not_before, c.not_before) as not_before,
         c.scopes as client_scopes, greatest(coalesce(c.grace_s, v.refresh_grace_s), c.lost_response_s) as grace_s, c.rotates, c.reuse_ends_session,
         h.seq as rvp, greatest(v.iat_floor, c.iat_floor) as iat_floor,
         not g.offline and c.refresh_is_activity and v.refresh_is_activity as is_activity
  from p
  join grants g on g.id = p.grant_id
  join users u on u.id = g.user_id
  join clients c on c.id = g.client
  left join sessions s on s.id = g.session_id and not g.offline
  join server v on v.id = 1
  join feed_head h on h.id = 1
), cur as materialized (
  select f.*, g.id, g.rt_gen, g.rt_rotated_at, g.active_at, g.user_id, g.offline, g.scope, g.resource as grant_resource, g.claims, g.auth_time, g.acr, g.amr,
    case
      when g.rt_nonce_hash is distinct from f.nonce_hash      then 'forged'
      when g.client <> f.client                               then 'client_mismatch'   -- before reuse: a stranger cannot end the owner's grant
      when g.revoked_at is not null                           then 'revoked'
      when g.created_pos < f.ended_pos                        then 'revoked'
      when f.is_disabled                                      then 'disabled'
      when g.auth_time < f.not_before                         then 'not_before'
      when f.session_is_dead                                  then 'session_dead'
      when ${grantRunsOut('f.max_ends', 'f.idle_s')}          then 'expired'           -- RFC 9700 §4.14.2
      when f.is_withdrawn                                     then 'withdrawn'
      when g.jkt is not null and g.jkt is distinct from f.jkt then 'binding_mismatch'
      when f.gen = g.rt_gen
        and not (string_to_array(g.scope, ' ') @> string_to_array(f.scopes, ' ') and f.client_scopes @> string_to_array(f.scopes, ' ')) then 'scope_exceeded'
      when f.gen = g.rt_gen and not f.resource = any(g.resource) then 'resource_mismatch'
      when f.gen = g.rt_gen                                   then 'rotate'
      when f.gen = g.rt_gen - 1 and f.grace_s > 0 and clock_now() < g.rt_rotated_at + make_interval(secs => f.grace_s) then 'retry'
      when f.gen < g.rt_gen                                   then 'reuse'
      else 'forged' end as outcome
  from facts f
  join grants g on g.id = f.grant_id
  order by g.id
  for no key update of g ${ifHeld}
), rotated as (
  update grants g set rt_gen = g.rt_gen + cur.rotates::int, rt_rotated_at = clock_now(),
    active_at = case when cur.is_activity then clock_now() else g.active_at end
  from cur where g.id = cur.id and cur.outcome = 'rotate'
  returning g.id, g.rt_gen, g.rt_rotated_at, case when cur.is_activity then g.active_at end as active_at
)
select cur.place::int, cur.outcome, coalesce(r.rt_gen, cur.rt_gen) as generation, cur.id as "grantId", cur.user_id as "userId",
       case when not cur.offline then cur.session_id end as "sessionId",
       cur.session_id as "idTokenSessionId", cur.scope, cur.grant_resource as resource, cur.claims,
       cur.user_claims as "userClaims", ${inSeconds('cur.auth_time')} as "authTimeSeconds", cur.acr, cur.amr, cur.rvp,
       ${issuedAt('cur.iat_floor')} as iat,
       ${inSeconds(`least(cur.max_ends, coalesce(r.rt_rotated_at, cur.rt_rotated_at) + make_interval(secs => cur.idle_s), cur.s_max_ends,
             coalesce(r.active_at, case when not cur.offline then greatest(cur.active_at, ${sessionLastUsed}) end) + make_interval(secs => cur.s_idle_s))`)} as "aliveUntilSeconds",
       cur.reuse_ends_session as "reuseEndsSession"
from cur left join rotated r on r.id = cur.id cross join lateral (select cur.session_id as id, cur.last_seen_at) s`

/** Passes by whoever's grant is held: one that has to wait would keep all others waiting. They come back without a row. */
export const refreshTogether: Statement = { name: 'refresh', text: deciding('skip locked') }

/** Waits for whoever holds the grant. */
export const refreshAlone: Statement = { name: 'refresh_alone', text: deciding('') }
