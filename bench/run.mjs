import fs from 'node:fs'
import { startDriver } from './driver/client.mjs'
import { createDisturbance } from './machine/disturbance.mjs'
import { machineFacts } from './machine/facts.mjs'
import { startPostgres } from './machine/postgres.mjs'
import { measure } from './measure.mjs'
import { planOf, racers } from './plan.mjs'
import { race } from './race.mjs'
import { installFalconer } from './servers/falconer.mjs'
import { installFloor } from './servers/floor.mjs'
import { installPeer } from './servers/peer.mjs'
import { passwordHashes } from './servers/people.mjs'

const installers = { falconer: installFalconer, peer: installPeer, floor: installFloor }

/** Plays the whole plan on a database of its own and takes everything down again. */
export async function run(options, say) {
  const stops = []
  let goingDown
  const takeDown = () =>
    (goingDown ??= (async () => {
      for (const stop of stops.toReversed()) await stop()
    })())
  // PostgreSQL would outlive this process.
  const interrupted = (signal) => void takeDown().finally(() => process.exit(signal === 'SIGINT' ? 130 : 143))
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  try {
    const starting = startPostgres()
    stops.push(async () => (await starting).stop())
    const cluster = await starting
    say(`PostgreSQL ${cluster.version} with fsync on, in ${cluster.folder}`)
    const driver = startDriver()
    stops.push(() => driver.stop())
    const bench = { cluster, driver, disturbance: createDisturbance(driver.pid), say }
    const contestantOf = await install(cluster, stops)
    const facts = { ...machineFacts(cluster), oidcProvider: versionOfPeer() }
    const stages = []
    for (const { servers, ...stage } of planOf(options)) {
      const contestants = []
      for (const server of servers) contestants.push(await contestantOf(server))
      const { flow, processes, levels } = stage
      stages.push({ flow, processes, levels, servers: await measure({ ...stage, contestants }, bench) })
    }
    const races = []
    if (options.isRacing)
      for (const server of racers(options)) {
        races.push(await race(await contestantOf(server), options.raceRounds))
        say(`race, ${server.name}: rounds by number of different successors ${JSON.stringify(races.at(-1).successors)}`)
      }
    const { rounds, seconds, quick } = options
    return { facts, rounds, seconds, isQuick: quick, disturbance: bench.disturbance.shares(), stages, races }
  } finally {
    await takeDown()
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted)
  }
}

const versionOfPeer = () =>
  JSON.parse(fs.readFileSync(new URL('package.json', import.meta.url), 'utf8')).dependencies['oidc-provider']

/** Each kind of server gets its database when it is needed first. */
async function install(cluster, stops) {
  const hashes = await passwordHashes()
  const installed = new Map()
  return async ({ kind, ...server }) => {
    if (!installed.has(kind)) {
      const installation = await installers[kind](cluster, hashes)
      stops.push(() => installation.close())
      installed.set(kind, installation)
    }
    return installed.get(kind).contestant(server)
  }
}
