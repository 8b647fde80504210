import { setTimeout as sleep } from 'node:timers/promises'
import type { Cluster } from './cluster.ts'
import { createRandom } from './random.ts'
import { now } from './recorder.ts'
import type { ServerProcess } from './servers.ts'

export const faultKinds = ['instance', 'backend', 'postmaster', 'postmaster and instance'] as const
export type FaultKind = (typeof faultKinds)[number]

/** One planned kill -9. */
export interface Fault {
  readonly kind: FaultKind
  /** Pause before it, after the one before was mended. */
  readonly afterMs: number
  readonly downMs: number
  readonly instance: number
  /** Chooses among what there is then. */
  readonly draw: number
}

/** What was done, with the instant. */
export interface DoneFault {
  readonly kind: FaultKind
  readonly at: number
}

/** All kinds in turn, in an order that the seed decides. */
export function planFaults(seed: number, instances: number, pauseMs: number): (index: number) => Fault {
  const random = createRandom(seed, 'nemesis')
  const first = random.below(faultKinds.length)
  const planned: Fault[] = []
  return (index) => {
    while (planned.length <= index) {
      planned.push({
        kind: faultKinds[(first + planned.length) % faultKinds.length] ?? 'instance',
        afterMs: pauseMs * (0.5 + random.next()),
        downMs: 50 + random.below(900),
        instance: random.below(instances),
        draw: random.next(),
      })
    }
    const fault = planned[index]
    if (!fault) throw new Error('no fault was planned')
    return fault
  }
}

/** Kills and mends, one fault after the other, until told to stop; everything runs when it returns. */
export async function runNemesis(
  plan: (index: number) => Fault,
  cluster: Cluster,
  servers: readonly ServerProcess[],
  isOver: () => boolean,
): Promise<DoneFault[]> {
  const done: DoneFault[] = []
  for (let index = 0; !isOver(); index++) {
    const fault = plan(index)
    for (const until = performance.now() + fault.afterMs; performance.now() < until && !isOver(); ) await sleep(50)
    if (isOver()) break
    const at = now()
    if (await inflict(fault, cluster, servers)) done.push({ kind: fault.kind, at })
  }
  return done
}

async function inflict(fault: Fault, cluster: Cluster, servers: readonly ServerProcess[]): Promise<boolean> {
  const server = servers[fault.instance]
  if (!server) return false
  switch (fault.kind) {
    case 'instance':
      await server.kill()
      await sleep(fault.downMs)
      await server.start()
      return true
    case 'backend':
      return cluster.killBackend((pids) => pids[Math.floor(fault.draw * pids.length)] ?? 0)
    case 'postmaster':
      await cluster.killPostmaster()
      await sleep(fault.downMs)
      await cluster.restart()
      return true
    case 'postmaster and instance':
      await Promise.all([cluster.killPostmaster(), server.kill()])
      await sleep(fault.downMs)
      await cluster.restart()
      await server.start()
      return true
  }
  return fault.kind satisfies never
}
