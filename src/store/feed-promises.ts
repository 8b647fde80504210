import type { Queries, Statement } from './database.ts'

/** `[id, position that it has applied, seconds of the database clock until which it may be fresh]`. */
export type VerifierReport = readonly [string, number, number]

const promise: Statement = {
  name: 'promise_feed',
  text: `
insert into feed_instances (id, until) values ($1::text, now() + make_interval(secs => $2::double precision))
on conflict (id) do update set until = excluded.until
returning extract(epoch from until)::float8 as "untilSeconds"`,
}

const forget: Statement = {
  name: 'forget_feed_instances',
  text: `delete from feed_instances where until < now() - interval '1 hour'`,
}

/**
 * Promises that nothing which this instance sends keeps a verifier fresh for longer than `seconds` from now. It has to be durable before the
 * first frame that it covers is sent. Answers when that is, in seconds of the database clock.
 */
export async function promiseFeed(db: Queries, instance: string, seconds: number): Promise<number> {
  const [row] = await db.run<{ untilSeconds: number }>(promise, [instance, seconds])
  if (!row) throw new Error('the promise was not stored')
  return row.untilSeconds
}

/** Forgets instances that stopped long ago. */
export async function forgetFeedInstances(db: Queries): Promise<void> {
  await db.run(forget, [])
}

const report: Statement = {
  name: 'report_verifiers',
  text: `update feed_instances set reported = $2::bigint, verifiers = $3::jsonb where id = $1::text`,
}

/** Says which verifiers this instance has, after it has read everything up to `position`. */
export async function reportVerifiers(
  db: Queries,
  instance: string,
  position: number,
  verifiers: readonly VerifierReport[],
): Promise<void> {
  await db.run(report, [instance, position, JSON.stringify(verifiers)])
}

const begin: Statement = {
  name: 'begin_feed_wait',
  text: `
with gone as (delete from feed_waits where until < now() - interval '1 minute'
), made as (
  insert into feed_waits (position, until) values ($1::bigint, now() + make_interval(secs => $2::double precision)) returning id
)
select id, pg_notify('falconer_feed', '') is null as "isNotified" from made`,
}

/** Says that somebody waits until a position is enforced, for at most `seconds`: every instance asks its verifiers. Answers an id to end it by. */
export async function beginWait(db: Queries, position: number, seconds: number): Promise<string> {
  const [row] = await db.run<{ id: string }>(begin, [position, seconds])
  if (!row) throw new Error('the wait was not stored')
  return row.id
}

const finish: Statement = { name: 'end_feed_wait', text: 'delete from feed_waits where id = $1::uuid' }

export async function endWait(db: Queries, id: string): Promise<void> {
  await db.run(finish, [id])
}

/** What the instances that may keep a verifier fresh have said. */
export interface Standing {
  readonly nowSeconds: number
  readonly instances: readonly { readonly reported: number; readonly verifiers: readonly VerifierReport[] }[]
}

const standing: Statement = {
  name: 'read_feed_standing',
  text: `
select extract(epoch from now())::float8 as "nowSeconds",
  coalesce((select json_agg(json_build_object('reported', reported, 'verifiers', verifiers)) from feed_instances where until > now()), '[]') as instances`,
}

export async function readStanding(db: Queries): Promise<Standing> {
  const [row] = await db.run<Standing>(standing, [])
  if (!row) throw new Error('there is no answer')
  return row
}
