import { Unavailable } from '../domain/unavailable.ts'

/** Lets a bounded number of jobs run and a bounded number wait. */
export interface Semaphore {
  /**
   * Runs the job when its turn comes. Its permit is held until the job itself has ended: nothing that
   * happens to the caller gives it back earlier.
   * @throws {Unavailable} when the queue is full
   */
  run<T>(job: () => Promise<T>): Promise<T>
  /** How many jobs wait for a permit. */
  waiting(): number
}

/** A semaphore with `permits` running jobs and at most `queueLimit` waiting ones, first come first served. */
export function createSemaphore(permits: number, queueLimit: number): Semaphore {
  if (!(permits >= 1 && queueLimit >= 0)) throw new RangeError('a semaphore needs a permit and a queue limit')
  let free = permits
  const queue: (() => void)[] = []

  function release(): void {
    // The permit goes straight to the next in line, or a newcomer could take it in between.
    const next = queue.shift()
    if (next === undefined) free++
    else next()
  }

  return {
    async run(job) {
      if (free > 0) free--
      else if (queue.length < queueLimit) await new Promise<void>((resolve) => queue.push(resolve))
      else throw new Unavailable('too many jobs are waiting', 2)
      try {
        return await job()
      } finally {
        release()
      }
    },
    waiting: () => queue.length,
  }
}
