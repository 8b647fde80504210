import { setTimeout as sleep } from 'node:timers/promises'
import { type AuditChain, createAuditChain } from '../crypto/audit-chain.ts'
import { randomSecret } from '../crypto/opaque-token.ts'
import type { Seal } from '../crypto/seal.ts'
import {
  readAuditKey,
  readLastSeal,
  readSealClock,
  readUnsealedEvents,
  storeSeal,
  writeAuditKey,
} from '../store/audit-seals.ts'
import type { Database } from '../store/database.ts'
import { macOf } from './audit-chain.ts'

const keyContext = 'audit-key'

/**
 * The chain, with the key that lies sealed in the database: who has the database alone cannot use it. It is made once, and stays when master keys
 * change.
 */
export async function openAuditChain(db: Database, seal: Seal): Promise<AuditChain> {
  const stored = (await readAuditKey(db)) ?? (await makeKey(db, seal))
  const key = seal.open(stored, keyContext)
  // Sealed under the first master key from now on, so that an older one can be taken out of the settings.
  if (!seal.isCurrent(stored)) await writeAuditKey(db, stored, seal.seal(key, keyContext))
  return createAuditChain(key)
}

async function makeKey(db: Database, seal: Seal): Promise<Buffer> {
  await writeAuditKey(db, undefined, seal.seal(Buffer.from(randomSecret(), 'base64url'), keyContext))
  const made = await readAuditKey(db)
  if (!made) throw new Error('server has no row')
  return made
}

const sealedAtOnce = 500
/** However many instances there are: a seal for every event would be longer than the trail. */
const restSeconds = 5

/**
 * Puts all that was committed under seals; answers how many events. Any number of instances may do so at once. After each seal it rests as long as
 * that took: nobody who signs in has to wait for what is behind.
 */
export async function sealAuditEvents(tools: SealingTools, signal?: AbortSignal): Promise<number> {
  let count = 0
  for (;;) {
    const began = performance.now()
    const sealed = await sealNext(tools)
    count += sealed
    if (sealed < sealedAtOnce || signal?.aborted) return count
    await sleep(performance.now() - began, undefined, { signal, ref: false }).catch(() => undefined)
  }
}

interface SealingTools {
  readonly db: Database
  readonly auditChain: AuditChain
}

async function sealNext({ db, auditChain }: SealingTools): Promise<number> {
  const last = await readLastSeal(db)
  const events = await readUnsealedEvents(db, sealedAtOnce)
  const [first] = events
  const isEarly = last !== undefined && last.ageSeconds < restSeconds && events.length < sealedAtOnce
  if (!first || isEarly) return 0
  const { at, atMicros } = await readSealClock(db)
  const n = (last?.n ?? 0) + 1
  const before = last?.mac
  const marked = events.map((event, index) => ({ event, mac: macOf(auditChain, n, index + 1, event) }))
  const rowsHash = auditChain.rowsHash(marked.map(({ mac }) => mac))
  const facts = { n, atMicros, month: first.month, events: events.length, rowsHash }
  const mac = auditChain.sealMac(facts, before ?? Buffer.alloc(0))
  const isStored = await storeSeal(db, { n, at, month: first.month, rowsHash, mac, before, events: marked })
  return isStored ? events.length : 0
}
