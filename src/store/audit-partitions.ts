import type { Queries, Statement } from './database.ts'

const makePartitions: Statement = { name: 'make_audit_partitions', text: 'select make_audit_partitions() as made' }

/** Makes the monthly partitions of the next 40 days where they are missing; returns how many it made. */
export async function makeAuditPartitions(db: Queries): Promise<number> {
  const rows = await db.run<{ made: number }>(makePartitions, [])
  return rows[0]?.made ?? 0
}

const drop: Statement = { name: 'drop_audit_partition', text: 'select drop_audit_partition($1::int) as name' }

/**
 * Drops one monthly partition of which every event is older than `keptDays`; returns its name. Undefined: none, or another instance does it.
 * @throws {Unavailable} when the lock was not given within 50 ms
 */
export async function dropAuditPartition(db: Queries, keptDays: number): Promise<string | undefined> {
  const [row] = await db.run<{ name: string | null }>(drop, [keptDays])
  return row?.name ?? undefined
}

const countDue: Statement = {
  name: 'count_due_audit_partitions',
  text: 'select count(*)::int as due from due_audit_partitions($1::int)',
}

/** How many partitions are still there although all their events are older than `keptDays`. */
export async function countDueAuditPartitions(db: Queries, keptDays: number): Promise<number> {
  const [row] = await db.run<{ due: number }>(countDue, [keptDays])
  return row?.due ?? 0
}

// Ten days less than they are made ahead: nobody is warned about the turn of a month.
const readAhead: Statement = {
  name: 'read_audit_ahead',
  text: `
select exists (
  select from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'audit_events'::regclass
    and c.relname = 'audit_events_' || to_char((clock_now() at time zone 'UTC') + interval '30 days', 'YYYY_MM')) as ahead`,
}

/** Whether the events of 30 days from now have a partition waiting for them. Without one they go to the default partition. */
export async function hasAuditPartitionAhead(db: Queries): Promise<boolean> {
  const [row] = await db.run<{ ahead: boolean }>(readAhead, [])
  return row?.ahead ?? false
}

const firstKept: Statement = {
  name: 'read_first_kept_month',
  text: `select to_char(date_trunc('month', (clock_now() - make_interval(days => $1::int)) at time zone 'UTC'), 'YYYY-MM-DD') as month`,
}

/** The first month, as `YYYY-MM-DD`, that the retention may not have dropped. */
export async function readFirstKeptMonth(db: Queries, keptDays: number): Promise<string> {
  const [row] = await db.run<{ month: string }>(firstKept, [keptDays])
  if (!row) throw new Error('the database has no clock')
  return row.month
}
