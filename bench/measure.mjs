// Rounds of one flow, alternating between the servers: one is loaded, the others wait.
import { flows } from './flows/index.mjs'
import { analyze, perRequest, readCounters } from './machine/counters.mjs'
import { postgresCpuSeconds } from './machine/process.mjs'
import { medians } from './report/medians.mjs'
import { verifyTokens } from './verify-tokens.mjs'

const warmUpAt = 8
const countedAt = 32
const leastStates = 2000

/**
 * Measures one flow on several servers.
 * @param {{ flow: string, contestants: object[], levels: number[], rounds: number, seconds: number, warmUpSeconds: number, isCounted: boolean }} stage
 *   `isCounted` says whether a pass of its own counts what each request asks of the database
 * @param {{ cluster: object, driver: object, disturbance: object, say: (text: string) => void }} bench
 * @returns for each server its figures at each level
 */
export async function measure(stage, bench) {
  const { flow, contestants, levels, rounds } = stage
  const { driver, say } = bench
  const results = new Map(contestants.map((one) => [one, { name: one.name, levels: {}, startMs: [] }]))
  try {
    for (const one of contestants) await begin(one, stage, results.get(one), bench)
    for (const connections of levels) {
      const measured = new Map(contestants.map((one) => [one, []]))
      for (let round = 0; round < rounds; round++) {
        // The first of a round meets what the last one left behind (a checkpoint, an autovacuum): not always the same one.
        for (const one of rotated(contestants, round))
          measured.get(one).push(await playRound(one, connections, stage, bench))
      }
      for (const one of contestants) {
        const result = medians(measured.get(one))
        results.get(one).levels[connections] = result
        say(`${flow}, ${one.name}, c=${connections}: ${describe(result)}`)
      }
    }
    for (const one of contestants) results.get(one).loadedBytes = residentBytes(one)
    if (stage.isCounted)
      for (const one of contestants) results.get(one).database = await count(one, stage, results.get(one), bench)
  } finally {
    for (const one of contestants) {
      await one.stop()
      await driver.forget({ key: keyOf(one, flow) })
    }
  }
  return [...results.values()]
}

async function begin(one, stage, result, { driver: { fill, ...driver }, say }) {
  const { flow } = stage
  result.startMs.push(await one.start())
  const { states } = flows[flow]
  say(`${flow}, ${one.name}: preparing ${states} states, warming up`)
  await fill({ key: keyOf(one, flow), states: await one.seeds[flow](states) })
  // As autovacuum does within a minute; until then plans would be those of the empty tables.
  await analyze(one.databaseUrl)
  result.idleBytes = residentBytes(one)
  const run = await driver.run({ ...runOf(one, flow), connections: warmUpAt, seconds: stage.warmUpSeconds })
  await verifyTokens(one.target, run.tokens)
  one.rate = run.count / run.seconds
}

async function playRound(one, connections, { flow, seconds }, { cluster, driver, disturbance }) {
  if (flows[flow].spends) await refill(one, flow, seconds, driver)
  const before = cpuOf(one, cluster)
  const end = disturbance.begin(before.server + before.postgres)
  const run = await driver.run({ ...runOf(one, flow), connections, seconds })
  const after = cpuOf(one, cluster)
  end(after.server + after.postgres)
  await verifyTokens(one.target, run.tokens)
  const rate = run.count / run.seconds
  one.rate = Math.max(one.rate, rate)
  const perThousand = (name) =>
    after[name] === undefined ? undefined : ((after[name] - before[name]) * 1000) / run.count
  const serverCpu = perThousand('server')
  const postgresCpu = perThousand('postgres')
  return {
    rate,
    p50Ms: run.p50Ms,
    p99Ms: run.p99Ms,
    ...(serverCpu === undefined ? {} : { serverCpu, postgresCpu, cpu: serverCpu + postgresCpu }),
  }
}

/** As many states as a round can use up at the highest rate so far, with some to spare: a round that runs out of them is a shorter one. */
async function refill(one, flow, seconds, { fill }) {
  const wanted = Math.max(leastStates, Math.ceil(one.rate * seconds * 2))
  const key = keyOf(one, flow)
  const { states } = await fill({ key, states: [], append: true })
  if (states < wanted) await fill({ key, states: await one.seeds[flow](wanted - states), append: true })
}

/** A server that has just started, and counters that are whole because it has stopped. */
async function count(one, { flow }, result, { driver }) {
  await one.stop()
  result.startMs.push(await one.start())
  if (flows[flow].spends) await refill(one, flow, 1, driver)
  const before = await readCounters(one.databaseUrl)
  const run = await driver.run({ ...runOf(one, flow), connections: countedAt, seconds: 1 })
  await one.stop()
  return perRequest(before, await readCounters(one.databaseUrl), run.count)
}

const keyOf = (one, flow) => `${one.name}/${flow}`
const runOf = (one, flow) => ({ key: keyOf(one, flow), flow, target: one.target })
const rotated = (list, by) => [...list.slice(by % list.length), ...list.slice(0, by % list.length)]
const sum = (values) => (values.includes(undefined) ? undefined : values.reduce((a, b) => a + b, 0))

const cpuOf = (one, cluster) => ({
  server: sum(one.processes().map((each) => each.cpuSeconds())),
  postgres: postgresCpuSeconds(cluster.pid),
})

const residentBytes = (one) => sum(one.processes().map((each) => each.residentBytes()))

const describe = ({ rate, p50Ms, p99Ms, cpu }) =>
  `${Math.round(rate)} per second, p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms${cpu === undefined ? '' : `, ${cpu.toFixed(3)} CPU seconds per 1,000`}`
