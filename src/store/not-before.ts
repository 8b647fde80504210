import type { Actor } from '../domain/ending.ts'
import { feedEntryLifeSeconds } from '../domain/signing-key.ts'
import type { Queries, Statement } from './database.ts'

export interface NotBeforeDocument {
  readonly server: number
  readonly position: number
  readonly clients: Readonly<Record<string, number>>
}

const read: Statement = {
  name: 'read_not_before',
  text: `
select v.iat_floor as server, h.seq as position,
  case when $1::boolean then coalesce((select jsonb_object_agg(client_id, iat_floor) from clients where iat_floor > 0), '{}') else '{}' end as clients
from server v join feed_head h on h.id = 1 where v.id = 1`,
}

/** What services that only compare `iat` have to know. Clients are listed only for those who may read them. */
export async function readNotBefore(db: Queries, withClients: boolean): Promise<NotBeforeDocument> {
  const [row] = await db.run<NotBeforeDocument>(read, [withClients])
  if (!row) throw new Error('server has no row')
  return row
}

export type NotBeforeScope = 'server' | 'client' | 'user'

const tables = {
  server: {
    kind: 'a',
    key: `'\\x0000000000000000'::bytea`,
    row: `server where id = 1 and $1::text is null`,
    target: '$1::text',
  },
  client: {
    kind: 'c',
    key: '$7::bytea',
    row: 'clients where id = $1::uuid',
    target: '(select client_id from clients where id = $1::uuid)',
  },
  user: { kind: 'u', key: '$7::bytea', row: 'users where id = $1::uuid', target: '$1::text' },
} as const

function statementFor(scope: NotBeforeScope): Statement {
  const { kind, key, row, target } = tables[scope]
  const table = row.split(' ')[0]
  const about = { server: '', client: 'client_id, ', user: 'user_id, ' }[scope]
  const floor = scope === 'user' ? '' : ', iat_floor = greatest(t.iat_floor, $2::bigint)'
  return {
    name: `not_before_${scope}`,
    text: `
with r as materialized (select id, not_before from ${row} for no key update
), n as (
  update feed_head h set seq = h.seq + 1 from r where h.id = 1 and r.not_before < to_timestamp($2::double precision) returning h.seq
), l as (
  update ${table} t set not_before = to_timestamp($2::double precision), not_before_at = clock_now(), not_before_by = $4::text${floor} from n, r where t.id = r.id
), e as (
  insert into feed_entries (seq, kind, key, until, nb)
  select n.seq, '${kind}', ${key}, clock_now() + make_interval(secs => $3::int), to_timestamp($2::double precision) from n
), a as (
  insert into audit_events (type, actor, target_kind, target_id, reason, position, ip, request_id, ${about}detail)
  select 'not_before.moved', $4::text, '${scope}', ${target}, 'not_before', n.seq, $5::text, $6::text, ${about && `${target}${scope === 'user' ? '::uuid' : ''}, `}jsonb_build_object('not_before', $2::bigint) from n
)
select greatest(r.not_before, to_timestamp($2::double precision)) as "notBefore", coalesce(n.seq, h.seq) as position
from r join feed_head h on h.id = 1 left join n on true`,
  }
}

const statements = { server: statementFor('server'), client: statementFor('client'), user: statementFor('user') }

/**
 * Kills what was authenticated before an instant in the past. It only moves forward: an earlier instant changes nothing. Undefined: unknown id.
 * For "now" use `end`, which is exact.
 */
export async function moveNotBefore(
  db: Queries,
  line: { scope: NotBeforeScope; id?: string; seconds: number; actor: Actor; feedKey: Buffer },
): Promise<{ notBefore: Date; position: number } | undefined> {
  const rows = await db.run<{ notBefore: Date; position: number }>(statements[line.scope], [
    line.id ?? null,
    line.seconds,
    feedEntryLifeSeconds,
    line.actor.id,
    line.actor.ip ?? null,
    line.actor.requestId ?? null,
    ...(line.scope === 'server' ? [] : [line.feedKey]),
  ])
  return rows[0]
}

const lines: Record<NotBeforeScope, string> = {
  server: 'server t on t.id = 1 and $1::text is null',
  client: 'clients t on t.id = $1::uuid',
  user: 'users t on t.id = $1::uuid',
}

/** One line in whole seconds; 0: none. Lines that were drawn for a user with "now" are positions, and show no seconds. */
export async function readLine(
  db: Queries,
  scope: NotBeforeScope,
  id: string | undefined,
): Promise<{ seconds: number; position: number } | undefined> {
  const floor = scope === 'user' ? '0' : 't.iat_floor'
  const statement = {
    name: `read_line_${scope}`,
    text: `select greatest(${floor}, case when t.not_before > '-infinity' then ceil(extract(epoch from t.not_before)) else 0 end)::bigint as seconds,
      h.seq as position from feed_head h join ${lines[scope]} where h.id = 1`,
  }
  const rows = await db.run<{ seconds: number; position: number }>(statement, [id ?? null])
  return rows[0]
}

const clock: Statement = { name: 'read_clock', text: 'select extract(epoch from clock_now())::float8 as seconds' }

/** Seconds of the only clock that decides. */
export async function readClock(db: Queries): Promise<number> {
  const [row] = await db.run<{ seconds: number }>(clock, [])
  return row?.seconds ?? 0
}
