import { createSleepWatch, type Instant } from './clock.ts'
import type { Frame } from './frame.ts'
import { createRevocationSet, type RevocationSet } from './revocation-set.ts'

/** The request that a frame answers: when it was sent, and what the instance's clock was when it arrived there. */
export interface FeedRequest {
  readonly sentMs: number
  readonly clock?: { readonly instance: string; readonly ms: number }
}

/** `gap`: begin again from the cursor. `epoch`: begin again with a snapshot. `keyless`: entries that nobody can match yet. */
export type Outcome = 'applied' | 'gap' | 'epoch' | 'keyless'

/** Everything that a verifier knows from the feed (docs/revocation-feed.md §3). No I/O: whoever reads the feed drives it. */
export interface FeedState {
  readonly set: RevocationSet
  /** Everything up to here is in the set. */
  readonly cursor: number
  readonly epoch: string | undefined
  /** How often the machine has slept. Connections from before are worth nothing. */
  readonly sleeps: number
  readonly maxStalenessSeconds: number
  /** The least of what the issuer and the owner of this verifier allow. */
  limitStaleness(seconds: number): void
  apply(frame: Frame, request: FeedRequest, now: Instant): Outcome
  /** The server knows other positions than these. */
  startOver(): void
  isFresh(now: Instant): boolean
  /** How old the youngest news is by either clock, in seconds; also where it may not be relied on any more. */
  ageSeconds(now: Instant): number
  /** Lets go of what is over. To be called now and then. */
  tidy(now: Instant): void
}

export interface FeedStateOptions {
  readonly maxStalenessSeconds: number
  readonly maxEntries: number
  /** How much faster than ours the instance's clock may run; over a long connection that adds up. */
  readonly clockDrift?: number
}

/** Clocks may differ by that much within one bound of staleness. */
const usable = 0.999

export function createFeedState(options: FeedStateOptions, start: Instant): FeedState {
  const set = createRevocationSet(options.maxEntries)
  const sleep = createSleepWatch(start)
  let { maxStalenessSeconds } = options
  let cursor = 0
  let epoch: string | undefined
  let sleeps = 0
  /** When, by our clock, the youngest applied read began; undefined while nothing makes fresh. */
  let readMs: number | undefined
  /** The youngest read ever applied, by both clocks: how long a route with grace may go on. */
  let youngest: Instant | undefined
  let awakeSinceMs = Number.NEGATIVE_INFINITY
  let asofSeconds = 0

  function notice(now: Instant): void {
    if (!sleep.hasSlept(now)) return
    sleeps++
    readMs = undefined
    awakeSinceMs = now.monotonicMs
  }

  function startOver(): void {
    epoch = undefined
    cursor = 0
    readMs = undefined
  }

  /** The latest instant of our own clock of which it is certain that the read had not begun before it. */
  function beginOf(anchorMs: number, { sentMs, clock }: FeedRequest, frame: Frame, now: Instant): number | undefined {
    if (clock === undefined || clock.instance !== frame.instance) return undefined
    const since = anchorMs - clock.ms
    const begin = sentMs + since - Math.max(0, since) * (options.clockDrift ?? 0)
    // Nothing was read later than it arrived, whatever the other clock says.
    return Math.min(begin, now.monotonicMs)
  }

  function refresh(frame: Frame, request: FeedRequest, now: Instant): void {
    if (frame.anchorMs === undefined) return
    const begin = beginOf(frame.anchorMs, request, frame, now)
    // A request from before a sleep has a clock that stood still since.
    if (begin === undefined || request.sentMs < awakeSinceMs) return
    if (readMs === undefined || begin > readMs) readMs = begin
    if (youngest === undefined || begin > youngest.monotonicMs)
      youngest = { monotonicMs: begin, wallMs: now.wallMs - (now.monotonicMs - begin) }
  }

  return {
    set,
    get cursor() {
      return cursor
    },
    get epoch() {
      return epoch
    },
    get sleeps() {
      return sleeps
    },
    get maxStalenessSeconds() {
      return maxStalenessSeconds
    },
    limitStaleness: (seconds) => {
      maxStalenessSeconds = Math.min(options.maxStalenessSeconds, seconds)
    },
    apply: (frame, request, now) => {
      notice(now)
      if (epoch !== undefined && frame.epoch !== epoch) {
        startOver()
        return 'epoch'
      }
      if (frame.from > cursor) {
        readMs = undefined
        return 'gap'
      }
      if (frame.feedKey !== undefined) set.useFeedKey(frame.feedKey)
      if (!set.hasFeedKey && frame.entries.some(({ kind }) => kind === 'u' || kind === 'c' || kind === 'k'))
        return 'keyless'
      for (const entry of frame.entries) set.add(entry)
      // Entries first: whoever sees the cursor may rely on everything below it.
      epoch = frame.epoch
      cursor = Math.max(cursor, frame.to)
      asofSeconds = Math.max(asofSeconds, frame.asofSeconds ?? 0)
      refresh(frame, request, now)
      return 'applied'
    },
    startOver,
    isFresh: (now) => {
      notice(now)
      if (readMs === undefined || !set.isComplete) return false
      return now.monotonicMs - readMs < usable * maxStalenessSeconds * 1000
    },
    ageSeconds: (now) => {
      if (youngest === undefined) return Number.POSITIVE_INFINITY
      return Math.max(now.monotonicMs - youngest.monotonicMs, now.wallMs - youngest.wallMs) / 1000
    },
    tidy: (now) => {
      notice(now)
      // Ours may be ahead of the database, and tokens are dead by ours only then.
      set.forget(Math.min(asofSeconds, now.wallMs / 1000), 'gradually')
    },
  }
}
