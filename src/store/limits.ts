import type { Queries, Statement } from './database.ts'

/** At most `count` of something within a window of `seconds`. */
export interface Limit {
  readonly key: string
  readonly count: number
  readonly seconds: number
}

/*
 * Counted before the work that it guards: parallel attempts cannot pass together. Keys in order, so that two requests with the same keys
 * cannot deadlock.
 */
const reserve: Statement = {
  name: 'reserve_attempt',
  text: `
insert into limits as l (key, ends_at, n)
select k, clock_now() + make_interval(secs => seconds), 1 from unnest($1::text[], $2::int[]) as x(k, seconds) order by k
on conflict (key) do update set
  n       = case when l.ends_at <= clock_now() then 1 else l.n + 1 end,
  ends_at = case when l.ends_at <= clock_now() then excluded.ends_at else l.ends_at end
returning key, n, extract(epoch from ends_at - clock_now())::float8 as "endsInSeconds"`,
}

/** Reserves one attempt under every limit. Returns 0 when all allow it, else the seconds to wait. */
export async function reserveAttempt(db: Queries, limits: readonly Limit[]): Promise<number> {
  if (limits.length === 0) return 0
  const rows = await db.run<{ key: string; n: number; endsInSeconds: number }>(reserve, [
    limits.map((limit) => limit.key),
    limits.map((limit) => limit.seconds),
  ])
  const allowed = new Map(limits.map((limit) => [limit.key, limit.count]))
  const waits = rows
    .filter(({ key, n }) => n > (allowed.get(key) ?? 0))
    .map(({ endsInSeconds }) => Math.max(1, Math.ceil(endsInSeconds)))
  return Math.max(0, ...waits)
}

const refund: Statement = {
  name: 'refund_attempt',
  text: `
with l as materialized (select key from limits where key = any($1::text[]) order by key for update)
update limits set n = greatest(n - 1, 0) from l where limits.key = l.key`,
}

/** Gives a reservation back: only failures count. */
export async function refundAttempt(db: Queries, limits: readonly Limit[]): Promise<void> {
  if (limits.length > 0) await db.run(refund, [limits.map((limit) => limit.key)])
}
