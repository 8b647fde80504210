import type { Statement } from './database.ts'
import { grantIsDead, grantIsOver, sessionIsDead } from './liveness.ts'

/*
 * Each statement is sent on its own: a later one has a later snapshot and sees what the lock of the earlier one waited for. One statement
 * for all of it would miss a grant whose insert was in flight. Lock order: server -> client -> user -> session -> grant (several of a kind
 * in ascending id) -> feed head, which is the last lock before COMMIT. Code rows are never touched: redemption refuses by itself.
 * Where one statement suffices the row is locked first, because the head is updated FROM it.
 *
 * Statements that end rows take $1 whose they are, $2 the reason, $3 the actor. Those that draw a line take the head, write the feed and the
 * audit event: $1 what is ended, $2 the reason, $3 the life of a feed entry in seconds, $4 the actor, $5 the address, $6 the request id, $7 a note.
 */
const audited = (
  type: string,
  kind: string,
  {
    target = '$1::text',
    detail = 'null',
    user = 'null',
    client = 'null',
  }: { target?: string; detail?: string; user?: string; client?: string },
) =>
  `insert into audit_events (type, actor, target_kind, target_id, reason, position, ip, request_id, user_id, client_id, detail)
   select '${type}', $4::text, '${kind}', ${target}, $2::text, n.seq, $5::text, $6::text, ${user}::uuid, ${client}::text,
     nullif(jsonb_strip_nulls(jsonb_build_object('note', $7::text) || coalesce(${detail}::jsonb, '{}')), '{}') from n`

/** How long an entry stays in the feed. */
export const until = 'clock_now() + make_interval(secs => $3::int)'
/** The key of a session, a grant or a token in the feed. */
export const lastEight = (id: string) => `substring(uuid_send(${id}) from 9)`

const ended = `revoked_at = clock_now(), revoke_reason = $2::text, revoked_by = $3::text`

/** What a row-ending statement answers: every row that it ended, and whether that was alive until now. */
export interface EndedRow {
  readonly id: string
  readonly alive: boolean
}

const sessionsWhere = (condition: string) => `
with l as materialized (
  select s.id, not ${sessionIsDead} as alive from sessions s left join users u on u.id = s.user_id join server v on v.id = 1
  where ${condition} and s.revoked_at is null order by s.id for no key update of s)
update sessions s set ${ended} from l where s.id = l.id returning s.id, l.alive`

/** $4: the sessions that were alive until this ending, whose online grants were alive with them. */
const grantsWhere = (condition: string) => `
with l as materialized (
  select g.id, g.offline, not ${grantIsOver} and (g.offline or g.session_id = any($4::uuid[])) as alive
  from grants g left join users u on u.id = g.user_id left join clients c on c.id = g.client join server v on v.id = 1
  where ${condition} and g.revoked_at is null order by g.id for no key update of g)
update grants g set ${ended} from l where g.id = l.id returning g.id, l.offline, l.alive`

export const endSessionsOfUser: Statement = { name: 'end_user_2', text: sessionsWhere('s.user_id = $1::uuid') }

export const endGrantsOfUser: Statement = { name: 'end_user_3', text: grantsWhere('g.user_id = $1::uuid') }

/** $4 the sessions to end, null for all of the user's; $5 one to leave alone. */
export const endSomeSessionsOfUser: Statement = {
  name: 'end_user_sessions_1',
  text: sessionsWhere(
    `s.user_id = $1::uuid and ($4::uuid[] is null or s.id = any($4::uuid[])) and s.id is distinct from $5::uuid`,
  ),
}

/** $5 the sessions that were ended; $6 whether offline grants go too, all but those that began in session $7. */
export const endGrantsOfSomeSessions: Statement = {
  name: 'end_user_sessions_2',
  text: grantsWhere(
    `g.user_id = $1::uuid and (case when g.offline then $6::boolean and g.session_id is distinct from $7::uuid else g.session_id = any($5::uuid[]) end)`,
  ),
}

export const endGrantsOfUserAndClient: Statement = {
  name: 'end_user_client_1',
  text: `
with l as materialized (
  select g.id, g.offline, not ${grantIsDead} as alive
  from grants g left join users u on u.id = g.user_id left join clients c on c.id = g.client join server v on v.id = 1
  left join sessions s on s.id = g.session_id and not g.offline
  where g.user_id = $1::uuid and g.client = $4::uuid and g.revoked_at is null order by g.id for no key update of g)
update grants g set ${ended} from l where g.id = l.id returning g.id, l.offline, l.alive`,
}

/*
 * The entries of several rows, in the order of $8 (kinds) and $9 (ids). An ending without any still takes a position: what was issued before
 * it has to lie below.
 */
const entries = `
with n as (update feed_head set seq = seq + greatest(cardinality($9::uuid[]), 1) where id = 1 returning seq
), e as (
  insert into feed_entries (seq, kind, key, until)
  select n.seq - cardinality($9::uuid[]) + x.i, x.kind::"char", ${lastEight('x.id')}, ${until}
  from n cross join unnest($8::text[], $9::uuid[]) with ordinality as x(kind, id, i)
  union all
  select n.seq, 'g', '\\x0000000000000000', ${until} from n where cardinality($9::uuid[]) = 0
)`
const counts = `jsonb_build_object('sessions', $10::int, 'grants', $11::int)`

