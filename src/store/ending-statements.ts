import type { Statement } from './database.ts'

/*
 * Each statement is sent on its own: a later one has a later snapshot and sees what the lock of the earlier one waited for. One statement
 * for all of it would miss a grant whose insert was in flight. Lock order: server -> client -> user -> session -> grant (several of a kind
 * in ascending id) -> feed head, which is the last lock before COMMIT. Code rows are never touched: redemption refuses by itself.
 * Where one statement suffices the row is locked first, because the head is updated FROM it.
 *
 * The audit event is written by the same statement. $1 is always what is ended, $2 the reason, $3 the life of the feed entry in seconds,
 * $4 the actor, $5 the address, $6 the request id, $7 a note.
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

const until = 'clock_now() + make_interval(secs => $3::int)'
const lastEight = (id: string) => `substring(uuid_send(${id}) from 9)`

export const endGrant: Statement = {
  name: 'end_grant',
  text: `
with g as (
  update grants set revoked_at = clock_now(), revoke_reason = $2::text where id = $1::uuid and revoked_at is null returning id, user_id, client
), n as (update feed_head h set seq = h.seq + 1 from g where h.id = 1 returning h.seq, g.id, g.user_id, g.client
), e as (insert into feed_entries (seq, kind, key, until) select n.seq, 'g', ${lastEight('n.id')}, ${until} from n
), a as (${audited('grant.ended', 'grant', { user: 'n.user_id', client: '(select client_id from clients where id = n.client)' })})
select n.seq as position, 0 as sessions, 1 as grants from n`,
}

export const lockSession: Statement = {
  name: 'end_session_1',
  text: `update sessions set revoked_at = clock_now(), revoke_reason = $2::text where id = $1::uuid and revoked_at is null returning id`,
}

const endGrantsWhere = (condition: string) => `
with l as materialized (select id from grants where ${condition} and revoked_at is null order by id for no key update)
update grants g set revoked_at = clock_now(), revoke_reason = $2::text from l where g.id = l.id returning g.id`

/** Offline grants outlive their session (OpenID Connect Back-Channel Logout 1.0 §2.7). */
export const endGrantsOfSession: Statement = {
  name: 'end_session_2',
  text: endGrantsWhere('session_id = $1::uuid and not offline'),
}

export const drawSessionLine: Statement = {
  name: 'end_session_3',
  text: `
with n as (update feed_head set seq = seq + 1 where id = 1 returning seq
), e as (insert into feed_entries (seq, kind, key, until) select n.seq, 's', ${lastEight('$1::uuid')}, ${until} from n
), a as (${audited('session.ended', 'session', {
    user: '(select user_id from sessions where id = $1::uuid)',
    detail: `jsonb_build_object('grants', $8::int)`,
  })})
select seq as position from n`,
}

/** Waits for every exchange and login of the user in flight. */
export const lockUser: Statement = {
  name: 'end_user_1',
  text: `select id from users where id = $1::uuid for no key update`,
}

export const endSessionsOfUser: Statement = {
  name: 'end_user_2',
  text: `
with l as materialized (select id from sessions where user_id = $1::uuid and revoked_at is null order by id for no key update)
update sessions s set revoked_at = clock_now(), revoke_reason = $2::text from l where s.id = l.id returning s.id`,
}

export const endGrantsOfUser: Statement = {
  name: 'end_user_3',
  text: endGrantsWhere('user_id = $1::uuid'),
}

export const drawUserLine: Statement = {
  name: 'end_user_4',
  text: `
with n as (update feed_head set seq = seq + 1 where id = 1 returning seq
), u as (update users u set ended_pos = n.seq from n where u.id = $1::uuid
), e as (insert into feed_entries (seq, kind, key, until) select n.seq, 'u', $10::bytea, ${until} from n
), a as (${audited('user.ended', 'user', { user: '$1', detail: `jsonb_build_object('sessions', $8::int, 'grants', $9::int)` })})
select seq as position from n`,
}

export const endGrantsOfUserAndClient: Statement = {
  name: 'end_user_client_1',
  text: endGrantsWhere('user_id = $1::uuid and client = $3::uuid'),
}

/** One entry per grant; an empty set still takes a position, because codes_pos has to move past the codes that are out. */
export const drawUserClientLine: Statement = {
  name: 'end_user_client_2',
  text: `
with n as (update feed_head set seq = seq + greatest(cardinality($8::uuid[]), 1) where id = 1 returning seq
), u as (update users u set codes_pos = n.seq from n where u.id = $1::uuid
), e as (
  insert into feed_entries (seq, kind, key, until)
  select n.seq - cardinality($8::uuid[]) + x.i, 'g', ${lastEight('x.id')}, ${until} from n cross join unnest($8::uuid[]) with ordinality as x(id, i)
  union all
  select n.seq, 'g', '\\x0000000000000000', clock_now() from n where cardinality($8::uuid[]) = 0
), a as (${audited('user_client.ended', 'user', { user: '$1', client: '$9', detail: `jsonb_build_object('grants', cardinality($8::uuid[]))` })})
select seq as position from n`,
}

const nextSecond = 'floor(extract(epoch from clock_now()))::bigint + 1'

/** One row, whatever the number of grants: they are dead by position. */
export const endClient: Statement = {
  name: 'end_client',
  text: `
with c as materialized (select id, client_id from clients where id = $1::uuid for no key update
), n as (update feed_head h set seq = h.seq + 1 from c where h.id = 1 returning h.seq
), l as (update clients set ended_pos = n.seq, iat_floor = greatest(iat_floor, ${nextSecond}) from n where clients.id = $1::uuid
), e as (insert into feed_entries (seq, kind, key, until) select n.seq, 'c', $8::bytea, ${until} from n
), a as (${audited('client.ended', 'client', { target: '(select client_id from c)', client: '(select client_id from c)' })})
select seq as position, null::int as sessions, null::int as grants from n`,
}

export const endAll: Statement = {
  name: 'end_all',
  text: `
with v as materialized (select id from server where id = 1 and $1::text is null for no key update
), n as (update feed_head h set seq = h.seq + 1 from v where h.id = 1 returning h.seq
), l as (update server set ended_pos = n.seq, iat_floor = greatest(iat_floor, ${nextSecond}) from n where server.id = 1
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
