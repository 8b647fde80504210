import { DatabaseError } from 'pg'
import { Unavailable } from '../domain/unavailable.ts'
import type { Database, Queries, Statement } from './database.ts'
import { sessionExpired } from './expiry-events.ts'
import { deleteGrants } from './grant-cleanup.ts'

/** How long what has run out is kept. */
export interface Retention {
  /** Sessions and grants, so that an administrator can still see why somebody is out. */
  readonly sessionDays: number
  readonly auditDays: number
}

const hour = 3600
const day = 24 * hour

interface Rule {
  /** When a row ran out; an index begins with it. */
  readonly column: string
  readonly keptSeconds: (retention: Retention) => number
  /** What is told of the rows that are gone. */
  readonly told?: string
}

/** Everything that runs out by itself, and how long it is kept after that. What was ended goes at the same time as what was not. */
const rules = {
  login_transactions: { column: 'expires_at', keptSeconds: () => hour }, // as long as its cookie: the page offers to begin anew
  authorization_codes: { column: 'expires_at', keptSeconds: () => hour }, // a used one has to be known when it comes again
  limits: { column: 'ends_at', keptSeconds: () => 0 },
  revoked_jtis: { column: 'expires_at', keptSeconds: () => 120 }, // clocks of services may be slow
  feed_entries: { column: 'until', keptSeconds: () => 0 }, // that allowance is in it already
  client_secrets: { column: 'expires_at', keptSeconds: () => day },
  webhook_deliveries: { column: 'created_at', keptSeconds: () => 30 * day },
  setup_links: { column: 'expires_at', keptSeconds: () => day },
  idempotency_keys: { column: 'created_at', keptSeconds: () => day },
  sessions: { column: 'expires_at', keptSeconds: ({ sessionDays }) => sessionDays * day, told: sessionExpired }, // while its grants tell when it was used
  grants: { column: 'expires_at', keptSeconds: ({ sessionDays }) => sessionDays * day },
  audit_events_default: { column: 'at', keptSeconds: ({ auditDays }) => (auditDays + 31) * day }, // with their month, as the partitions are
} as const satisfies Record<string, Rule>

export type ExpiringTable = keyof typeof rules

export const expiringTables = Object.keys(rules).filter((name): name is ExpiringTable => Object.hasOwn(rules, name))

/*
 * Rows that somebody works on are left for the next round: several instances never wait for each other, nor a login for them. The condition is
 * read again on the newest version of a row once it is locked. It begins where the last batch ended: while an old snapshot is open (a backup),
 * nothing can be vacuumed, and every batch would step over all that the ones before it have deleted.
 */
function deletion(table: ExpiringTable): Statement {
  const { column, told }: Rule = rules[table]
  return {
    name: `clean_${table}`,
    text: `
with gone as (
  delete from ${table} where ctid = any(array(
    select ctid from ${table}
    where ${column} >= coalesce($3::timestamptz, '-infinity') and ${column} < clock_now() - make_interval(secs => $1::double precision)
    order by ${column} limit $2::int
    for update skip locked))
  returning ${told ? '*' : column}
)${told ? `, told as (${told}\n)` : ''}
select count(*)::int as deleted, max(${column}) as "reachedAt" from gone`,
  }
}

/*
 * The feed is shortened from its beginning only, by one instance at a time: whoever reads it counts on every position after the first one being
 * there.
 */
const shortenFeed: Statement = {
  name: 'clean_feed_entries',
  text: `
with turn as materialized (select pg_try_advisory_xact_lock(hashtext('falconer.feed_cleanup')) as mine
), page as materialized (
  select seq, until < clock_now() - make_interval(secs => $1::double precision) as due from feed_entries order by seq limit $2::int
), gone as (
  delete from feed_entries e using page p, turn t
  where t.mine and e.seq = p.seq and p.seq < coalesce((select min(seq) from page where not due), 9223372036854775807)
    and ($3::timestamptz is null or true) -- where the last batch ended: that is the beginning here
  returning e.until
)
select count(*)::int as deleted, max(until) as "reachedAt" from gone`,
}

/** Those that have to do more than delete. */
const own: Partial<Record<ExpiringTable, Statement>> = { grants: deleteGrants, feed_entries: shortenFeed }

const deletions = new Map(expiringTables.map((table) => [table, own[table] ?? deletion(table)]))

const bound: Statement = { name: 'bound_cleanup', text: `set local statement_timeout = '500ms'` }

