import type { Policy } from '../domain/policy.ts'
import type { Queries, Statement } from './database.ts'

/* Nothing is written and nothing audited when it is as it was: every instance says the same at its start. */
const write: Statement = {
  name: 'write_policy',
  text: `
with old as materialized (
  select id, session_idle_s, session_max_s, remember_idle_s, remember_max_s, refresh_idle_s, refresh_max_s, refresh_grace_s, refresh_is_activity,
    offline_idle_s, offline_max_s, max_sessions, ends_oldest
  from server where id = 1 for no key update
), changed as (
  update server v set session_idle_s = $1::int, session_max_s = $2::int, remember_idle_s = $3::int, remember_max_s = $4::int, refresh_idle_s = $5::int,
    refresh_max_s = $6::int, refresh_grace_s = $7::int, refresh_is_activity = $8::boolean, offline_idle_s = $9::int, offline_max_s = $10::int,
    max_sessions = $11::int, ends_oldest = $12::boolean
  from old where v.id = old.id
    and row(old.session_idle_s, old.session_max_s, old.remember_idle_s, old.remember_max_s, old.refresh_idle_s, old.refresh_max_s, old.refresh_grace_s,
            old.refresh_is_activity, old.offline_idle_s, old.offline_max_s, old.max_sessions, old.ends_oldest)
      is distinct from row($1::int, $2::int, $3::int, $4::int, $5::int, $6::int, $7::int, $8::boolean, $9::int, $10::int, $11::int, $12::boolean)
  returning to_jsonb(v) as now
)
insert into audit_events (type, actor, target_kind, detail)
select 'settings.changed', 'system', 'server', jsonb_build_object(
  'before', (select jsonb_object_agg(key, value) from jsonb_each(to_jsonb(old) - 'id') where value is distinct from changed.now -> key),
  'after', (select jsonb_object_agg(key, changed.now -> key) from jsonb_each(to_jsonb(old) - 'id') where value is distinct from changed.now -> key))
from old, changed`,
}

/** Makes a policy the one that holds, on every instance at once, for what is alive as well where it is tighter. */
export async function writePolicy(db: Queries, p: Policy): Promise<void> {
  await db.run(write, [
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

type PolicyRow = Omit<Policy, 'remember' | 'refreshIdleSeconds' | 'refreshMaxSeconds'> &
  Record<'rememberIdleSeconds' | 'rememberMaxSeconds' | 'refreshIdleSeconds' | 'refreshMaxSeconds', number | null>

const read: Statement = {
  name: 'read_policy',
  text: `
select session_idle_s as "sessionIdleSeconds", session_max_s as "sessionMaxSeconds", remember_idle_s as "rememberIdleSeconds",
  remember_max_s as "rememberMaxSeconds", refresh_idle_s as "refreshIdleSeconds", refresh_max_s as "refreshMaxSeconds",
  refresh_grace_s as "refreshGraceSeconds", refresh_is_activity as "refreshCountsAsActivity", offline_idle_s as "offlineIdleSeconds",
  offline_max_s as "offlineMaxSeconds", max_sessions as "maxSessionsPerUser",
  case when ends_oldest then 'end_oldest' else 'deny_new' end as "atSessionLimit"
from server where id = 1`,
}

/** The policy that holds now: of the instance that started last. */
export async function readPolicy(db: Queries): Promise<Policy> {
  const [row] = await db.run<PolicyRow>(read, [])
  if (!row) throw new Error('server has no row')
  const { rememberIdleSeconds, rememberMaxSeconds, refreshIdleSeconds, refreshMaxSeconds, ...policy } = row
  return {
    ...policy,
    ...(rememberIdleSeconds !== null &&
      rememberMaxSeconds !== null && {
        remember: { idleSeconds: rememberIdleSeconds, maxSeconds: rememberMaxSeconds },
      }),
    ...(refreshIdleSeconds !== null && { refreshIdleSeconds }),
    ...(refreshMaxSeconds !== null && { refreshMaxSeconds }),
  }
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
