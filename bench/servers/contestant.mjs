import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts, startProcess } from '../machine/process.mjs'
import { commonSeeds } from './people.mjs'

/**
 * One server under test: some processes of one program on one database, each on a port of its own.
 * @param {{ name: string, folder: string, processes: number, args: string[], env: (port: number) => Record<string, string>,
 *   databaseUrl: string, target: object, seeds: Record<string, (count: number) => Promise<unknown[]>> }} parts `target` says to the driver
 *   where things are, `seeds` makes the states of each flow
 */
export async function createContestant({ name, folder, processes, args, env, databaseUrl, target, seeds }) {
  const ports = await freePorts(processes)
  let running = []
  const startOne = (port) =>
    startProcess({
      name,
      args,
      env: { NODE_ENV: 'production', ...env(port) },
      log: path.join(folder, `${name.replaceAll(/\W+/g, '-')}-${port}.log`),
      readyUrl: `http://127.0.0.1:${port}${target.paths.discovery}`,
    })
  return {
    name,
    databaseUrl,
    seeds: { ...commonSeeds, ...seeds },
    target: { ...target, ports },
    /** Milliseconds until its first process answered. */
    start: async () => {
      for (const port of ports) running.push(await patiently(() => startOne(port)))
      return running[0].startMs
    },
    processes: () => running,
    stop: async () => {
      await Promise.all(running.map((one) => one.stop()))
      running = []
    },
  }
}

/** Somebody may be building while this runs; a build that is whole starts. */
async function patiently(start) {
  for (let tries = 1; ; tries++) {
    try {
      return await start()
    } catch (error) {
      if (tries === 3) throw error
      await sleep(3000)
    }
  }
}
