import { Unavailable } from '../domain/unavailable.ts'

export interface CombinerOptions<Call, Answer> {
  /** Does all of it or nothing; answers every call in its place. */
  readonly run: (batch: readonly Call[]) => Promise<readonly Answer[]>
  readonly batchSize: number
  /** Batches at the same time. */
  readonly concurrency: number
  /** Who had to wait longer for a turn is refused instead: whoever asked has stopped waiting, or soon will. */
  readonly patienceMs: number
  /** The failure is nobody's own: to run the calls one by one would fail, too. */
  readonly isShared: (error: unknown) => boolean
}

interface Waiting<Call, Answer> {
  readonly call: Call
  readonly since: number
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/**
 * Does together what is asked for at the same time. A call starts at once while fewer than `concurrency` batches are under way; otherwise it waits, and
 * goes with all others that wait. There is no timer: who is alone waits for nobody, and the busier it is the more go together.
 */
export function createCombiner<Call, Answer>(options: CombinerOptions<Call, Answer>): (call: Call) => Promise<Answer> {
  const queue: Waiting<Call, Answer>[] = []
  let underWay = 0

  const settle = async (batch: readonly Waiting<Call, Answer>[]): Promise<void> => {
    try {
      const answers = await options.run(batch.map(({ call }) => call))
      if (answers.length !== batch.length) throw new Error(`${batch.length} calls, ${answers.length} answers`)
      for (const [i, { resolve }] of batch.entries()) resolve(answers[i] as Answer)
    } catch (error) {
      const isAlone = batch.length === 1
      // One by one, beside the next batch: whoever spoils it for the others keeps nobody else waiting.
      if (!isAlone && !options.isShared(error)) for (const one of batch) void settle([one])
      else for (const { reject } of batch) reject(error)
    }
  }

  const refuseLate = () => {
    const since = performance.now() - options.patienceMs
    const isLate = queue.findIndex((waiting) => waiting.since >= since)
    const late = queue.splice(0, isLate === -1 ? queue.length : isLate)
    for (const { reject } of late) reject(new Unavailable('Too many wait for the database'))
  }

  const runNext = async (): Promise<void> => {
    underWay++
    await settle(queue.splice(0, options.batchSize))
    underWay--
    startNext()
  }

  const startNext = () => {
    refuseLate()
    while (underWay < options.concurrency && queue.length > 0) void runNext()
  }

  return (call) =>
    new Promise((resolve, reject) => {
      queue.push({ call, since: performance.now(), resolve, reject })
      startNext()
    })
}
