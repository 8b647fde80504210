import { setTimeout as sleep } from 'node:timers/promises'
import type { Queries } from '../../store/database.ts'
import { FeedHasHole, readFeed } from '../../store/feed.ts'
import { createFeedLog, type FeedLog } from './log.ts'

/** What one look at the database has shown; the log holds every entry up to `head`. */
export interface Reading {
  readonly epoch: string
  readonly head: number
  /** Monotonic milliseconds of this process when the read began: nothing that committed before is missing. */
  readonly anchorMs: number
  /** The clock of the database, not after the read. */
  readonly asofSeconds: number
  /** The greatest position that somebody waits for. */
  readonly awaited: number | null
}

export interface FeedReader {
  readonly log: FeedLog
  /** A reading that begins after this call; whoever calls at the same time shares it. @throws {Unavailable} */
  fresh(paceMs: number): Promise<Reading>
}

const pageSize = 10_000

/** Reads for everybody in this process, one read at a time. `onReading` hears of each of them, in their order. */
export function createFeedReader(db: Queries, onReading: (reading: Reading) => void): FeedReader {
  const log = createFeedLog()
  let position = 0
  let epoch: string | undefined
  let beganAt = Number.NEGATIVE_INFINITY
  let running: Promise<unknown> = Promise.resolve()
  let waiting: Promise<Reading> | undefined

  const startOver = (): void => {
    log.clear()
    position = 0
    epoch = undefined
  }

  const read = async (): Promise<Reading> => {
    for (;;) {
      const anchorMs = performance.now()
      const page = await readFeed(db, position, pageSize)
      if (epoch !== undefined && page.epoch !== epoch) {
        startOver()
        continue
      }
      epoch = page.epoch
      log.append(page.entries)
      position = page.to
      if (page.to < page.head) continue
      log.prune(page.asofSeconds)
      const { head, asofSeconds, awaited } = page
      return { epoch, head, anchorMs, asofSeconds, awaited }
    }
  }

  const readSurely = async (): Promise<Reading> => {
    beganAt = performance.now()
    try {
      return await read()
    } catch (error) {
      // Whoever slept for an hour has missed what was cleaned up meanwhile, and begins anew. A real hole is there then, too.
      if (!(error instanceof FeedHasHole) || position === 0) throw error
      startOver()
      return read()
    }
  }

  return {
    log,
    fresh: (paceMs) => {
      waiting ??= running.then(async () => {
        const early = beganAt + paceMs - performance.now()
        if (early > 0) await sleep(early)
        waiting = undefined
        const reading = readSurely()
        running = reading.then(onReading).catch(() => undefined)
        return reading
      })
      return waiting
    },
  }
}
