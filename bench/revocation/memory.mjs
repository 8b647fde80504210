import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { compiled, say, thousands } from './stage.mjs'

const kinds = ['s', 's', 's', 's', 's', 's', 's', 's', 's', 'u', 'g', 'c']
const untilSeconds = Math.floor(Date.now() / 1000) + 3720

/** Nine sessions for one user, one grant and one client in twelve. */
export async function fillSet(built, set, count) {
  const { parseEntry } = await compiled(built, 'verifier/entry.js')
  set.useFeedKey(randomBytes(32).toString('base64url'))
  for (let i = 0; i < count; i++)
    set.add(parseEntry([i + 1, kinds[i % kinds.length], randomBytes(8).toString('base64url'), untilSeconds]))
}

/** What a set looks at of a token. */
export const facts = (_, i) => ({
  sid: randomUUID(),
  gid: randomUUID(),
  jti: randomUUID(),
  sub: `user-${i % 1000}`,
  clientId: `client-${i % 20}`,
  kid: 'key',
  rvp: 0,
  authTime: 0,
})

/** The set of a verifier by itself. */
export async function measureMemory(built, { entries }) {
  const { createRevocationSet } = await compiled(built, 'verifier/revocation-set.js')
  const used = async () => {
    // Buffers that nobody has any more are given back a moment later.
    for (let i = 0; i < 3; i++) {
      globalThis.gc?.()
      await sleep(50)
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const before = await used()
  const set = createRevocationSet(50_000_000)
  const began = performance.now()
  await fillSet(built, set, entries)
  const seconds = (performance.now() - began) / 1000
  say(`${thousands(set.size)} entries were added in ${seconds.toFixed(1)} s`)
  const grown = (await used()) - before
  console.log(`
The set of a verifier with ${thousands(set.size)} entries
  tables               ${(set.bytes / set.size).toFixed(1)} bytes an entry, ${(set.bytes / 2 ** 20).toFixed(1)} MiB
  the process grew by  ${(grown / set.size).toFixed(1)} bytes an entry${globalThis.gc ? '' : ' (no --expose-gc: with garbage)'}`)
  return set.size > 0.99 * entries
}