export const drawUserSessionsLine: Statement = {
  name: 'end_user_sessions_3',
  text: `${entries}, a as (${audited('user_sessions.ended', 'user', { user: '$1', detail: counts })})
select seq as position from n`,
}

/** The user's consent goes too: the client has to ask again. */
export const drawUserClientLine: Statement = {
  name: 'end_user_client_2',
  text: `${entries}, u as (update users u set codes_pos = n.seq from n where u.id = $1::uuid
), k as (delete from consents where user_id = $1::uuid and client = $13::uuid
), a as (${audited('user_client.ended', 'user', { user: '$1', client: '$12', detail: counts })})
select seq as position from n`,
}

const drawn = `ended_pos = n.seq, ended_at = clock_now(), ended_reason = $2::text, ended_by = $4::text`

export const drawUserLine: Statement = {
  name: 'end_user_4',
  text: `
with n as (update feed_head set seq = seq + 1 where id = 1 returning seq
), u as (update users u set ${drawn} from n where u.id = $1::uuid
), e as (insert into feed_entries (seq, kind, key, until) select n.seq, 'u', $8::bytea, ${until} from n
), a as (${audited('user.ended', 'user', { user: '$1', detail: `jsonb_build_object('sessions', $9::int, 'grants', $10::int)` })})
select seq as position from n`,
}

const nextSecond = 'floor(extract(epoch from clock_now()))::bigint + 1'

/** One row, whatever the number of grants: they are dead by position. */
export const endClient: Statement = {
  name: 'end_client',
  text: `
with c as materialized (select id, client_id from clients where id = $1::uuid for no key update
), n as (update feed_head h set seq = h.seq + 1 from c where h.id = 1 returning h.seq
), l as (update clients set ${drawn}, iat_floor = greatest(iat_floor, ${nextSecond}) from n where clients.id = $1::uuid
), e as (insert into feed_entries (seq, kind, key, until) select n.seq, 'c', $8::bytea, ${until} from n
), a as (${audited('client.ended', 'client', { target: '(select client_id from c)', client: '(select client_id from c)' })})
select seq as position, null::int as sessions, null::int as grants from n`,
}

export const endAll: Statement = {
  name: 'end_all',
  text: `
with v as materialized (select id from server where id = 1 and $1::text is null for no key update
), n as (update feed_head h set seq = h.seq + 1 from v where h.id = 1 returning h.seq
), l as (update server set ${drawn}, iat_floor = greatest(iat_floor, ${nextSecond}) from n where server.id = 1
), e as (insert into feed_entries (seq, kind, key, until) select n.seq, 'a', '\\x0000000000000000', ${until} from n
), a as (${audited('all.ended', 'server', { target: 'null' })})
select seq as position, null::int as sessions, null::int as grants from n`,
}

export const endJti: Statement = {
  name: 'end_jti',
  text: `
with j as (
  insert into revoked_jtis (jti, expires_at) values ($1::uuid, coalesce($8::timestamptz, ${until})) on conflict do nothing returning jti
), n as (update feed_head h set seq = h.seq + 1 from j where h.id = 1 returning h.seq
), e as (insert into feed_entries (seq, kind, key, until) select n.seq, 'j', ${lastEight('$1::uuid')}, ${until} from n
), a as (${audited('token.ended', 'jti', {})})
select n.seq as position, 0 as sessions, 0 as grants from n`,
}

/** Tokens of this key are dead whatever they say, also those that a thief has signed; its private part is destroyed. */
export const endKid: Statement = {
  name: 'end_kid',
  text: `
with k as materialized (select kid from signing_keys where kid = $1::text and compromised_at is null for no key update
), n as (update feed_head h set seq = h.seq + 1 from k where h.id = 1 returning h.seq
), s as (
  update signing_keys s set compromised_at = clock_now(), retire_at = least(coalesce(s.retire_at, clock_now()), clock_now()), remove_at = clock_now(),
    private_key = null from n where s.kid = $1::text
), e as (insert into feed_entries (seq, kind, key, until) select n.seq, 'k', $8::bytea, ${until} from n
), a as (${audited('key.ended', 'key', {})}
), w as materialized (select pg_notify('falconer_feed', 'keys') from n)
select n.seq as position, 0 as sessions, 0 as grants, (select count(*) from w) as told from n`,
}

/**
 * /not-before shows whole seconds, so the floor must lie beyond the clock at COMMIT. A slow commit may have let it be reached: then it is
 * raised once more.
 */
export const raiseFloor = {
  client: {
    name: 'raise_client_floor',
    text: `update clients set iat_floor = ${nextSecond} where id = $1::uuid and iat_floor < ${nextSecond}`,
  },
  server: {
    name: 'raise_server_floor',
    text: `update server set iat_floor = ${nextSecond} where id = 1 and iat_floor < ${nextSecond}`,
  },
} satisfies Record<string, Statement>
