import type { Queries, Statement } from './database.ts'

/** At most `count` of something within a window of `seconds`. */
export interface Limit {
  readonly key: string
  readonly count: number
  readonly seconds: number
}

/**
 * Counts an attempt under each of its limits, before the work that they guard: parallel attempts cannot pass together. For the WITH of a statement that
 * decides several calls, each named by its place: `waits` then has the seconds that a refused one has to wait. Attempts of one batch under one key
 * count one after the other, as if each had come alone. Keys in order, so that two batches with the same keys cannot deadlock.
 */
export const countingAttempts = (limits: { places: string; keys: string; counts: string; seconds: string }): string => `
attempts as materialized (
  select * from unnest(${limits.places}::int[], ${limits.keys}::text[], ${limits.counts}::int[], ${limits.seconds}::int[]) as attempts (place, key, count, seconds)
), counted as (
  insert into limits as l (key, ends_at, n)
  select key, clock_now() + make_interval(secs => max(seconds)), count(*) from attempts group by key order by key
  on conflict (key) do update set
    n       = case when l.ends_at <= clock_now() then excluded.n else l.n + excluded.n end,
    ends_at = case when l.ends_at <= clock_now() then excluded.ends_at else l.ends_at end
  returning key, n, ends_at
), numbered as (
  select a.place, a.count, c.ends_at, c.n - count(*) over (partition by key) + row_number() over (partition by key order by a.place) as number
  from attempts a join counted c using (key)
), waits as (
  select place, greatest(1, ceil(max(extract(epoch from ends_at - clock_now()))))::int as seconds from numbered where number > count group by place
)`

/** What `countingAttempts` takes, for the calls of a batch, in the order of its parameters. */
export function attemptsUnder(calls: readonly { readonly limits: readonly Limit[] }[]): readonly unknown[] {
  const attempts = calls.flatMap(({ limits }, index) => limits.map((limit) => ({ place: index + 1, ...limit })))
  return [
    attempts.map(({ place }) => place),
    attempts.map(({ key }) => key),
    attempts.map(({ count }) => count),
    attempts.map(({ seconds }) => seconds),
  ]
}

const reserve: Statement = {
  name: 'reserve_attempt',
  text: `with ${countingAttempts({ places: '$1', keys: '$2', counts: '$3', seconds: '$4' })} select seconds from waits`,
}

/** Reserves one attempt under every limit. Returns 0 when all allow it, else the seconds to wait. */
export async function reserveAttempt(db: Queries, limits: readonly Limit[]): Promise<number> {
  if (limits.length === 0) return 0
  const [row] = await db.run<{ seconds: number }>(reserve, attemptsUnder([{ limits }]))
  return row?.seconds ?? 0
}

/** Gives reservations back: only failures count. For the WITH of a statement; `after` names what it has to wait for. */
export const givingBack = (keys: string, after?: string): string => `
reserved as materialized (
  select l.key from limits l ${after === undefined ? '' : `cross join (select count(*) from ${after}) as awaited`}
  where l.key = any(${keys}::text[]) order by l.key for update of l
), given_back as (
  update limits l set n = greatest(l.n - 1, 0) from reserved where l.key = reserved.key
)`

const refund: Statement = { name: 'refund_attempt', text: `with ${givingBack('$1')} select` }

/** Gives a reservation back. */
export async function refundAttempt(db: Queries, limits: readonly Limit[]): Promise<void> {
  if (limits.length > 0) await db.run(refund, [limits.map((limit) => limit.key)])
}
