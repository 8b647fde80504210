import { setTimeout as sleep } from 'node:timers/promises'
import type { FeedPolicy } from '../../domain/feed.ts'
import { Unavailable } from '../../domain/unavailable.ts'
import type { Database } from '../../store/database.ts'
import type { KeyRing } from '../keys/ring.ts'
import { createFramer, type SignedFrame } from './frame.ts'
import { createFeedReader, type Reading } from './reader.ts'
import { createVerifiers } from './verifiers.ts'

/** Where a verifier stands. Without an epoch: in that of now. */
export interface Cursor {
  readonly position: number
  readonly epoch?: string
}

/** A verifier that listens, under the name by which it acknowledges. */
export interface Subscriber {
  readonly verifier: string
  /** Resolves when there is room for more. Never rejects. */
  send(frame: SignedFrame): Promise<void>
  /** Nothing more will come: the positions are others now, or the server stops. */
  end(): void
}

/** The revocation feed of one instance (docs/revocation-feed.md). Every method throws `Unavailable` when the database cannot answer. */
export interface Feed {
  readonly instance: string
  readonly heartbeatMs: number
  readonly policy: FeedPolicy
  /** From the beginning, with the feed key; what does not fit into one frame is fetched by `delta`. */
  snapshot(verifier: string): Promise<{ frame: SignedFrame; epoch: string }>
  /** What came after the cursor, as soon as there is something, or after `waitMs`. @throws {EpochChanged} */
  delta(cursor: Cursor, waitMs: number, verifier: string): Promise<SignedFrame>
  /** Sends what came after the cursor, and from then on everything. Answers how to stop it. @throws {EpochChanged} */
  subscribe(cursor: Cursor, subscriber: Subscriber): Promise<() => void>
  acknowledge(verifier: string, position: number): void
  /** There may be something new. */
  wake(): void
  counts(): { readonly subscribers: number; readonly entries: number; readonly head: number }
  close(): void
}

/** The cursor is of other positions than those of now, or beyond them. */
export class EpochChanged extends Error {
  override readonly name = 'EpochChanged'
}

export interface FeedParts {
  readonly db: Database
  readonly keys: KeyRing
  readonly issuer: string
  readonly policy: FeedPolicy
  /** Random, new with every start: its monotonic clock is nobody else's. */
  readonly instance: string
  /** Of the user and client entries, base64url. */
  readonly feedKey: string
  readonly onError: (error: unknown) => void
}

/** A look at the database even when nothing woke us: this is the guarantee, NOTIFY only saves the wait. */
const tickMs = 250
/** Under load entries are gathered for this long, so that one signature and one write serve many. */
const gatherMs = 10
/** Those who come at once share one look. */
const connectMs = 50
/** What the slowest reader may hold up the others, for each frame of a crowd of entries. */
const catchBreathMs = 50

