import { describe, expect, it } from 'vitest'
import type { Instant } from '../src/clock.ts'
import { createFeedState, type FeedRequest, type FeedState } from '../src/feed-state.ts'
import { parseFrame } from '../src/frame.ts'
import type { TokenFacts } from '../src/revocation-set.ts'
import { entryKey } from './fake-issuer.ts'

const feedKey = Buffer.alloc(32, 7).toString('base64url')
const startSeconds = 1_795_222_861
const sid = '0195a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b'

/** An instant that many milliseconds after the start, where the wall clock may have gone further. */
const at = (ms: number, asleepMs = 0): Instant => ({ monotonicMs: ms, wallMs: startSeconds * 1000 + ms + asleepMs })

const create = (options: Partial<Parameters<typeof createFeedState>[0]> = {}): FeedState =>
  createFeedState({ maxStalenessSeconds: 5, maxEntries: 1000, ...options }, at(0))

const frame = (members: Record<string, unknown> = {}) =>
  parseFrame(
    JSON.stringify({ iss: 'https://i', ep: 'e1', in: 'x', from: 0, to: 10, a: 1000, asof: startSeconds, ...members }),
  )

/** Sent at 0, and arrived when the clock of the instance was at 1000. */
const request: FeedRequest = { sentMs: 0, clock: { instance: 'x', ms: 1000 } }

const token = (facts: Partial<TokenFacts> = {}): TokenFacts => ({
  sid: undefined,
  gid: undefined,
  jti: undefined,
  sub: undefined,
  clientId: undefined,
  kid: undefined,
  rvp: 5,
  authTime: 0,
  ...facts,
})

describe('freshness', () => {
  it('begins with the first frame, and ends when the read is as old as the bound', () => {
    const state = create()
    expect(state.isFresh(at(0))).toBe(false)
    expect(state.apply(frame(), request, at(20))).toBe('applied')
    expect(state.isFresh(at(4994))).toBe(true)
    expect(state.isFresh(at(4995))).toBe(false)
  })

  it('counts from the read, however late the frame arrives', () => {
    const state = create()
    state.apply(frame(), request, at(4990))
    expect(state.isFresh(at(4994))).toBe(true)
    expect(state.isFresh(at(4995))).toBe(false)
    state.apply(frame(), request, at(6000))
    expect(state.isFresh(at(6000))).toBe(false)
  })

  it('is not won by a frame that says the same read again', () => {
    const state = create()
    for (let ms = 0; ms < 10_000; ms += 500) state.apply(frame(), request, at(ms))
    expect(state.isFresh(at(10_000))).toBe(false)
  })

  it('counts a read that began before the request arrived as older', () => {
    const state = create()
    state.apply(frame({ a: 0 }), request, at(20))
    expect(state.isFresh(at(3994))).toBe(true)
    expect(state.isFresh(at(3995))).toBe(false)
  })

  it('follows the clock of the instance along a stream', () => {
    const state = create()
    state.apply(frame(), request, at(20))
    state.apply(frame({ a: 5000 }), request, at(4020))
    expect(state.isFresh(at(8994))).toBe(true)
    expect(state.isFresh(at(8995))).toBe(false)
  })

  it('takes the youngest frame, not the last', () => {
    const state = create()
    state.apply(frame({ a: 5000 }), request, at(4020))
    state.apply(frame({ a: 2000 }), request, at(4030))
    expect(state.isFresh(at(8994))).toBe(true)
  })

  it('is never later than the arrival, whatever the other clock says', () => {
    const state = create()
    state.apply(frame({ a: 1_000_000 }), request, at(100))
    expect(state.isFresh(at(5094))).toBe(true)
    expect(state.isFresh(at(5095))).toBe(false)
  })

  it('grows with the length of the connection, where clocks may drift', () => {
    const state = create({ clockDrift: 0.001 })
    state.apply(frame({ a: 101_000 }), request, at(100_000))
    expect(state.isFresh(at(104_894))).toBe(true)
    expect(state.isFresh(at(104_895))).toBe(false)
  })

  it('comes only by the clock of the instance that has read', () => {
    const state = create()
    expect(state.apply(frame({ in: 'y' }), request, at(20))).toBe('applied')
    expect(state.cursor).toBe(10)
    expect(state.isFresh(at(20))).toBe(false)
    state.apply(frame(), { sentMs: 0 }, at(20))
    expect(state.isFresh(at(20))).toBe(false)
  })

  it('does not come with a frame after which there is more', () => {
    const state = create()
    state.apply(frame({ more: true }), request, at(20))
    expect(state.isFresh(at(20))).toBe(false)
  })

  it('ends with a gap, until a frame fits', () => {
    const state = create()
    state.apply(frame(), request, at(20))
    expect(state.apply(frame({ from: 11, to: 12 }), request, at(30))).toBe('gap')
    expect(state.cursor).toBe(10)
    expect(state.isFresh(at(30))).toBe(false)
    state.apply(frame({ from: 10, to: 12 }), request, at(40))
    expect(state.isFresh(at(40))).toBe(true)
  })

  it('keeps to the smaller bound', () => {
    const state = create()
    state.limitStaleness(60)
    expect(state.maxStalenessSeconds).toBe(5)
    state.limitStaleness(2)
    state.apply(frame(), request, at(20))
    expect(state.isFresh(at(1997))).toBe(true)
    expect(state.isFresh(at(1998))).toBe(false)
  })
})

