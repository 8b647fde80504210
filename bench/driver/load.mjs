// Loops over connections: take a state, send, check the answer, note how long it took.
import { connect } from './http-client.mjs'

const sampleEvery = 400

/**
 * Loads a server until the time is up, the count is reached or the states are spent. The first wrong answer ends everything.
 * @param {{ flow: object, target: object, states: unknown[], connections: number, seconds?: number, count?: number }} run `states` is a
 *   queue: one is taken for each unit of work, and what comes of it goes to its end
 */
export async function load({ flow, target, states, connections, seconds = Number.POSITIVE_INFINITY, count }) {
  const work = flow.work(target)
  const opened = await Promise.all(
    Array.from({ length: connections }, (_, i) => connect(target.ports[i % target.ports.length])),
  )
  const latencies = []
  const tokens = []
  const failures = []
  let started = 0
  const began = performance.now()
  const deadline = began + seconds * 1000
  const most = count ?? Number.POSITIVE_INFINITY

  const loop = async (connection) => {
    while (failures.length === 0 && started < most) {
      const before = performance.now()
      if (before >= deadline) return
      const state = states.shift()
      if (state === undefined) return
      const isSampled = started++ % sampleEvery === 0
      const { next, token } = await work(connection.send, state)
      latencies.push(performance.now() - before)
      if (next !== undefined) states.push(next)
      if (token !== undefined && isSampled) tokens.push(token)
    }
  }
  await Promise.all(opened.map((connection) => loop(connection).catch((error) => failures.push(error))))
  const elapsed = (performance.now() - began) / 1000
  for (const connection of opened) connection.close()
  if (failures.length > 0) throw failures[0]
  return { count: latencies.length, seconds: elapsed, ...quantiles(latencies), tokens: tokens.slice(0, 20) }
}

function quantiles(latencies) {
  const sorted = Float64Array.from(latencies).sort()
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
  return { p50Ms: at(0.5), p99Ms: at(0.99) }
}
