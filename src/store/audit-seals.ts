import type { Database, Queries, Statement } from './database.ts'

/** An audit event as it goes into the chain: everything as text, so that it is the same whoever reads it. */
export interface ChainedEvent {
  readonly id: string
  readonly at: string
  readonly atMs: number
  readonly month: string
  /** What is hashed as it is, in a fixed order. */
  readonly fields: readonly (string | null)[]
  /** What may be erased, and what takes its place then. */
  readonly personal: string
  readonly hasPersonal: boolean
  readonly salt: string | null
  readonly personalHash: Buffer | null
}

/** A seal as it is stored. */
export interface StoredSeal {
  readonly n: number
  readonly at: Date
  readonly atMicros: string
  readonly month: string
  readonly events: number
  readonly rowsHash: Buffer
  readonly mac: Buffer
}

const micros = (instant: string) => `(extract(epoch from ${instant}) * 1000000)::bigint::text`
const utcMonth = (instant: string) => `date_trunc('month', ${instant} at time zone 'UTC')`

// Times in microseconds and numbers as text: what a session makes of them does not count.
const chained = (
  salt: string,
) => `a.id::text as id, a.at::text as at, extract(epoch from a.at)::float8 * 1000 as "atMs", to_char(${utcMonth('a.at')}, 'YYYY-MM-DD') as month,
  array[a.id::text, ${micros('a.at')}, a.type, a.outcome, a.actor, a.target_kind, a.target_id, a.user_id::text, a.client_id, a.reason,
    a.position::text, a.request_id, (a.detail - array['username', 'email', 'ip', 'user_agent'])::text] as fields,
  audit_personal_part(a.ip, a.detail) as personal, audit_personal_part(a.ip, a.detail) <> audit_personal_part(null, null) as "hasPersonal",
  (${salt})::text as salt, a.personal_hash as "personalHash"`

/*
 * All that is committed and has no seal, oldest first, of one month. There is no mark up to which everything is sealed: an event that commits late
 * would be beneath it for ever. The order begins with the seal, although that is null: so it is the order of the index.
 */
const unsealed: Statement = {
  name: 'read_unsealed_events',
  text: `
with first as materialized (select ${utcMonth('at')} as month from audit_events where seal is null order by seal, at, id limit 1)
select ${chained('coalesce(a.salt, case when a.personal_hash is null then gen_random_uuid() end)')} from audit_events a, first
where a.seal is null and a.at >= first.month at time zone 'UTC' and a.at < (first.month + interval '1 month') at time zone 'UTC'
order by a.seal, a.at, a.id limit $1::int`,
}

// What waits is read in the order of its index, and each event is found by its key, whatever the statistics say: those of a month that has just begun
// make all that waits look like a few rows, which would be read and sorted whole for every seal.
const plainly: Statement = {
  name: 'plan_sealing_plainly',
  text: `
select ${['bitmapscan', 'sort', 'hashjoin', 'mergejoin'].map((name) => `set_config('enable_${name}', 'off', true)`).join(', ')}`,
}

export async function readUnsealedEvents(db: Database, limit: number): Promise<ChainedEvent[]> {
  return db.transaction(async (tx) => {
    await tx.run(plainly, [])
    return tx.run<ChainedEvent>(unsealed, [limit])
  })
}

const sealColumns = `n, at, ${micros('at')} as "atMicros", to_char(month, 'YYYY-MM-DD') as month, events, rows_hash as "rowsHash", mac`

const last: Statement = {
  name: 'read_last_seal',
  text: `
select ${sealColumns}, extract(epoch from clock_now() - at)::float8 as "ageSeconds" from audit_seals order by n desc limit 1`,
}

export async function readLastSeal(db: Queries): Promise<(StoredSeal & { readonly ageSeconds: number }) | undefined> {
  const [row] = await db.run<StoredSeal & { ageSeconds: number }>(last, [])
  return row
}

const clock: Statement = {
  name: 'read_seal_clock',
  text: `select clock_now()::text as at, ${micros('clock_now()')} as "atMicros"`,
}

/** When a seal is made: part of what is hashed, so it is asked for first. */
export async function readSealClock(db: Queries): Promise<{ readonly at: string; readonly atMicros: string }> {
  const [row] = await db.run<{ at: string; atMicros: string }>(clock, [])
  if (!row) throw new Error('the database has no clock')
  return row
}

/** A seal to be stored, with what it writes into its events. */
export interface NewSeal {
  readonly n: number
  readonly at: string
  readonly month: string
  readonly rowsHash: Buffer
  readonly mac: Buffer
  /** Of the seal before. */
  readonly before: Buffer | undefined
  readonly events: readonly { readonly event: ChainedEvent; readonly mac: Buffer }[]
}

const turn: Statement = {
  name: 'take_sealing_turn',
  text: `select pg_try_advisory_xact_lock(hashtext('falconer.audit_seals')) as mine`,
}

/*
 * The seal is compared in a form that its index does not serve. What was erased since it was read has lost the salt that its mac is made with, if it
 * had none before.
 */
