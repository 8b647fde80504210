import { setTimeout as sleep } from 'node:timers/promises'
import { keepUp } from '../maintenance.ts'
import { buildTools } from '../tools.ts'
import { createGathering } from './gathering.ts'
import { type Service, type ServiceParts, serverParts } from './service.ts'
import { startWorker, type WorkerProcess } from './worker-process.ts'

/** The pause before a worker is replaced. It doubles while they die young. */
const leastPauseMs = 100
const mostPauseMs = 10_000
const youngMs = 60_000

/** Serves in `WORKERS` processes, each an instance like any other. This one has the tools, for what happens once, and watches over them. */
export async function serveInWorkers(parts: ServiceParts): Promise<Service> {
  const tools = await buildTools(serverParts(parts))
  await keepUp(tools)
  const workers = createWorkers(parts)
  return {
    tools,
    listen: (interrupt) => workers.start(interrupt),
    close: async () => {
      await workers.stop()
      await tools.db.close()
    },
  }
}

function createWorkers({ logger, ...parts }: ServiceParts) {
  const running = new Set<WorkerProcess>()
  const gathering = createGathering()
  const stopping = new AbortController()
  const { signal } = stopping
  // Whoever forces this process to exit means them too.
  const killAll = () => {
    for (const worker of running) worker.kill()
  }

  const tellAll = async (asking: WorkerProcess): Promise<void> => {
    const numbers = await gathering.gather().catch((error: unknown) => {
      logger.warn({ err: error }, 'a worker does not tell its numbers')
      return undefined
    })
    asking.tell(numbers)
  }

  const follow = async (worker: WorkerProcess): Promise<void> => {
    await worker.serving
    logger.info({ worker: worker.pid }, 'a worker serves')
    await gathering.add(worker)
  }

  const begin = (): WorkerProcess => {
    const worker = startWorker(parts, (asking) => void tellAll(asking))
    running.add(worker)
    void worker.ended.then(() => running.delete(worker))
    // That it never served is told by whoever waits for it, or replaces it.
    void follow(worker).catch(() => undefined)
    return worker
  }

  /** Replaces a worker that ended, and the one after it. */
  const keep = async (first: WorkerProcess): Promise<void> => {
    let worker = first
    let pauseMs = 0
    for (;;) {
      const began = performance.now()
      const reason = await worker.ended
      if (signal.aborted) return
      const isYoung = performance.now() - began < youngMs
      pauseMs = isYoung ? Math.min(Math.max(leastPauseMs, pauseMs * 2), mostPauseMs) : leastPauseMs
      logger.error({ worker: worker.pid, reason, pauseMs }, 'a worker ended and is replaced')
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return
      worker = begin()
    }
  }

  const stop = async (): Promise<void> => {
    stopping.abort()
    for (const worker of running) worker.stop()
    await Promise.all([...running].map((worker) => worker.ended))
    process.off('exit', killAll)
  }

  return {
    stop,
    start: async (interrupt: AbortSignal) => {
      process.once('exit', killAll)
      const onInterrupt = () => void stop()
      interrupt.addEventListener('abort', onInterrupt)
      // One goes first: what keeps it from serving would keep all of them, and is told once.
      const first = begin()
      await first.serving
      interrupt.throwIfAborted()
      const others = Array.from({ length: parts.config.workers - 1 }, begin)
      await Promise.all(others.map((worker) => worker.serving))
      interrupt.removeEventListener('abort', onInterrupt)
      for (const worker of [first, ...others]) void keep(worker)
    },
  }
}
