import path from 'node:path'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { compiled, onStage, reader, say, signIn, thousands } from './stage.mjs'

const rounds = 7
const roundMs = 700

/** How many tokens one process verifies in a second, one after the other, with the feed and without. */
export function measureVerification(built, { entries }) {
  return onStage(built, 1, async (stage) => {
    const { createVerifier } = await compiled(built, 'verifier/index.js')
    const { issuer } = stage
    const verifier = createVerifier({ issuer, audience: issuer, clientId: reader.id, clientSecret: reader.secret })
    await verifier.ready()
    const [{ token }] = await signIn(built, stage, 1)
    const { alg } = JSON.parse(Buffer.from(token.split('.')[0], 'base64url').toString())
    if (alg !== 'ES256') throw new Error(`the token is signed with ${alg}`)
    await seedEntries(built, stage, entries)
    const again = createVerifier({ issuer, audience: issuer, clientId: reader.id, clientSecret: reader.secret })
    await again.ready()
    verifier.close()
    say(`${thousands(again.state().entries)} entries in the set`)
    const jwks = createLocalJWKSet(await (await fetch(`${issuer}/.well-known/jwks.json`)).json())
    const expected = { issuer, audience: issuer, typ: 'at+jwt', algorithms: ['ES256', 'RS256', 'EdDSA'] }
    const alone = async () => void (await jwtVerify(token, jwks, expected))
    const whole = async () => {
      const result = await again.verify(token)
      if (!result.ok) throw new Error(`the token was refused: ${result.error}`)
    }
    const rates = { alone: [], whole: [] }
    // In turn, so that whatever else the machine does hits both.
    for (let round = 0; round < rounds; round++) {
      rates.alone.push(await perSecond(alone))
      rates.whole.push(await perSecond(whole))
    }
    const [without, withFeed] = [median(rates.alone), median(rates.whole)]
    const checkUs = await measureCheck(built, again.state().entries)
    again.close()
    const share = (100 * checkUs) / (1e6 / withFeed)
    console.log(`
ES256, one token after the other, one process, ${thousands(entries)} entries in the set (median of ${rounds} rounds)
  jose.jwtVerify       ${thousands(without)} a second (${(1e6 / without).toFixed(1)} µs)
  verifier.verify      ${thousands(withFeed)} a second (${(1e6 / withFeed).toFixed(1)} µs), its claims and policies included
  the revocation check ${checkUs.toFixed(2)} µs by itself: ${share.toFixed(2)} % of a verification`)
    return true
  })
}

async function perSecond(work) {
  for (let i = 0; i < 200; i++) await work()
  const began = performance.now()
  let count = 0
  for (; performance.now() - began < roundMs; count++) await work()
  return (1000 * count) / (performance.now() - began)
}

const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]

/** Endings of sessions that nobody here has, as the server would have written them. */
async function seedEntries(built, { postgres }, count) {
  const { withClient } = await compiled(built, 'test/histories/oracle.js')
  await withClient(postgres.url, async (client) => {
    await client.query('begin')
    await client.query(
      `with head as (update feed_head set seq = seq + $1::bigint where id = 1 returning seq)
       insert into feed_entries (seq, kind, key, until)
       select head.seq - $1::bigint + i, 's', substring(sha256(i::text::bytea) from 1 for 8), clock_now() + interval '62 minutes'
       from head, generate_series(1, $1::bigint) i`,
      [count],
    )
    await client.query('commit')
  })
}

/** The look into the set and at the clock alone, for tokens that are not in it. */
async function measureCheck(built, count) {
  const { createRevocationSet } = await compiled(built, path.join('verifier', 'revocation-set.js'))
  const { fillSet, facts } = await import('./memory.mjs')
  const set = createRevocationSet(2_000_000)
  await fillSet(built, set, count)
  const tokens = Array.from({ length: 4096 }, facts)
  const look = (times) => {
    for (let i = 0; i < times; i++) if (set.isRevoked(tokens[i & 4095])) throw new Error('nothing of it was revoked')
  }
  look(200_000)
  const began = performance.now()
  look(2_000_000)
  return (performance.now() - began) / 2000
}
