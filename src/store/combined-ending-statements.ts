import type { Statement } from './database.ts'
import { lastEight, until } from './ending-statements.ts'
import { grantIsDead, grantIsOver, sessionIsDead, sessionOfGrantIsDead } from './liveness.ts'

/*
 * Endings of sessions and grants, any number at once; one alone is a batch of one. What stands in ending-statements.ts about separate statements
 * and the order of locks holds here for the whole batch: all of its sessions, then all of its grants, each by ascending id, then the head, once.
 * The parameters are those of there, as arrays with one element for each ending: its place in them is its name.
 *
 * The result is that of the endings one after the other. A row belongs to the first that names it or takes it along.
 */

/** A row that was ended, whose ending it belongs to (counted from 1), and whether it was alive until now. */
export interface EndedInPlace {
  readonly place: number
  readonly id: string
  readonly alive: boolean
  readonly userId: string
}

const ended = `revoked_at = clock_now(), revoke_reason = ($2::text[])[l.place], revoked_by = ($3::text[])[l.place]`

/** $1 has nulls where something else is to end. */
export const endSessionRows: Statement = {
  name: 'end_session_1',
  text: `
with l as materialized (
  select s.id, array_position($1::uuid[], s.id) as place, not ${sessionIsDead} as alive
  from sessions s left join users u on u.id = s.user_id join server v on v.id = 1
  where s.id = any($1::uuid[]) and s.revoked_at is null order by s.id for no key update of s)
update sessions s set ${ended} from l where s.id = l.id returning l.place, s.id, l.alive, s.user_id as "userId"`,
}

/**
 * $1 the sessions that were ended, $4 those of them that were alive, $5 the grants that are named.
 * Offline grants outlive their session (OpenID Connect Back-Channel Logout 1.0 §2.7), unless their client wants them to end with a log-out, or
 * with the next person's log-in at the same browser.
 */
export const endGrantRows: Statement = {
  name: 'end_session_2',
  text: `
with l as materialized (
  select g.id, g.offline, first.place, c.client_id, not ${grantIsOver} and (g.offline or
    case when g.session_id = any($1::uuid[]) then g.session_id = any($4::uuid[]) else not ${sessionOfGrantIsDead} end) as alive
  from grants g left join users u on u.id = g.user_id left join clients c on c.id = g.client join server v on v.id = 1
  left join sessions s on s.id = g.session_id and not g.offline
  cross join lateral (select array_position($1::uuid[], g.session_id) as place) whose
  cross join lateral (select least(array_position($5::uuid[], g.id),
    case when not g.offline or (($2::text[])[whose.place] in ('logout', 'replaced') and c.logout_ends_offline) then whose.place end) as place) first
  where (g.id = any($5::uuid[]) or g.session_id = any($1::uuid[])) and g.revoked_at is null and first.place is not null
  order by g.id for no key update of g)
update grants g set ${ended} from l where g.id = l.id
returning l.place, g.id, l.alive, g.user_id as "userId", l.offline, l.client_id as "clientId"`,
}

const audit =
  'insert into audit_events (type, actor, target_kind, target_id, reason, position, ip, request_id, user_id, client_id, detail)'

/**
 * The entries in order: $8 kinds, $9 ids. Of each ending its target ($10 kind, $1 id), the user and the client ($11, $12), the number of its
 * last entry, which is where it stands itself ($13), and what it counts ($14 sessions, $15 grants; null where it counts nothing).
 */
export const drawLines: Statement = {
  name: 'end_session_3',
  text: `
with n as (
  update feed_head set seq = seq + cardinality($9::uuid[]) where id = 1 returning seq - cardinality($9::uuid[]) as before
), e as (
  insert into feed_entries (seq, kind, key, until)
  select n.before + x.nth, x.kind::"char", ${lastEight('x.id')}, ${until}
  from n cross join unnest($8::text[], $9::uuid[]) with ordinality as x(kind, id, nth)
), a as (
  ${audit}
  select m.target || '.ended', m.actor, m.target, m.id::text, m.reason, n.before + m.nth, m.ip, m.request, m.user_id, m.client_id,
    nullif(jsonb_strip_nulls(jsonb_build_object('note', m.note, 'sessions', m.sessions, 'grants', m.grants)), '{}')
  from n cross join unnest($1::uuid[], $2::text[], $4::text[], $5::text[], $6::text[], $7::text[], $10::text[], $11::uuid[], $12::text[],
    $13::int[], $14::int[], $15::int[])
    as m(id, reason, actor, ip, request, note, target, user_id, client_id, nth, sessions, grants)
)
select before from n`,
}

/**
 * Where nothing but grants is to end one statement suffices: nothing of theirs can be in flight. How many positions to draw is known only when
 * every row is locked, so the head still comes last.
 */
export const endGrants: Statement = {
  name: 'end_grant',
  text: `
with l as materialized (
  select g.id, array_position($1::uuid[], g.id) as place, c.client_id, not ${grantIsDead} as alive
  from grants g left join users u on u.id = g.user_id left join clients c on c.id = g.client join server v on v.id = 1
  left join sessions s on s.id = g.session_id and not g.offline
  where g.id = any($1::uuid[]) and g.revoked_at is null order by g.id for no key update of g
), g as (
  update grants g set revoked_at = clock_now(), revoke_reason = ($2::text[])[l.place], revoked_by = ($4::text[])[l.place]
  from l where g.id = l.id returning l.place, g.id, g.user_id, l.client_id, l.alive
), x as materialized (
  select *, row_number() over (order by place) as nth from g
), n as (
  update feed_head h set seq = h.seq + k.grants from (select count(*) as grants from x) k where h.id = 1 and k.grants > 0
  returning h.seq - k.grants as before
), e as (
  insert into feed_entries (seq, kind, key, until) select n.before + x.nth, 'g', ${lastEight('x.id')}, ${until} from n cross join x
), a as (
  ${audit}
  select 'grant.ended', ($4::text[])[x.place], 'grant', x.id::text, ($2::text[])[x.place], n.before + x.nth, ($5::text[])[x.place],
    ($6::text[])[x.place], x.user_id, x.client_id, nullif(jsonb_strip_nulls(jsonb_build_object('note', ($7::text[])[x.place])), '{}')
  from n cross join x
)
select x.place, n.before + x.nth as position, 0 as sessions, x.alive::int as grants from n cross join x`,
}
