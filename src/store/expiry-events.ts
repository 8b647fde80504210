import { grantIdleEnds, grantMaxEnds, sessionIdleEnds, sessionMaxEnds } from './liveness.ts'

/*
 * What runs out is computed, not written: nothing happens at that moment. That it has happened is told once, by whoever deletes the row. What was
 * ended has its event from then; a line that was drawn has one for all.
 */

const endedByNobody = (row: string): string => `${row}.revoked_at is null
    and ${row}.created_pos >= greatest(v.ended_pos, u.ended_pos) and ${row}.auth_time >= greatest(v.not_before, u.not_before)`

/** Runs after `gone`, the rows of sessions that were deleted. */
export const sessionExpired = `
insert into audit_events (type, actor, target_kind, target_id, user_id, reason, detail)
select 'session.expired', 'system', 'session', s.id::text, s.user_id,
  case when ${sessionIdleEnds} < ${sessionMaxEnds} then 'session_idle' else 'session_max' end,
  jsonb_build_object('expired_at', least(${sessionIdleEnds}, ${sessionMaxEnds}))
from gone s join server v on v.id = 1 left join users u on u.id = s.user_id where ${endedByNobody('s')}`

/** The same for grants. How often one was refreshed is told here too, once: an event for each refresh would cost more than the refresh. */
export const grantExpired = `
insert into audit_events (type, actor, target_kind, target_id, user_id, client_id, reason, detail)
select case when is_over then 'grant.expired' else 'grant.refreshed' end, 'system', 'grant', g.id::text, g.user_id, c.client_id,
  case when is_over and ${grantIdleEnds} < ${grantMaxEnds} then 'grant_idle' when is_over then 'grant_max' end,
  jsonb_build_object('refreshes', g.rt_gen, 'last_used_at', g.rt_rotated_at)
    || case when is_over then jsonb_build_object('expired_at', least(${grantIdleEnds}, ${grantMaxEnds})) else '{}' end
from gone g join server v on v.id = 1 left join users u on u.id = g.user_id left join clients c on c.id = g.client
cross join lateral (select coalesce(${endedByNobody('g')}, false) as is_over) o
where is_over or g.rt_gen > 0`
