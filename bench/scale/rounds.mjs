// Rounds of refreshes, the sizes in turn: one is loaded, the others wait, and what else happens on the machine happens to all of them.
import { readCounters } from '../machine/counters.mjs'
import { postgresCpuSeconds, postgresReadBytes } from '../machine/process.mjs'
import { medians } from '../report/medians.mjs'
import { verifyTokens } from '../verify-tokens.mjs'

/** At most so many in a round: of the smallest size each grant once. */
export const mostInRound = 10_000
const leastInRound = 3000

/**
 * Measures refreshes of random grants.
 * @param {{ sizes: object[], levels: number[], rounds: number, seconds: number }} stage `sizes` with a server that runs and tokens
 * @param {{ cluster: object, driver: object, disturbance: object, say: (text: string) => void }} bench
 * @returns for each size its figures at each level
 */
export async function measureRefreshes({ sizes, levels, rounds, seconds }, bench) {
  for (const size of sizes) await play(size, { connections: 8, seconds }, bench)
  const measured = new Map(sizes.map((size) => [size, new Map(levels.map((level) => [level, []]))]))
  for (let round = 0; round < rounds; round++) {
    for (const connections of levels)
      for (const size of rotated(sizes, round))
        measured
          .get(size)
          .get(connections)
          .push(await play(size, { connections, seconds }, bench))
    bench.say(`round ${round + 1} of ${rounds}: ${sizes.map((size) => describe(size, measured, levels)).join('; ')}`)
  }
  return sizes.map((size) => ({
    rows: size.rows,
    levels: Object.fromEntries([...measured.get(size)].map(([level, list]) => [level, medians(list)])),
  }))
}

/** One round on one size. @returns its figures */
export async function play(size, { connections, seconds }, { cluster, driver: { fill, ...driver }, disturbance }) {
  const wanted = Math.max(leastInRound, Math.ceil((size.rates[connections] ?? 0) * seconds * 2))
  const { drawn, tokens } = size.tokens.draw(Math.min(wanted, mostInRound))
  await fill({ key: size.name, states: tokens })
  const before = await readAll(size, cluster)
  const end = disturbance.begin(before.serverCpu + before.postgresCpu)
  const { target } = size.running
  const run = await driver.run({ key: size.name, flow: 'refresh', target, connections, seconds, count: tokens.length })
  const after = await readAll(size, cluster)
  end(after.serverCpu + after.postgresCpu)
  await verifyTokens(target, run.tokens)
  size.tokens.used(drawn.slice(0, run.count))
  size.refreshes += run.count
  size.rates[connections] = run.count / run.seconds
  const each = (name) => (after[name] - before[name]) / run.count
  const cpu =
    before.serverCpu === undefined
      ? {}
      : { serverCpu: each('serverCpu') * 1000, postgresCpu: each('postgresCpu') * 1000 }
  const reads = before.readBytes === undefined ? {} : { readBytes: each('readBytes') }
  return {
    rate: run.count / run.seconds,
    p50Ms: run.p50Ms,
    p99Ms: run.p99Ms,
    ...cpu,
    ...reads,
    walBytes: each('walBytes'),
  }
}

const readAll = async (size, cluster) => ({
  ...(await readCounters(size.databaseUrl)),
  serverCpu: size.running.processes()[0].cpuSeconds(),
  postgresCpu: postgresCpuSeconds(cluster.pid),
  readBytes: postgresReadBytes(cluster.pid),
})

const rotated = (list, by) => [...list.slice(by % list.length), ...list.slice(0, by % list.length)]

const describe = (size, measured, levels) =>
  `${size.rows}: ${levels.map((level) => `${measured.get(size).get(level).at(-1).p99Ms.toFixed(1)}`).join(' / ')} ms p99`
