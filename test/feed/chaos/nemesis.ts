import { setTimeout as sleep } from 'node:timers/promises'
import { createRandom, type Random } from '../../histories/random.ts'
import type { Instance } from './instances.ts'
import type { Postgres } from './postgres.ts'
import type { Probers } from './probers.ts'
import type { Profile, Range } from './profiles.ts'
import type { Aftermath, PathFault, Proxy } from './proxy.ts'

/** How often each kind of fault was done, in words. */
export type FaultCounts = Record<string, number>

export interface Nemesis {
  readonly counts: FaultCounts
  /** Disturbs until told to stop; everything runs when it returns. */
  run(isOver: () => boolean): Promise<void>
}

export interface NemesisParts {
  readonly profile: Profile
  readonly seed: number
  readonly verifierPaths: readonly Proxy[]
  readonly databasePaths: readonly Proxy[]
  readonly instances: readonly Instance[]
  readonly postgres: Postgres
  readonly probers: Probers
}

/** One after the other, each with its pause before. */
interface Lane {
  readonly name: string
  readonly pauseMs: Range
  readonly strike: (random: Random, isOver: () => boolean) => Promise<void>
}

export function createNemesis(parts: NemesisParts): Nemesis {
  const { profile, postgres, instances, probers } = parts
  const counts: FaultCounts = {}
  const count = (kind: string) => void (counts[kind] = (counts[kind] ?? 0) + 1)
  const disturbed = new Set<Proxy>()

  /** One path, which nobody else disturbs at the moment. */
  async function disturbPath(
    name: string,
    proxies: readonly Proxy[],
    { lastMs, delayMs }: { lastMs: Range; delayMs: Range },
    random: Random,
    isOver: () => boolean,
  ): Promise<void> {
    const free = proxies.filter((proxy) => !disturbed.has(proxy))
    if (free.length === 0) return
    const proxy = random.pick(free)
    const kind = random.weighted({ hole: 6, delay: 2, reset: 1, refuse: 1 })
    const ways = random.weighted({ both: 2, down: 3, up: 1 })
    count(`${name}: ${kind}${kind === 'hole' ? `, ${ways === 'both' ? 'both ways' : ways}` : ''}`)
    if (kind === 'reset') {
      proxy.reset()
      return
    }
    const fault: PathFault =
      kind === 'hole'
        ? { kind, ways: ways === 'both' ? ['up', 'down'] : [ways] }
        : kind === 'delay'
          ? { kind, ms: within(delayMs, random) }
          : { kind }
    const aftermath: Aftermath = random.weighted({ released: 3, slowly: 2, dropped: 2 })
    // Whoever had a connection would not notice that new ones are refused.
    if (kind === 'refuse') proxy.reset()
    disturbed.add(proxy)
    const heal = proxy.inflict(fault)
    await pause(within(lastMs, random), isOver)
    heal(aftermath)
    disturbed.delete(proxy)
  }

  async function cutEverything(random: Random, isOver: () => boolean): Promise<void> {
    count('all paths cut')
    const aftermath: Aftermath = random.weighted({ released: 2, slowly: 1, dropped: 1 })
    const heals = [...parts.verifierPaths, ...parts.databasePaths].map((proxy) =>
      proxy.inflict({ kind: 'hole', ways: ['up', 'down'] }),
    )
    await pause(within(profile.everything.lastMs, random), isOver)
    for (const heal of heals) heal(aftermath)
  }

  async function strikeServer(random: Random): Promise<void> {
    const kind = random.weighted({ instance: 4, fast: 1.5, immediate: 1.5, kill: 1.5, failover: 1 })
    if (kind === 'instance') {
      count('instance: kill -9')
      const instance = random.pick(instances)
      await instance.kill()
      await sleep(50 + random.below(700))
      await instance.start()
    } else if (kind === 'fast') {
      count('PostgreSQL: fast restart')
      await postgres.restartFast()
    } else if (kind === 'immediate') {
      count('PostgreSQL: immediate restart')
      await postgres.restartImmediately()
    } else if (kind === 'kill') {
      count('PostgreSQL: kill -9')
      await postgres.restartAfterKill(50 + random.below(900))
    } else {
      count('PostgreSQL: another lineage')
      await postgres.failOver()
    }
  }

  async function stopVerifiers(random: Random, isOver: () => boolean): Promise<void> {
    count('verifier process: SIGSTOP')
    const process = random.below(probers.processes)
    probers.signal(process, 'SIGSTOP')
    await pause(within(profile.processes.stopMs, random), isOver)
    probers.signal(process, 'SIGCONT')
  }

  const { verifierPaths, databasePaths, everything, processes } = profile
  const lanes: Lane[] = [
    ...Array.from({ length: verifierPaths.lanes }, (_, i) => ({
      name: `verifier paths ${i}`,
      pauseMs: verifierPaths.pauseMs,
      strike: (random: Random, isOver: () => boolean) =>
        disturbPath('verifier path', parts.verifierPaths, verifierPaths, random, isOver),
    })),
    {
      name: 'database paths',
      pauseMs: databasePaths.pauseMs,
      strike: (random, isOver) => disturbPath('database path', parts.databasePaths, databasePaths, random, isOver),
    },
    { name: 'everything', pauseMs: everything.pauseMs, strike: cutEverything },
    { name: 'server', pauseMs: processes.pauseMs, strike: strikeServer },
    { name: 'verifiers', pauseMs: [2 * processes.pauseMs[0], 2 * processes.pauseMs[1]], strike: stopVerifiers },
  ]

  return {
    counts,
    run: async (isOver) => {
      await Promise.all(
        lanes.map(async ({ name, pauseMs, strike }) => {
          const random = createRandom(parts.seed, name)
          while (!isOver()) {
            await pause(within(pauseMs, random), isOver)
            if (!isOver()) await strike(random, isOver)
          }
        }),
      )
    },
  }
}

const within = ([least, most]: Range, random: Random): number => least + random.next() * (most - least)

/** Ends early when all is over. */
async function pause(ms: number, isOver: () => boolean): Promise<void> {
  for (const until = performance.now() + ms; performance.now() < until && !isOver(); )
    await sleep(Math.min(50, Math.max(1, until - performance.now())))
}
