import { type Numbers, sumOf } from '../metrics.ts'
import type { WorkerProcess } from './worker-process.ts'

/** The numbers of all workers, those that are gone included. */
export interface Gathering {
  /** From now on its numbers belong to the sum, and what it counted stays in it. Resolves when the worker has ended. */
  add(worker: WorkerProcess): Promise<void>
  /** One entry for each process. @throws when a worker does not answer: a sum without it would be a wrong one */
  gather(): Promise<Numbers[]>
}

export function createGathering(): Gathering {
  const workers = new Set<WorkerProcess>()
  // Counters never go back: to whoever reads them that would be a restart, with everything counted a second time.
  const departed: Numbers[] = []
  let gathering: Promise<Numbers[]> | undefined

  const gather = async (): Promise<Numbers[]> => {
    await Promise.all([...workers].map((worker) => worker.count()))
    const before = departed.splice(0)
    if (before.length > 0) departed.push(await sumOf(before).getMetricsAsJSON())
    return [...[...workers].map((worker) => worker.latest() ?? []), ...departed]
  }
  return {
    add: async (worker) => {
      workers.add(worker)
      await worker.ended
      workers.delete(worker)
      departed.push(countersOf(worker.latest() ?? []))
    },
    // Those who ask at once share one answer.
    gather: () =>
      (gathering ??= gather().finally(() => {
        gathering = undefined
      })),
  }
}

const countersOf = (numbers: Numbers): Numbers =>
  numbers.filter(({ type }) => ['counter', 'histogram'].includes(String(type)))
