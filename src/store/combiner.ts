import { Unavailable } from '../domain/unavailable.ts'
import type { Database } from './database.ts'

export interface CombinerOptions<Call, Answer> {
  /** Does all of it or nothing; answers every call in its place. */
  readonly run: (batch: readonly Call[]) => Promise<readonly Answer[]>
  readonly batchSize: number
  /** Batches at the same time. */
  readonly concurrency: number
  /** Beside fewer calls than this there is room for one batch more, as soon as half as many wait. */
  readonly small?: number
  /** Who had to wait longer for a turn is refused instead: whoever asked has stopped waiting, or soon will. */
  readonly patienceMs: number
  /** The failure is nobody's own: to run the calls one by one would fail, too. */
  readonly isShared: (error: unknown) => boolean
  /** Calls about the same thing, which have to go one after the other. */
  readonly thing?: (call: Call) => string
}

interface Waiting<Call, Answer> {
  readonly call: Call
  readonly since: number
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

/**
 * Does together what is asked for at the same time. What comes in one turn of the event loop goes together; while as many batches are under way as
 * may be, the others wait, and go with all that wait then. There is no timer: who is alone waits for nobody, and the busier it is the more go together.
 */
export function createCombiner<Call, Answer>(options: CombinerOptions<Call, Answer>): (call: Call) => Promise<Answer> {
  const { thing, small = 0 } = options
  let queue: Waiting<Call, Answer>[] = []
  let underWay = 0
  let callsUnderWay = 0
  let isDue = false
  /** What the batches under way are about. */
  const busy = new Set<string>()

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

  /** The first in the queue, without those that another call about the same thing comes before. */
  const takeBatch = (): Waiting<Call, Answer>[] => {
    if (!thing) return queue.splice(0, options.batchSize)
    const batch: Waiting<Call, Answer>[] = []
    const left: Waiting<Call, Answer>[] = []
    for (const waiting of queue) {
      const about = thing(waiting.call)
      if (batch.length === options.batchSize || busy.has(about)) left.push(waiting)
      else {
        busy.add(about)
        batch.push(waiting)
      }
    }
    queue = left
    return batch
  }

  const runBatch = async (batch: readonly Waiting<Call, Answer>[]): Promise<void> => {
    underWay++
    callsUnderWay += batch.length
    await settle(batch)
    callsUnderWay -= batch.length
    underWay--
    if (thing) for (const { call } of batch) busy.delete(thing(call))
    startNext()
  }

  const hasRoom = () =>
    underWay < options.concurrency ||
    (underWay === options.concurrency && callsUnderWay < small && queue.length >= small / 2)

  const startNext = () => {
    refuseLate()
    while (queue.length > 0 && hasRoom()) {
      const batch = takeBatch()
      if (batch.length === 0) return
      void runBatch(batch)
    }
  }

  const startSoon = () => {
    refuseLate()
    if (isDue || !hasRoom()) return
    isDue = true
    setImmediate(() => {
      isDue = false
      startNext()
    })
  }

  return (call) =>
    new Promise((resolve, reject) => {
      queue.push({ call, since: performance.now(), resolve, reject })
      startSoon()
    })
}

type Combining<Call, Answer> = Pick<CombinerOptions<Call, Answer>, 'concurrency' | 'small' | 'thing'> & {
  readonly run: (db: Database, batch: readonly Call[]) => Promise<readonly Answer[]>
}

/** The same for what a database is asked: each has a combiner of its own, beside its pool and not in it, for a process may have several. */
export function combined<Call, Answer>({ run, ...options }: Combining<Call, Answer>) {
  const combiners = new WeakMap<Database, (call: Call) => Promise<Answer>>()
  return (db: Database, call: Call): Promise<Answer> => {
    const combine =
      combiners.get(db) ??
      createCombiner({
        ...options,
        run: (batch) => run(db, batch),
        batchSize: 64,
        patienceMs: 3000, // as for a connection
        isShared: (error) => error instanceof Unavailable && !isLockTimeout(error.cause),
      })
    combiners.set(db, combine)
    return combine(call)
  }
}

/** Answers by the places of their calls, which a statement counts from 1; undefined where it gave no row. */
export function inPlace<Row extends { readonly place: number }>(
  rows: readonly Row[],
  length: number,
): (Row | undefined)[] {
  const answers: (Row | undefined)[] = Array.from({ length })
  for (const row of rows) answers[row.place - 1] = row
  return answers
}

/** Somebody holds a row: that is the trouble of the one who wants it. */
const isLockTimeout = (cause: unknown) => (cause as { code?: unknown } | undefined)?.code === '55P03'