/** What a batch did. `isCut`: it took too long, and nothing of it was done. */
export interface Deletion {
  readonly deleted: number
  readonly reachedAt: Date | null
  readonly isCut: boolean
}

/**
 * Deletes up to `limit` rows that are due, oldest first, in one commit; `fromAt` is where the batch before it ended. It gives up after half a
 * second, so that on the slowest disk its locks are gone before anybody notices.
 */
export async function deleteDue(
  db: Database,
  table: ExpiringTable,
  { retention, limit, fromAt }: { retention: Retention; limit: number; fromAt: Date | null },
): Promise<Deletion> {
  const statement = deletions.get(table) ?? deletion(table)
  const values = [rules[table].keptSeconds(retention), limit, fromAt]
  const rows = await withinBound(db, (tx) => tx.run<{ deleted: number; reachedAt: Date | null }>(statement, values))
  if (!rows) return { deleted: 0, reachedAt: fromAt, isCut: true }
  return { deleted: rows[0]?.deleted ?? 0, reachedAt: rows[0]?.reachedAt ?? null, isCut: false }
}

/** Undone, and undefined, when a statement takes half a second. */
async function withinBound<T>(db: Database, work: (tx: Queries) => Promise<T>): Promise<T | undefined> {
  try {
    return await db.transaction(async (tx) => {
      await tx.run(bound, [])
      return work(tx)
    })
  } catch (error) {
    const isCut = error instanceof Unavailable && error.cause instanceof DatabaseError && error.cause.code === '57014'
    if (isCut) return undefined
    throw error
  }
}

/** What a user allowed a client, by the ids of their rows. */
export interface ConsentKey {
  readonly userId: string
  readonly client: string
}

// A client's deletion leaves them behind: it would have to find them without an index, and hold its locks for all of them.
const orphans: Statement = {
  name: 'clean_consents',
  text: `
with page as materialized (
  select user_id, client from consents where (user_id, client) > ($1::uuid, $2::uuid) order by user_id, client limit $3::int
), gone as (
  delete from consents k using page p
  where k.user_id = p.user_id and k.client = p.client
    and (not exists (select from clients c where c.id = k.client) or not exists (select from users u where u.id = k.user_id))
  returning k.client
)
select (select count(*)::int from gone) as deleted, (select count(*)::int from page) as read,
       p.user_id as "userId", p.client from page p order by p.user_id desc, p.client desc limit 1`,
}

const beginning: ConsentKey = {
  userId: '00000000-0000-0000-0000-000000000000',
  client: '00000000-0000-0000-0000-000000000000',
}

/** Looks at the next `limit` consents after that one and deletes those whose client or user is gone. `next` is undefined at the end of the table. */
export async function deleteOrphanConsents(
  db: Queries,
  limit: number,
  after: ConsentKey = beginning,
): Promise<{ deleted: number; next: ConsentKey | undefined }> {
  const values = [after.userId, after.client, limit]
  const [row] = await db.run<ConsentKey & { deleted: number; read: number }>(orphans, values)
  if (!row) return { deleted: 0, next: undefined }
  const { deleted, read, userId, client } = row
  return { deleted, next: read === limit ? { userId, client } : undefined }
}

/** Rows of a table that are due. */
export interface Backlog {
  readonly table: ExpiringTable
  /** Counted up to `countedRows`. */
  readonly rows: number
  /** How long the oldest has been due; 0 when there is none. */
  readonly oldestSeconds: number
}

const countedRows = 1000

const measures = new Map(
  expiringTables.map((table): [ExpiringTable, Statement] => {
    const { column } = rules[table]
    const kept = 'make_interval(secs => $1::double precision)'
    const text = `
select count(*)::int as rows, coalesce(extract(epoch from clock_now() - ${kept} - min(t.due)), 0)::float8 as "oldestSeconds"
from (select ${column} as due from ${table} where ${column} < clock_now() - ${kept} order by ${column} limit ${countedRows}) t`
    return [table, { name: `measure_${table}`, text }]
  }),
)

/**
 * What the cleanup has before it. A table is left out where that takes too long: while a big cleanup runs, what is deleted and not yet vacuumed lies before
 * what is due.
 */
export async function measureBacklog(db: Database, retention: Retention): Promise<Backlog[]> {
  const backlogs: Backlog[] = []
  for (const [table, statement] of measures) {
    const seconds = rules[table].keptSeconds(retention)
    const row = await withinBound(db, (tx) => tx.run<Omit<Backlog, 'table'>>(statement, [seconds]))
    if (row?.[0]) backlogs.push({ table, ...row[0] })
  }
  return backlogs
}