describe('a sleep', () => {
  it('of more than a second makes stale', () => {
    const state = create()
    state.apply(frame(), request, at(20))
    expect(state.isFresh(at(30, 1000))).toBe(true)
    expect(state.isFresh(at(40, 1100))).toBe(false)
    expect(state.sleeps).toBe(1)
  })

  it('is over with a frame of a request that was sent since', () => {
    const state = create()
    state.apply(frame(), request, at(20))
    // Its arrival is the first thing that happens after waking up.
    state.apply(frame({ a: 1030 }), request, at(40, 60_000))
    expect(state.isFresh(at(50, 60_000))).toBe(false)
    state.apply(frame({ a: 70_000 }), { sentMs: 60, clock: { instance: 'x', ms: 69_990 } }, at(70, 60_000))
    expect(state.isFresh(at(80, 60_000))).toBe(true)
  })

  it('in many short pieces is noticed too', () => {
    const state = create({ maxStalenessSeconds: 60 })
    state.apply(frame(), request, at(20))
    const fresh = Array.from({ length: 10 }, (_, index) => state.isFresh(at(100 * index, 300 * index)))
    expect(fresh).toContain(false)
  })

  it('is not what an NTP client does to the clock', () => {
    const state = create({ maxStalenessSeconds: 3600 })
    state.apply(frame(), request, at(20))
    for (let ms = 100; ms < 3_000_000; ms += 1000) expect(state.isFresh(at(ms, ms * 0.0004))).toBe(true)
  })

  it('is not hidden by a wall clock that was set back', () => {
    const state = create()
    state.apply(frame(), request, at(20))
    expect(state.isFresh(at(30, -20_000))).toBe(true)
    expect(state.isFresh(at(40, -5000))).toBe(false)
  })
})

describe('the cursor', () => {
  it('goes forward only, and what was applied counts', () => {
    const state = create()
    state.apply(frame({ to: 10 }), request, at(1))
    expect(state.apply(frame({ from: 3, to: 7 }), request, at(2))).toBe('applied')
    expect(state.cursor).toBe(10)
  })

  it('stays where it is when a frame cannot be applied whole', () => {
    const state = create()
    const e = [
      [3, 's', entryKey('s', sid, feedKey), startSeconds + 60],
      [4, 'u', entryKey('u', 'x', feedKey), startSeconds + 60],
    ]
    expect(state.apply(frame({ e }), request, at(1))).toBe('keyless')
    expect(state.cursor).toBe(0)
    expect(state.isFresh(at(1))).toBe(false)
  })

  it('of another epoch is forgotten, the entries are not', () => {
    const state = create()
    const e = [[9, 's', entryKey('s', sid, feedKey), startSeconds + 3600]]
    state.apply(frame({ e }), request, at(1))
    expect(state.apply(frame({ ep: 'e2', from: 10, to: 12 }), request, at(2))).toBe('epoch')
    expect(state).toMatchObject({ cursor: 0, epoch: undefined })
    expect(state.isFresh(at(2))).toBe(false)
    expect(state.apply(frame({ ep: 'e2', from: 0, to: 3 }), request, at(3))).toBe('applied')
    expect(state).toMatchObject({ cursor: 3, epoch: 'e2' })
    expect(state.set.isRevoked(token({ sid }))).toBe(true)
  })
})

describe('an entry', () => {
  const e = [[9, 's', entryKey('s', sid, feedKey), startSeconds + 100]]
  const isThere = (state: FeedState) => state.set.isRevoked(token({ sid }))
  const tidyAll = (state: FeedState, now: Instant) => {
    for (let count = 0; count < 64; count++) state.tidy(now)
  }

  it('is forgotten when the clocks of both sides are past it', () => {
    const state = create()
    state.apply(frame({ e, asof: startSeconds + 101 }), request, at(1))
    tidyAll(state, at(99_000))
    expect(isThere(state)).toBe(true)
    tidyAll(state, at(100_999))
    expect(isThere(state)).toBe(true)
    tidyAll(state, at(101_000))
    expect(isThere(state)).toBe(false)
  })

  it('is kept while the database may be behind', () => {
    const state = create()
    state.apply(frame({ e, asof: startSeconds + 100 }), request, at(1))
    tidyAll(state, at(10_000_000))
    expect(isThere(state)).toBe(true)
  })
})
