import { createAcknowledgements } from './acknowledgements.ts'
import { createBackoff } from './backoff.ts'
import { type Clock, instantOf } from './clock.ts'
import type { Counters } from './counters.ts'
import { type Report, reasonOf } from './events.ts'
import { UnexpectedAnswer } from './exchange.ts'
import { type Cursor, EpochChanged, type FeedRequests, type Received } from './feed-requests.ts'
import type { FeedState } from './feed-state.ts'
import { FrameRefused } from './frame.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import type { FeedMetadata } from './metadata.ts'
import { pause } from './waiting.ts'
import { createWatchdog, type Watchdog } from './watchdog.ts'

/** Reads the feed for as long as it is not closed. */
export interface FeedClient {
  /** Whether everything up to that position is applied, now or within that time. */
  reached(position: number, withinMs: number): Promise<boolean>
  /** What was opened before is worth nothing any more. */
  restart(): void
}

export interface FeedClientParts {
  readonly requests: FeedRequests
  readonly state: FeedState
  readonly keys: IssuerKeys
  readonly clock: Clock
  readonly report: Report
  readonly counters: Counters
  /** Where the feed is; waits until that is known. */
  readonly findFeed: () => Promise<FeedMetadata>
  readonly closed: AbortSignal
  /** Silence after which a connection is given up; false: never. */
  readonly reconnectAfterMs?: number | false
  readonly onApplied: () => void
}

/** A proxy that keeps streams to itself is asked again after this long. */
const pollingMs = 60_000
/** The clocks of both ends drift apart: a long connection says less and less about age. */
const longestStreamMs = 600_000
const requestMs = 10_000

export function createFeedClient(parts: FeedClientParts): FeedClient {
  const { requests, state, keys, clock, report, counters, closed } = parts
  const backoff = createBackoff()
  const waiting = new Set<() => void>()
  let attempt: Watchdog | undefined
  let pollUntilMs = 0
  let feed: FeedMetadata | undefined
  const acknowledgements = createAcknowledgements(
    async (position) => {
      if (feed) await requests.acknowledge(feed, position, AbortSignal.any([closed, AbortSignal.timeout(requestMs)]))
    },
    (error) => report({ type: 'failed', what: 'ack', reason: reasonOf(error) }),
  )

  const cursor = (): Cursor => ({ position: state.cursor, epoch: state.epoch ?? '' })
  /** Well below the bound, so that there is time for another try. */
  const silenceMs = (heartbeatMs = Number.POSITIVE_INFINITY): number | false =>
    parts.reconnectAfterMs ?? Math.min(Math.max(3 * heartbeatMs, 300), 600 * state.maxStalenessSeconds)
  const watch = (ms: number | false): Watchdog => {
    attempt = createWatchdog(ms, closed)
    return attempt
  }
  const patience = (): number | false => (parts.reconnectAfterMs === false ? false : requestMs)

  /** Whether one may go on from there. */
  function take({ frame, request, bytes }: Received): boolean {
    counters.frames++
    counters.bytes += bytes
    const outcome = state.apply(frame, request, instantOf(clock))
    if (outcome === 'gap') {
      counters.gaps++
      report({ type: 'gap', cursor: state.cursor })
    } else if (outcome === 'epoch') {
      counters.epochs++
      report({ type: 'epoch' })
    } else if (outcome === 'keyless') throw new FrameRefused('Hashed entries, and no feed key')
    if (outcome !== 'applied') return false
    if (frame.entries.some(({ kind }) => kind === 'k')) keys.dropRevoked()
    if (frame.wantsAck) acknowledgements.request(state.cursor)
    for (const tell of waiting) tell()
    parts.onApplied()
    return true
  }

  async function takeSnapshot(from: FeedMetadata): Promise<void> {
    const watchdog = watch(patience())
    try {
      let received = await requests.snapshot(from, watchdog.signal)
      if (!received.frame.feedKey) throw new FrameRefused('A snapshot without the feed key')
      while (take(received) && received.frame.hasMore) {
        watchdog.rearm()
        received = await requests.delta(from, cursor(), 0, watchdog.signal)
      }
    } finally {
      watchdog.stop()
    }
  }

  async function stream(from: FeedMetadata): Promise<void> {
    const watchdog = watch(silenceMs())
    const openedMs = clock.monotonicMs()
    let frames = 0
    try {
      await requests.stream(from, cursor(), watchdog.signal, {
        onHello: ({ instance, heartbeatMs }) => {
          watchdog.rearm(silenceMs(heartbeatMs))
          report({ type: 'connected', by: 'stream', instance })
        },
        onFrame: (received) => {
          watchdog.rearm()
          frames++
          if (!take(received)) return false
          backoff.reset()
          return clock.monotonicMs() - openedMs < longestStreamMs
        },
      })
    } catch (error) {
      // Perhaps something on the way waits for the end of the answer: polls have one.
      if (watchdog.hasBitten && frames === 0) pollUntilMs = clock.monotonicMs() + pollingMs
      throw watchdog.hasBitten ? new Error('The stream was silent for too long', { cause: error }) : error
    } finally {
      watchdog.stop()
    }
  }

  async function poll(from: FeedMetadata): Promise<void> {
    const waitSeconds = Math.min(30, Math.floor(state.maxStalenessSeconds / 2))
    const silence = silenceMs()
    try {
      for (let isFirst = true; clock.monotonicMs() < pollUntilMs && !closed.aborted; isFirst = false) {
        const watchdog = watch(silence === false ? false : silence + waitSeconds * 1000)
        try {
          const received = await requests.delta(from, cursor(), isFirst ? 0 : waitSeconds, watchdog.signal)
          if (isFirst) report({ type: 'connected', by: 'poll', instance: received.frame.instance })
          if (!take(received)) return
          backoff.reset()
        } finally {
          watchdog.stop()
        }
        if (waitSeconds === 0) await pause(200 * state.maxStalenessSeconds, closed)
      }
    } catch (error) {
      pollUntilMs = 0
      throw error
    }
  }

  async function connectOnce(): Promise<void> {
    feed = await parts.findFeed()
    if (state.epoch === undefined) await takeSnapshot(feed)
    if (state.epoch === undefined) return
    await (clock.monotonicMs() < pollUntilMs ? poll(feed) : stream(feed))
  }

  async function run(): Promise<void> {
    while (!closed.aborted) {
      let leastMs = 0
      try {
        await connectOnce()
      } catch (error) {
        if (closed.aborted) return
        if (error instanceof EpochChanged) {
          state.startOver()
          counters.epochs++
          report({ type: 'epoch' })
        } else if (error instanceof FrameRefused) {
          counters.refusedFrames++
          report({ type: 'refused_frame', reason: error.message })
        } else report({ type: 'disconnected', reason: reasonOf(error) })
        if (error instanceof UnexpectedAnswer) leastMs = error.retryAfterSeconds * 1000
      }
      counters.reconnects++
      await pause(backoff.nextMs(leastMs), closed)
    }
  }

  void run()
  return {
    reached: (position, withinMs) => {
      if (state.cursor >= position) return Promise.resolve(true)
      return new Promise((resolve) => {
        const end = () => {
          clearTimeout(timer)
          waiting.delete(tell)
          resolve(state.cursor >= position)
        }
        const tell = () => void (state.cursor >= position && end())
        const timer = setTimeout(end, withinMs)
        waiting.add(tell)
      })
    },
    restart: () => attempt?.cut(),
  }
}
