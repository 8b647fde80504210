import type { Document } from '../domain/field.ts'
import type { Policy } from '../domain/policy.ts'
import type { Queries, Statement } from './database.ts'

/** What the policy is made from, under the names of the settings. */
export interface HeldSettings {
  /** What the environment of the instance says that started last; empty before the first start. */
  readonly configured: Document
  /** What administrators have set over it. */
  readonly overrides: Document
}

const read: Statement = { name: 'read_settings', text: 'select configured, overrides from server where id = 1' }

export const readSettings = (db: Queries): Promise<HeldSettings> => only(db, read)

const lock: Statement = { name: 'lock_settings', text: `${read.text} for no key update` }

/** The same, for a change in this transaction. */
export const lockSettings = (tx: Queries): Promise<HeldSettings> => only(tx, lock)

async function only(db: Queries, statement: Statement): Promise<HeldSettings> {
  const [row] = await db.run<HeldSettings>(statement, [])
  if (!row) throw new Error('server has no row')
  return row
}

const write: Statement = {
  name: 'write_settings',
  text: `
update server set configured = $1::jsonb, overrides = $2::jsonb, session_idle_s = $3::int, session_max_s = $4::int, remember_idle_s = $5::int,
  remember_max_s = $6::int, refresh_idle_s = $7::int, refresh_max_s = $8::int, refresh_grace_s = $9::int, refresh_is_activity = $10::boolean,
  offline_idle_s = $11::int, offline_max_s = $12::int, max_sessions = $13::int, ends_oldest = $14::boolean
where id = 1`,
}

/** Makes a policy the one that holds, on every instance at once, for what is alive as well where it is tighter. */
export async function writeSettings(tx: Queries, { configured, overrides }: HeldSettings, p: Policy): Promise<void> {
  await tx.run(write, [
    JSON.stringify(configured),
    JSON.stringify(overrides),
    p.sessionIdleSeconds,
    p.sessionMaxSeconds,
    p.remember?.idleSeconds ?? null,
    p.remember?.maxSeconds ?? null,
    p.refreshIdleSeconds ?? null,
    p.refreshMaxSeconds ?? null,
    p.refreshGraceSeconds,
    p.refreshCountsAsActivity,
    p.offlineIdleSeconds,
    p.offlineMaxSeconds,
    p.maxSessionsPerUser,
    p.atSessionLimit === 'end_oldest',
  ])
}

/** The longest that a client may be given of its own, under the names of its metadata, in seconds. */
export type LongestLifetimes = Readonly<
  Record<'session_idle_seconds' | 'session_max_seconds' | 'offline_idle_seconds' | 'offline_max_seconds', number>
>

const longest: Statement = {
  name: 'read_longest_lifetimes',
  text: `
select greatest(session_idle_s, remember_idle_s) as session_idle_seconds, greatest(session_max_s, remember_max_s) as session_max_seconds,
  offline_idle_s as offline_idle_seconds, offline_max_s as offline_max_seconds
from server where id = 1`,
}

export async function readLongestLifetimes(db: Queries): Promise<LongestLifetimes> {
  const [row] = await db.run<LongestLifetimes>(longest, [])
  if (!row) throw new Error('server has no row')
  return row
}
