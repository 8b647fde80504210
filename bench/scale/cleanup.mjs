// What the cleanup does at a size, beside refreshes: rows a second, the time it takes of its connection, and what the refreshes feel of it.
import { setTimeout as sleep } from 'node:timers/promises'
import { play } from './rounds.mjs'

const rowsDue = 30_000
const connections = 8

/** @param {object} size with a server that runs; afterwards none does */
export async function measureCleanup(size, { seconds }, bench) {
  const without = await play(size, { connections, seconds }, bench)
  await size.running.stop()
  await makeDue(size.pool)
  const before = await spent(size.pool)
  size.running = await size.server({ CLEANUP_INTERVAL_SECONDS: '1' })
  await size.running.start()
  const watching = watch(size.running.target.ports[0])
  const [{ deleted, seconds: took }, beside] = await Promise.all([
    watching.done,
    watching.begun.then(() => play(size, { connections, seconds }, bench)),
  ])
  await size.running.stop()
  const busySeconds = ((await spent(size.pool)) - before) / 1000
  return {
    deleted,
    rowsPerSecond: deleted / took,
    busyShare: busySeconds / took,
    busySecondsPerThousand: (busySeconds * 1000) / deleted,
    p99Ms: { without: without.p99Ms, beside: beside.p99Ms },
  }
}

/** Sessions of nobody, each with its grant, that ran out eight days ago, a day longer than they are kept. */
async function makeDue(pool) {
  const session = `md5('due' || n)::uuid`
  const due = `now() - interval '8 days' - n * interval '1 millisecond'`
  await pool.query(
    `insert into sessions (id, user_id, secret_hash, created_at, created_pos, auth_time, acr, amr, last_seen_at, idle_s, expires_at, ip, user_agent)
     select ${session}, gen_random_uuid(), sha256(n::text::bytea), ${due} - interval '10 hours', 0, ${due} - interval '10 hours',
            'urn:falconer:acr:1fa', '{pwd}', ${due}, 1800, ${due}, '203.0.113.7', 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0'
     from generate_series(1, $1::int) n`,
    [rowsDue],
  )
  await pool.query(
    `insert into grants (id, client, user_id, session_id, scope, rt_nonce_hash, rt_gen, active_at, idle_s, expires_at, created_at, created_pos, auth_time, acr, amr)
     select gen_random_uuid(), c.id, gen_random_uuid(), ${session}, 'api:read', sha256(n::text::bytea), 7, ${due}, 1800, ${due},
            ${due} - interval '10 hours', 0, ${due} - interval '10 hours', 'urn:falconer:acr:1fa', '{pwd}'
     from generate_series(1, $1::int) n, (select id from clients limit 1) c`,
    [rowsDue],
  )
}

/** Milliseconds that the deletions of these two tables have taken in PostgreSQL so far. */
async function spent(pool) {
  const { rows } = await pool.query(`
    select coalesce(sum(total_exec_time), 0)::float8 as ms from pg_stat_statements
    where dbid = (select oid from pg_database where datname = current_database())
      and (query like '%delete from grants where ctid%' or query like '%delete from sessions where ctid%')`)
  return rows[0].ms
}

/** @returns `begun` when the first rows are gone, `done` with how many went in how long when all are */
function watch(port) {
  let begin
  const begun = new Promise((resolve) => (begin = resolve))
  const run = async () => {
    let beganAt
    for (;;) {
      const deleted = await deletedBy(port)
      if (deleted > 0 && beganAt === undefined) {
        beganAt = performance.now()
        begin()
      }
      if (deleted >= 2 * rowsDue) return { deleted, seconds: (performance.now() - beganAt) / 1000 }
      await sleep(50)
    }
  }
  return { begun, done: run() }
}

async function deletedBy(port) {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const counts = [...text.matchAll(/falconer_cleanup_deleted_rows_total\{table="(?:sessions|grants)"\} (\d+)/g)]
  return counts.reduce((sum, [, count]) => sum + Number(count), 0)
}