const mark: Statement = {
  name: 'mark_sealed_events',
  text: `
with marked as (
  update audit_events a set seal = $1::bigint, place = x.place, mac = x.mac, salt = case when a.personal_hash is null then coalesce(a.salt, x.salt) end
  from unnest($2::uuid[], $3::timestamptz[], $4::bytea[], $5::uuid[], $6::boolean[]) with ordinality as x(id, at, mac, salt, erased, place)
  where a.id = x.id and a.at = x.at and coalesce(a.seal, 0) = 0 and (a.personal_hash is not null) = x.erased
  returning 1
)
select count(*)::int as marked from marked`,
}

const insert: Statement = {
  name: 'insert_audit_seal',
  text: `
insert into audit_seals (n, at, month, events, rows_hash, mac)
values ($1::bigint, $2::timestamptz, $3::date, $4::int, $5::bytea, $6::bytea)`,
}

/** Something is not as it was when the seal was made. */
class Raced extends Error {}

/** Stores a seal and marks its events, or does nothing: another instance was faster, or an event is not as it was read. */
export async function storeSeal(db: Database, seal: NewSeal): Promise<boolean> {
  try {
    await db.transaction((tx) => storeSealIn(tx, seal))
    return true
  } catch (error) {
    if (error instanceof Raced) return false
    throw error
  }
}

async function storeSealIn(tx: Queries, { n, at, month, rowsHash, mac, before, events }: NewSeal): Promise<void> {
  const [turned] = await tx.run<{ mine: boolean }>(turn, [])
  if (!turned?.mine) throw new Raced()
  await tx.run(plainly, [])
  const newest = await readLastSeal(tx)
  if ((newest?.n ?? 0) !== n - 1 || (before && !newest?.mac.equals(before))) throw new Raced()
  const [counted] = await tx.run<{ marked: number }>(mark, [
    n,
    events.map(({ event }) => event.id),
    events.map(({ event }) => event.at),
    events.map((sealed) => sealed.mac),
    events.map(({ event }) => event.salt),
    events.map(({ event }) => event.personalHash !== null),
  ])
  if (counted?.marked !== events.length) throw new Raced()
  await tx.run(insert, [n, at, month, events.length, rowsHash, mac])
}

const seals: Statement = {
  name: 'read_audit_seals',
  text: `select ${sealColumns} from audit_seals where n > $1::bigint order by n limit $2::int`,
}

/** Seals after that number, in order. */
export async function readSeals(db: Queries, after: number, limit: number): Promise<StoredSeal[]> {
  return db.run<StoredSeal>(seals, [after, limit])
}

/** An event as it stands under its seal. */
export interface SealedEvent extends ChainedEvent {
  readonly seal: number
  readonly place: number | null
  readonly mac: Buffer | null
}

const sealed: Statement = {
  name: 'read_sealed_events',
  text: `
select ${chained('a.salt')}, a.seal, a.place, a.mac from audit_events a
where a.seal between $1::bigint and $2::bigint order by a.seal, a.place nulls last limit $3::int`,
}

/** The events under the seals `from` to `to`; no more than `limit`, which is more than there should be. */
export async function readSealedEvents(db: Queries, from: number, to: number, limit: number): Promise<SealedEvent[]> {
  return db.run<SealedEvent>(sealed, [from, to, limit])
}

const outside: Statement = {
  name: 'read_events_outside_seals',
  text: `
select ${chained('a.salt')}, a.seal, a.place, a.mac from audit_events a where a.seal > $1::bigint or a.seal < 1 limit 1`,
}

/** An event under a seal after that number, or under none that could be. */
export async function findEventBeyond(db: Queries, n: number): Promise<SealedEvent | undefined> {
  const [row] = await db.run<SealedEvent>(outside, [n])
  return row
}

const waiting: Statement = {
  name: 'count_unsealed_events',
  text: `
select count(*)::int as events, min(at) as "oldestAt" from (select at from audit_events where seal is null order by seal, at, id limit 1000) u`,
}

/** What is not sealed yet, counted up to 1000. */
export async function countUnsealed(db: Queries): Promise<{ readonly events: number; readonly oldestAt: Date | null }> {
  const [row] = await db.run<{ events: number; oldestAt: Date | null }>(waiting, [])
  return row ?? { events: 0, oldestAt: null }
}

const readKey: Statement = { name: 'read_audit_key', text: 'select audit_key as key from server where id = 1' }
const writeKey: Statement = {
  name: 'write_audit_key',
  text: 'update server set audit_key = $2::bytea where id = 1 and audit_key is not distinct from $1::bytea',
}

/** The sealed key of the chain. */
export async function readAuditKey(db: Queries): Promise<Buffer | undefined> {
  const [row] = await db.run<{ key: Buffer | null }>(readKey, [])
  return row?.key ?? undefined
}

/** Stores a key, unless another instance did so meanwhile. */
export async function writeAuditKey(db: Queries, before: Buffer | undefined, after: Buffer): Promise<void> {
  await db.run(writeKey, [before ?? null, after])
}
