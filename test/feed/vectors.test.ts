import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { readAccessToken } from '../../packages/verifier/src/access-token.ts'
import type { Clock, Instant } from '../../packages/verifier/src/clock.ts'
import { type HashedKind, parseEntry, uuidTailHigh, uuidTailLow } from '../../packages/verifier/src/entry.ts'
import { createFeedState, type Outcome } from '../../packages/verifier/src/feed-state.ts'
import { FrameRefused, parseFrame, readFrame } from '../../packages/verifier/src/frame.ts'
import { hashId } from '../../packages/verifier/src/id-hash.ts'
import { createIssuerKeys } from '../../packages/verifier/src/issuer-keys.ts'
import { factsOf } from '../../packages/verifier/src/judgement.ts'
import { createRevocationSet } from '../../packages/verifier/src/revocation-set.ts'

/** docs/revocation-feed-vectors.json; what its members mean stands at its top. */
interface Vectors {
  issuer: string
  feed_key: string
  keys: { uuids: { uuid: string; tail: string }[]; hashes: { kind: HashedKind; id: string; hash: string }[] }
  jwks: { keys: JWK[] }
  signatures: { name: string; body: string; signature: string; valid: boolean }[]
  match: {
    now: number
    audience: string
    cases: { name: string; entries: unknown[]; header: { kid: string }; claims: JWTPayload; expect: string }[]
  }
  frames: { name: string; max_staleness: number; steps: FeedStep[] }[]
}
interface FeedStep {
  at: number
  wall: number
  sent?: number
  clock?: { in: string; ms: number } | null
  frame?: object
  forget?: true
  expect: { outcome?: Outcome; cursor?: number | null; fresh?: boolean; held?: number }
}

const root = path.resolve(import.meta.dirname, '../..')
const vectors = JSON.parse(readFileSync(path.join(root, 'docs/revocation-feed-vectors.json'), 'utf8')) as Vectors
const { issuer, feed_key: feedKey } = vectors
const still = (seconds: number): Clock => ({ monotonicMs: () => 0, wallMs: () => seconds * 1000 })
const issuerKeys = (keys: readonly JWK[]) =>
  createIssuerKeys(
    async () => JSON.stringify({ keys }),
    still(0),
    () => false,
  )
const base64url = (high: number, low: number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32BE(high, 0)
  bytes.writeUInt32BE(low, 4)
  return bytes.toString('base64url')
}

it('the file is what its script makes', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/feed-vectors.mjs', '--check'], { cwd: root })
  expect(status, String(stderr)).toBe(0)
})

describe('keys', () => {
  it.each(vectors.keys.uuids)('the end of $uuid', ({ uuid, tail }) => {
    expect(base64url(uuidTailHigh(uuid), uuidTailLow(uuid))).toBe(tail)
  })

  it.each(vectors.keys.hashes)('$kind $id', ({ kind, id, hash }) => {
    const { high, low } = hashId(Buffer.from(feedKey, 'base64url'), kind, id)
    expect(base64url(high, low)).toBe(hash)
  })
})

describe('signatures', () => {
  it.each(vectors.signatures)('$name: $valid', async ({ body, signature, valid }) => {
    const reading = readFrame(body, signature, issuer, issuerKeys(vectors.jwks.keys))
    if (valid) expect(await reading).toEqual(parseFrame(body))
    else await expect(reading).rejects.toThrow(FrameRefused)
  })
})

describe('match', () => {
  const { now, audience, cases } = vectors.match
  const expected = { issuer, audience: [audience], clockToleranceSeconds: 0 }
  let privateKey: CryptoKey
  let publicJwk: JWK
  beforeAll(async () => {
    const pair = await generateKeyPair('ES256')
    privateKey = pair.privateKey
    publicJwk = await exportJWK(pair.publicKey)
  })

  it.each(cases)('$name: $expect', async ({ entries, header, claims, expect: wanted }) => {
    const set = createRevocationSet(1000)
    set.useFeedKey(feedKey)
    for (const one of entries) {
      const entry = parseEntry(one)
      if (!entry) throw new Error('the entry cannot be read')
      set.add(entry)
    }
    const token = await new SignJWT(claims).setProtectedHeader({ ...header, alg: 'ES256' }).sign(privateKey)
    const read = await readAccessToken(token, expected, issuerKeys([{ ...publicJwk, kid: header.kid }]), still(now))
    const judged = typeof read === 'string' ? 'invalid' : set.isRevoked(factsOf(read)) ? 'revoked' : 'accepted'
    expect(judged).toBe(wanted)
  })
})

describe('frames', () => {
  /** More often than the set has parts: each time it tidies up one of them. */
  const rounds = 1000

  it.each(vectors.frames)('$name', ({ max_staleness: maxStalenessSeconds, steps }) => {
    const instantOf = ({ at, wall }: FeedStep): Instant => ({ monotonicMs: at, wallMs: wall })
    const begin = steps[0] as FeedStep
    const state = createFeedState({ maxStalenessSeconds, maxEntries: 1000 }, instantOf(begin))
    for (const [index, step] of steps.entries()) {
      const now = instantOf(step)
      const { cursor, ...rest } = step.expect
      const seen: FeedStep['expect'] = {}
      if (step.frame) {
        const clock = step.clock ? { clock: { instance: step.clock.in, ms: step.clock.ms } } : {}
        seen.outcome = state.apply(
          parseFrame(JSON.stringify(step.frame)),
          { sentMs: step.sent ?? step.at, ...clock },
          now,
        )
      }
      if (step.forget) for (let round = 0; round < rounds; round++) state.tidy(now)
      if (rest.fresh !== undefined) seen.fresh = state.isFresh(now)
      if (rest.held !== undefined) seen.held = state.set.size
      expect(seen, `step ${index + 1}`).toEqual(rest)
      if (cursor === null) expect(state.epoch, `step ${index + 1}`).toBeUndefined()
      else if (cursor !== undefined) expect(state.cursor, `step ${index + 1}`).toBe(cursor)
    }
  })
})
