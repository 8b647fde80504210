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
insert into limits as l (key, window_start, n)
select k, clock_now(), 1 from unnest($1::text[], $2::int[]) as x(k, seconds) order by k
on conflict (key) do update set
  n = case when l.window_start <= clock_now() - make_interval(secs => (select seconds from unnest($1::text[], $2::int[]) as x(k, seconds) where k = l.key)) then 1 else l.n + 1 end,
  window_start = case when l.window_start <= clock_now() - make_interval(secs => (select seconds from unnest($1::text[], $2::int[]) as x(k, seconds) where k = l.key)) then clock_now() else l.window_start end
returning key, n, extract(epoch from clock_now() - window_start)::float8 as age`,
}

/** Reserves one attempt under every limit. Returns 0 when all allow it, else the seconds to wait. */
export async function reserveAttempt(db: Queries, limits: readonly Limit[]): Promise<number> {
  if (limits.length === 0) return 0
  const rows = await db.run<{ key: string; n: number; age: number }>(reserve, [
    limits.map((limit) => limit.key),
    limits.map((limit) => limit.seconds),
  ])
  const waits = rows.map((row) => {
    const limit = limits.find(({ key }) => key === row.key)
    return limit && row.n > limit.count ? Math.max(1, Math.ceil(limit.seconds - row.age)) : 0
  })
  return Math.max(0, ...waits)
}

const refund: Statement = {
  name: 'refund_attempt',
  text: `update limits set n = greatest(n - 1, 0) where key = any($1::text[])`,
}

/** Gives a reservation back: only failures count. */
export async function refundAttempt(db: Queries, limits: readonly Limit[]): Promise<void> {
  if (limits.length > 0) await db.run(refund, [limits.map((limit) => limit.key)])
}

const peek: Statement = {
  name: 'peek_limit',
  text: `select coalesce(max(ceil(x.seconds - extract(epoch from clock_now() - l.window_start))), 0)::int as wait
from unnest($1::text[], $2::int[], $3::int[]) as x(k, seconds, count)
join limits l on l.key = x.k and l.n >= x.count and l.window_start > clock_now() - make_interval(secs => x.seconds)`,
}

/** The seconds to wait when a limit is used up already, else 0. Counts nothing. */
export async function readLimit(db: Queries, limits: readonly Limit[]): Promise<number> {
  const rows = await db.run<{ wait: number }>(peek, [
    limits.map((limit) => limit.key),
    limits.map((limit) => limit.seconds),
    limits.map((limit) => limit.count),
  ])
  return rows[0]?.wait ?? 0
}
