import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { hasValidClaims } from '../src/access-token.ts'
import { hashedKinds, parseEntry, uuidTailHigh, uuidTailLow } from '../src/entry.ts'
import { createFeedState } from '../src/feed-state.ts'
import { parseFrame, readFrame } from '../src/frame.ts'
import { hashId } from '../src/id-hash.ts'
import { createIssuerKeys } from '../src/issuer-keys.ts'
import { factsOf } from '../src/judgement.ts'
import { createRevocationSet } from '../src/revocation-set.ts'

interface Vectors {
  readonly issuer: string
  readonly feed_key: string
  readonly jwks: unknown
  readonly keys: {
    readonly uuids: { readonly uuid: string; readonly tail: string }[]
    readonly hashes: { readonly kind: (typeof hashedKinds)[number]; readonly id: string; readonly hash: string }[]
  }
  readonly signatures: {
    readonly name: string
    readonly body: string
    readonly signature: string
    readonly valid: boolean
  }[]
  readonly match: {
    readonly cases: {
      readonly name: string
      readonly entries: unknown[][]
      readonly header: { readonly kid?: string }
      readonly claims: Readonly<Record<string, unknown>>
      readonly expect: string
    }[]
  }
  readonly frames: { readonly name: string; readonly max_staleness: number; readonly steps: Step[] }[]
}

interface Step {
  readonly at: number
  readonly wall: number
  readonly sent?: number
  readonly clock?: { readonly in: string; readonly ms: number }
  readonly frame?: unknown
  readonly expect: Readonly<Record<string, unknown>>
}

const file = path.resolve(import.meta.dirname, '../../../docs/revocation-feed-vectors.json')
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors

const base64url = (high: number, low: number): string => {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32BE(high, 0)
  bytes.writeUInt32BE(low, 4)
  return bytes.toString('base64url')
}

describe('the vectors for keys', () => {
  it.each(vectors.keys.uuids)('$uuid', ({ uuid, tail }) => {
    expect(base64url(uuidTailHigh(uuid), uuidTailLow(uuid))).toBe(tail)
  })

  it.each(vectors.keys.hashes)('$kind $id', ({ kind, id, hash }) => {
    const { high, low } = hashId(Buffer.from(vectors.feed_key, 'base64url'), kind, id)
    expect(base64url(high, low)).toBe(hash)
  })
})

describe('the vectors for signatures', () => {
  const clock = { monotonicMs: () => 0, wallMs: () => 0 }
  const keys = createIssuerKeys(
    async () => JSON.stringify(vectors.jwks),
    clock,
    () => false,
  )

  it.each(vectors.signatures)('$name', async ({ body, signature, valid }) => {
    const isValid = await readFrame(body, signature, vectors.issuer, keys).then(
      () => true,
      () => false,
    )
    expect(isValid).toBe(valid)
  })
})

describe('the vectors for tokens', () => {
  it.each(vectors.match.cases)('$name', ({ entries, header, claims, expect: expected }) => {
    const set = createRevocationSet(1000)
    set.useFeedKey(vectors.feed_key)
    for (const value of entries) {
      const entry = parseEntry(value)
      if (!entry) throw new Error(`The entry ${JSON.stringify(value)} cannot be read`)
      set.add(entry)
    }
    if (!hasValidClaims(claims)) return expect('invalid').toBe(expected)
    const isRevoked = set.isRevoked(factsOf({ claims, kid: header.kid ?? '' }))
    return expect(isRevoked ? 'revoked' : 'accepted').toBe(expected)
  })
})

describe('the vectors for frames', () => {
  it.each(vectors.frames)('$name', ({ max_staleness, steps }) => {
    const [first] = steps
    const start = { monotonicMs: first?.at ?? 0, wallMs: first?.wall ?? 0 }
    const state = createFeedState({ maxStalenessSeconds: max_staleness, maxEntries: 1000 }, start)
    for (const { at, wall, sent = at, clock, frame, expect: expected } of steps) {
      const now = { monotonicMs: at, wallMs: wall }
      const request = { sentMs: sent, ...(clock ? { clock: { instance: clock.in, ms: clock.ms } } : {}) }
      const outcome = frame === undefined ? undefined : state.apply(parseFrame(JSON.stringify(frame)), request, now)
      for (let part = 0; part < 64; part++) state.tidy(now)
      const seen = {
        outcome,
        cursor: state.epoch === undefined ? null : state.cursor,
        fresh: state.isFresh(now),
        held: state.set.size,
        epoch: state.epoch,
      }
      const asked = Object.fromEntries(Object.keys(expected).map((name) => [name, seen[name as keyof typeof seen]]))
      expect(asked).toEqual(expected)
    }
  })
})
