import { describe, expect, it } from 'vitest'
import { createSemaphore } from '../../../src/crypto/semaphore.ts'
import { Unavailable } from '../../../src/domain/unavailable.ts'

/** A job that ends when the test says so. */
function openJob() {
  let end: () => void = () => undefined
  const ended = new Promise<void>((resolve) => {
    end = resolve
  })
  let isStarted = false
  const run = () => {
    isStarted = true
    return ended
  }
  return { run, end, hasStarted: () => isStarted }
}

const settle = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('a semaphore', () => {
  it('runs as many jobs as it has permits, and the others in their order', async () => {
    const semaphore = createSemaphore(2, 10)
    const jobs = Array.from({ length: 5 }, openJob)
    const runs = jobs.map((job) => semaphore.run(job.run))
    const started = () => jobs.map((job) => job.hasStarted())
    await settle()
    expect([started(), semaphore.waiting()]).toEqual([[true, true, false, false, false], 3])
    jobs[1]!.end()
    await settle()
    expect([started(), semaphore.waiting()]).toEqual([[true, true, true, false, false], 2])
    for (const job of jobs) job.end()
    await Promise.all(runs)
    expect([started(), semaphore.waiting()]).toEqual([[true, true, true, true, true], 0])
  })

  it('refuses what does not fit into the queue, and takes more when there is room', async () => {
    const semaphore = createSemaphore(1, 1)
    const [running, queued, later] = [openJob(), openJob(), openJob()]
    const runs = [semaphore.run(running.run), semaphore.run(queued.run)]
    await expect(semaphore.run(later.run)).rejects.toThrow(Unavailable)
    expect(later.hasStarted()).toBe(false)
    running.end()
    await runs[0]
    runs.push(semaphore.run(later.run))
    queued.end()
    later.end()
    await Promise.all(runs)
    expect(later.hasStarted()).toBe(true)
  })

  it('refuses at once when it has no queue', async () => {
    const semaphore = createSemaphore(1, 0)
    const job = openJob()
    const run = semaphore.run(job.run)
    await expect(semaphore.run(job.run)).rejects.toThrow(Unavailable)
    job.end()
    await run
  })

  it('holds the permit until the job has ended, even when the caller has gone away (solana-private-channels#247)', async () => {
    const semaphore = createSemaphore(1, 5)
    const [abandoned, next] = [openJob(), openJob()]
    const caller = Promise.race([semaphore.run(abandoned.run), Promise.reject(new Error('connection closed'))])
    await expect(caller).rejects.toThrow('connection closed')
    const run = semaphore.run(next.run)
    await settle()
    expect([next.hasStarted(), semaphore.waiting()]).toEqual([false, 1])
    abandoned.end()
    next.end()
    await run
    expect(next.hasStarted()).toBe(true)
  })

  it('gives the permit back when a job fails, now or later', async () => {
    const semaphore = createSemaphore(1, 5)
    await expect(semaphore.run(() => Promise.reject(new Error('later')))).rejects.toThrow('later')
    await expect(
      semaphore.run(() => {
        throw new Error('now')
      }),
    ).rejects.toThrow('now')
    await expect(semaphore.run(() => Promise.resolve(42))).resolves.toBe(42)
  })

  it('never runs more than its permits, whatever comes', async () => {
    const semaphore = createSemaphore(3, 1000)
    let running = 0
    let most = 0
    const job = async () => {
      most = Math.max(most, ++running)
      await settle()
      running--
    }
    // Newcomers arrive while permits change hands.
    const comer = async () => {
      for (let round = 0; round < 10; round++) await semaphore.run(job)
    }
    await Promise.all(Array.from({ length: 50 }, comer))
    expect([most, running, semaphore.waiting()]).toEqual([3, 0, 0])
  })

  it('needs a permit', () => {
    for (const [permits, limit] of [
      [0, 1],
      [-1, 1],
      [Number.NaN, 1],
      [1, -1],
    ] as const)
      expect(() => createSemaphore(permits, limit)).toThrow(RangeError)
  })
})
