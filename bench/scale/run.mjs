// From an empty PostgreSQL to everything that the report says.
import { startDriver } from '../driver/client.mjs'
import { createDisturbance } from '../machine/disturbance.mjs'
import { machineFacts } from '../machine/facts.mjs'
import { startPostgres } from '../machine/postgres.mjs'
import { measureCleanup } from './cleanup.mjs'
import { installSize } from './database.mjs'
import { readPlans } from './plans.mjs'
import { lackOfRoom, seeded } from './room.mjs'
import { measureRefreshes } from './rounds.mjs'
import { hotStatements } from './statements.mjs'
import { readTables } from './tables.mjs'
import { createTokens } from './tokens.mjs'
import { readThrough } from './warm.mjs'

export const levels = [1, 8, 32]

/** For all sizes alike: a database of ten million is not run with the 128 MB and the 1 GB that PostgreSQL comes with. */
const usual = { shared_buffers: '4GB', max_wal_size: '4GB' }

/** What a refresh writes and reads. */
const tables = ['grants', 'sessions', 'users', 'clients']

/** @returns everything that was measured. @throws {Error} also when it is interrupted: gigabytes would be left behind otherwise */
export async function run(options, say) {
  const settings = { ...usual, ...options.settings }
  const cluster = await startPostgres({ settings, programs: options.postgres })
  const driver = startDriver()
  const disturbance = createDisturbance(driver.pid)
  const bench = { cluster, settings, driver, disturbance, say }
  const sizes = []
  try {
    return await Promise.race([measure(options, bench, sizes), interrupted()])
  } finally {
    for (const size of sizes) {
      await size.running.stop()
      await size.close()
    }
    await cluster.stop()
    driver.stop()
  }
}

async function measure(options, bench, sizes) {
  const { cluster, settings, disturbance, say } = bench
  // Before the hour that the seeding takes.
  const statements = await hotStatements()
  const leftOut = await install(options, bench, sizes)
  if (sizes.length === 0) throw new Error(`no size fits: ${leftOut.map(({ why }) => why).join('; ')}`)
  say('what the seeding left to do: vacuum, checkpoint')
  for (const size of sizes) await size.pool.query('vacuum (analyze)')
  await cluster.pool.query('checkpoint')
  say('what days of running have done: all of it is read, twice')
  let bytes = 0
  for (const size of sizes) bytes += await readThrough(size)
  // What was read once is the first to go when the kernel wants room, for the log for example.
  for (const size of sizes) await readThrough(size)
  const facts = machineFacts(cluster)
  const plans = new Map()
  for (const size of sizes) plans.set(size, await readPlans(size.pool, statements))
  for (const size of sizes) await size.running.start()
  const refreshes = await measureRefreshes({ ...options, sizes, levels }, bench)
  const shares = disturbance.shares()
  const measured = []
  for (const [i, size] of sizes.entries()) {
    const { rows, seedSeconds } = size
    const load = await endLoad(size)
    say(`${rows}: cleanup beside refreshes`)
    await size.running.start()
    const cleanup = await measureCleanup(size, options, bench)
    measured.push({ rows, seedSeconds, ...refreshes[i], ...load, plans: plans.get(size), cleanup })
  }
  const { seconds, rounds, set, postgres } = options
  const asked = { set, isOtherPostgres: postgres !== undefined }
  return { facts, asked, settings, bytes, disturbance: shares, seconds, rounds, leftOut, sizes: measured }
}

function interrupted() {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => reject(new Error('interrupted')))
  })
}

/** Puts what fits into `sizes`, filled and ready; returns what does not, with the reason. */
async function install({ sizes: wanted, minutes, seconds, rounds }, { cluster, say }, sizes) {
  const leftOut = []
  for (const rows of wanted) {
    const measuringSeconds = (wanted.length * levels.length * (rounds + 1) + wanted.length * 6) * (seconds + 1)
    const why = lackOfRoom(rows, minutes * 60 - measuringSeconds - performance.now() / 1000)
    if (why !== undefined) {
      leftOut.push({ rows, why })
      say(`left out: ${rows}, which ${why}`)
      continue
    }
    say(`${rows}: seeding`)
    const size = await installSize(cluster, { rows, say })
    seeded(size)
    say(`${rows}: seeded in ${Math.round(size.seedSeconds)} s`)
    const load = { rates: {}, refreshes: 0 }
    sizes.push({ ...size, ...load, tokens: await createTokens(size), running: await size.server() })
  }
  return leftOut
}

/** Stops the server, whose connections then pass on what they have counted, and tells what the load has done to the tables. */
async function endLoad(size) {
  await size.running.stop()
  return { refreshes: size.refreshes, tables: await readTables(size.pool, tables) }
}
