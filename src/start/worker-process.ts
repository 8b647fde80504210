import cluster, { type Worker } from 'node:cluster'
import { EventEmitter, once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Numbers } from '../metrics.ts'
import type { ToPrimary, ToWorker, WorkerParts } from './worker-messages.ts'

/** A worker, as its primary sees it. */
export interface WorkerProcess {
  readonly pid: number
  /** Resolves when it serves. @throws what kept it from that */
  readonly serving: Promise<void>
  /** Resolves when it is gone, with the reason. */
  readonly ended: Promise<string>
  /** Its numbers when they were last asked for. */
  latest(): Numbers | undefined
  /** Asks for its numbers. @throws when it does not answer */
  count(): Promise<void>
  /** Gives it the numbers of all, which it asked for; undefined when they cannot be had. */
  tell(numbers: Numbers[] | undefined): void
  /** Has it finish what is in flight, and end. */
  stop(): void
  kill(): void
}

/** Longer than a database that does not answer holds up the numbers, and shorter than Prometheus waits for them. */
const longestCountMs = 8000

/** Starts a process that serves. `onGather` is called when it wants the numbers of all. */
export function startWorker(parts: WorkerParts, onGather: (asking: WorkerProcess) => void): WorkerProcess {
  // Compiled, as every process is. Messages are cloned: JSON has no NaN, which is what a gauge says that could not be read.
  const exec = fileURLToPath(new URL('./worker.js', import.meta.url))
  cluster.setupPrimary({ exec, args: [], serialization: 'advanced' })
  const worker = cluster.fork()
  const said = new EventEmitter()
  let latest: Numbers | undefined
  let failure: Error | undefined
  let isReady = false

  const send = (message: ToWorker) => {
    // With a callback: that it died a moment ago is no error of the primary.
    if (worker.isConnected()) worker.send(message, () => {})
  }
  worker.on('message', (message: ToPrimary) => {
    if (message.kind === 'ready') {
      isReady = true
      send({ kind: 'serve', parts })
    }
    if (message.kind === 'counted') latest = message.numbers
    if (message.kind === 'failed') failure = Object.assign(new Error(message.failure.message), message.failure)
    if (message.kind === 'gather') onGather(self)
    said.emit(message.kind)
  })
  const ended = endOf(worker).then((how) => failure?.message ?? how)
  const notServing = ended.then((how) => {
    throw failure ?? new Error(`A worker ended before it could serve: ${how}.`)
  })
  const serving = Promise.race([once(said, 'serving'), notServing]).then(() => undefined)
  // Whoever replaces a worker waits for its end only, and that is told there.
  serving.catch(() => undefined)

  const self: WorkerProcess = {
    pid: worker.process.pid ?? 0,
    serving,
    ended,
    latest: () => latest,
    count: async () => {
      const counted = once(said, 'counted', { signal: AbortSignal.timeout(longestCountMs) })
      send({ kind: 'count' })
      await Promise.race([counted, ended])
    },
    tell: (numbers) => send({ kind: 'gathered', numbers }),
    // It stops when it loses its primary, and that is how it is told to; before it listens it would take that for an error.
    stop: () => {
      if (!isReady) self.kill()
      else if (worker.isConnected()) worker.process.disconnect()
    },
    kill: () => void worker.process.kill('SIGKILL'),
  }
  return self
}

/** How it ended, in words. */
async function endOf(worker: Worker): Promise<string> {
  const exit = once(worker, 'exit').then(([code, signal]: (number | string | null)[]) =>
    signal === null ? `exit code ${code}` : `${signal}`,
  )
  // A connection or message on its way to a worker that dies is an error too, which ends nothing.
  const failure = new Promise<string>((resolve) => {
    worker.on('error', (error) => {
      if (worker.process.pid === undefined) resolve(error.message)
    })
  })
  return Promise.race([exit, failure])
}
