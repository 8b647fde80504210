// What the revocation check costs, beside the signature. Usage: node scripts/build-verifier.mjs && node packages/verifier/bench/check.mjs
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'
import { parseEntry } from '../dist/entry.js'
import { createFeedState } from '../dist/feed-state.js'

const until = Math.floor(Date.now() / 1000) + 3720
const feedKey = randomBytes(32).toString('base64url')
const now = () => ({ monotonicMs: performance.now(), wallMs: Date.now() })

function frame(from, to, entries) {
  const anchor = { anchorMs: performance.now(), asofSeconds: Date.now() / 1000 }
  return {
    issuer: 'i',
    epoch: 'e',
    instance: 'x',
    from,
    to,
    entries,
    hasMore: false,
    wantsAck: false,
    feedKey,
    ...anchor,
  }
}

/** Nine sessions for one user, one client and one grant in twelve: every table that a token is looked up in has something in it. */
function entries(from, count) {
  const kinds = ['s', 's', 's', 's', 's', 's', 's', 's', 's', 'u', 'g', 'c']
  return Array.from({ length: count }, (_, index) =>
    parseEntry([from + index + 1, kinds[index % kinds.length], randomBytes(8).toString('base64url'), until]),
  )
}

function tokens(count) {
  return Array.from({ length: count }, (_, index) => ({
    sid: randomUUID(),
    gid: randomUUID(),
    jti: randomUUID(),
    sub: `user-${index % 1000}`,
    clientId: `client-${index % 20}`,
    kid: 'k1',
    rvp: 0,
    authTime: 0,
  }))
}

async function signatureMicroseconds() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const claims = { iss: 'i', aud: 'a', sub: 's', sid: randomUUID(), rvp: 1 }
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' })
    .setExpirationTime('1h')
    .sign(privateKey)
  const run = async (count) => {
    const start = performance.now()
    for (let index = 0; index < count; index++) await jwtVerify(token, publicKey, { issuer: 'i', audience: 'a' })
    return ((performance.now() - start) / count) * 1000
  }
  await run(2000)
  return Math.min(await run(5000), await run(5000), await run(5000))
}

function checkNanoseconds(state) {
  const some = tokens(5000)
  let revoked = 0
  const run = () => {
    const start = performance.now()
    for (let round = 0; round < 40; round++)
      for (const token of some) if (state.set.isRevoked(token) || !state.isFresh(now())) revoked++
    return ((performance.now() - start) / (some.length * 40)) * 1e6
  }
  run()
  const best = Math.min(run(), run(), run())
  if (revoked > 0) throw new Error(`${revoked} tokens were refused`)
  return best
}

const signature = await signatureMicroseconds()
console.log(`ES256 verification with jose: ${signature.toFixed(1)} µs`)
for (const count of [0, 100_000, 1_000_000]) {
  const state = createFeedState({ maxStalenessSeconds: 3600, maxEntries: 2_000_000 }, now())
  globalThis.gc?.()
  const before = process.memoryUsage()
  let longest = 0
  for (let from = 0; from < count || from === 0; from += 5000) {
    const next = frame(from, from + 5000, entries(from, Math.min(5000, count)))
    const start = performance.now()
    state.apply(next, { sentMs: start, clock: { instance: 'x', ms: performance.now() } }, now())
    longest = Math.max(longest, performance.now() - start)
  }
  globalThis.gc?.()
  const { arrayBuffers, heapUsed } = process.memoryUsage()
  const check = checkNanoseconds(state)
  const measured =
    count === 0
      ? ''
      : `${((arrayBuffers + heapUsed - before.arrayBuffers - before.heapUsed) / count).toFixed(1)} measured`
  const bytes =
    count === 0
      ? ''
      : `, bytes per entry: ${(state.set.bytes / count).toFixed(1)} in tables${globalThis.gc ? `, ${measured}` : ''}`
  console.log(
    `${String(state.set.size).padStart(7)} entries: ${check.toFixed(0)} ns per check (${(check / signature / 10).toFixed(2)} %)${bytes}, longest frame of 5000: ${longest.toFixed(1)} ms`,
  )
}