export function createFeed(parts: FeedParts): Feed {
  const { db, instance, policy, onError } = parts
  const heartbeatMs = Math.min(1000, Math.max(100, policy.maxStalenessSeconds * 200))
  const subscribers = new Set<Subscriber>()
  /** Those who still get what came before them. */
  const joining = new Set<Subscriber>()
  const waiting = new Set<() => void>()
  const reader = createFeedReader(db, onReading)
  const framer = createFramer(reader.log, parts)
  const verifiers = createVerifiers(db, { instance, maxStalenessSeconds: policy.maxStalenessSeconds }, onError)
  let latest: Reading | undefined
  let published = { epoch: '', head: 0, awaited: 0, atMs: 0 }
  let publishing: Promise<void> = Promise.resolve()
  let ticking: NodeJS.Timeout | undefined
  let isClosed = false

  function onReading(reading: Reading): void {
    latest = reading
    if (published.epoch !== reading.epoch) {
      endAll()
      published = { epoch: reading.epoch, head: reading.head, awaited: 0, atMs: 0 }
    }
    for (const tell of waiting) tell()
    // Before anything of it is sent, and before the report: whoever reads that must not miss somebody whom a frame on its way will keep fresh.
    for (const { verifier } of subscribers) verifiers.mayGet(verifier, reading)
    verifiers.report(reading)
    publishing = publishing.then(() => publish(reading)).catch(onError)
  }

  /** To everybody, when there is something new, when somebody waits for an answer, or when it is time for a sign of life. */
  async function publish(reading: Reading): Promise<void> {
    if (reading.epoch !== published.epoch) return
    const awaited = reading.awaited ?? 0
    const isDue = reading.anchorMs - published.atMs > heartbeatMs - tickMs / 2
    if (subscribers.size > 0 && (reading.head > published.head || awaited > published.awaited || isDue)) {
      await verifiers.promise(reading)
      const frames = await framer.all(published.head, reading)
      // Whoever has joined meanwhile stands further on; a frame that begins before its cursor is good for it too.
      for (const frame of frames) {
        const sent = [...subscribers].map((subscriber) => subscriber.send(frame))
        // Of many frames at once even a reader that keeps up takes one after the other. Nobody is waited for longer.
        if (!frame.isLast) await Promise.race([Promise.all(sent), sleep(catchBreathMs)])
      }
      published = { ...published, head: frames.at(-1)?.to ?? reading.head, awaited, atMs: reading.anchorMs }
    } else if (subscribers.size === 0) published.head = Math.max(published.head, reading.head)
  }

  /** A look for one verifier, which begins now. */
  async function look(verifier: string): Promise<Reading> {
    if (isClosed) throw new Unavailable('The server stops')
    keepTicking()
    const reading = await reader.fresh(connectMs)
    verifiers.mayGet(verifier, reading)
    return reading
  }

  function wake(): void {
    if (!isClosed && ticking) reader.fresh(gatherMs).catch(onError)
  }

  function keepTicking(): void {
    if (ticking || isClosed) return
    ticking = setInterval(tick, Math.min(tickMs, heartbeatMs))
    ticking.unref()
  }

  function tick(): void {
    if (subscribers.size > 0 || waiting.size > 0 || (latest && verifiers.mayBeFresh(latest))) return wake()
    // Nobody listens, and nobody is fresh by anything that was said.
    clearInterval(ticking)
    ticking = undefined
  }

  function requireEpoch({ position, epoch }: Cursor, reading: Reading): void {
    if ((epoch !== undefined && epoch !== reading.epoch) || position > reading.head) throw new EpochChanged()
  }

  /** The latest reading once there is something after the position, or the time is over. */
  async function somethingAfter(position: number, waitMs: number, reading: Reading): Promise<Reading> {
    const isOver = () => isClosed || latest?.epoch !== reading.epoch || latest.head > position
    if (isOver()) return latest ?? reading
    await new Promise<void>((resolve) => {
      const stop = () => {
        clearTimeout(timer)
        waiting.delete(tell)
        resolve()
      }
      const tell = () => void (isOver() && stop())
      const timer = setTimeout(stop, waitMs)
      waiting.add(tell)
      keepTicking()
    })
    return latest ?? reading
  }

  /** Sends all that came after a position. False: it was ended instead. When it is true, nothing was published that the subscriber lacks. */
  async function catchUp(from: number, subscriber: Subscriber, first: Reading): Promise<boolean> {
    let [position, reading] = [from, first]
    do {
      await verifiers.promise(reading)
      const frames = await framer.all(position, reading)
      for (const frame of frames) await subscriber.send(frame)
      position = frames.at(-1)?.to ?? position
      if (isClosed || latest?.epoch !== reading.epoch) {
        subscriber.end()
        return false
      }
      reading = latest
      verifiers.mayGet(subscriber.verifier, reading)
    } while (published.head > position)
    return true
  }

  function endAll(): void {
    for (const subscriber of [...subscribers, ...joining]) subscriber.end()
    subscribers.clear()
  }

  return {
    instance,
    heartbeatMs,
    policy,
    snapshot: async (verifier) => {
      const reading = await look(verifier)
      await verifiers.promise(reading)
      return { frame: await framer.first(0, reading, { key: parts.feedKey }), epoch: reading.epoch }
    },
    delta: async (cursor, waitMs, verifier) => {
      let reading = await look(verifier)
      requireEpoch(cursor, reading)
      if (waitMs > 0) reading = await somethingAfter(cursor.position, waitMs, reading)
      verifiers.mayGet(verifier, reading)
      requireEpoch(cursor, reading)
      await verifiers.promise(reading)
      return framer.first(cursor.position, reading)
    },
    subscribe: async (cursor, subscriber) => {
      const reading = await look(subscriber.verifier)
      requireEpoch(cursor, reading)
      joining.add(subscriber)
      const isWhole = await catchUp(cursor.position, subscriber, reading).finally(() => joining.delete(subscriber))
      if (!isWhole) return () => undefined
      subscribers.add(subscriber)
      keepTicking()
      return () => void subscribers.delete(subscriber)
    },
    acknowledge: (verifier, position) => verifiers.acknowledge(verifier, position),
    wake,
    counts: () => ({ subscribers: subscribers.size, entries: reader.log.size, head: latest?.head ?? 0 }),
    close: () => {
      isClosed = true
      clearInterval(ticking)
      endAll()
      for (const tell of waiting) tell()
    },
  }
}
