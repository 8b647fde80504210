import type { Seal } from '../../crypto/seal.ts'
import { generateSigningKey } from '../../crypto/signing.ts'
import type { Actor } from '../../domain/ending.ts'
import { longestAccessTokenSeconds, type SigningAlg, signingAlgs } from '../../domain/signing-key.ts'
import { insertAuditEvent } from '../../store/audit.ts'
import type { Database } from '../../store/database.ts'
import {
  destroyRemovedKeys,
  insertSigningKey,
  listSigningKeys,
  lockSigningKeys,
  rewrapSigningKey,
  type StoredKey,
} from '../../store/signing-keys.ts'
import { sealContext } from './ring.ts'

export interface KeyPolicy {
  /** How long a key is published before it signs, so that every cache has it (first keys excepted). */
  readonly publishLeadSeconds: number
  readonly rotationSeconds: number
}

/** The longest token life, five minutes for slow clocks, and the time that a JWK Set may be cached. */
export const verifySeconds = longestAccessTokenSeconds + 300 + 300

const system: Actor = { id: 'system' }

/**
 * Brings the keys up to date: the first ones, those that are due, the seals of an older master key, the private parts that are no longer
 * needed. Runs at start and daily, on every instance; under the lock each step happens once.
 */
export async function maintainKeys(db: Database, seal: Seal, policy: KeyPolicy): Promise<void> {
  const wanted = (keys: readonly StoredKey[]): SigningAlg[] =>
    signingAlgs.filter((alg) => {
      const latest = keys.find((key) => key.alg === alg && key.retireAt === null && key.state !== 'removed')
      return !latest || latest.isDue
    })
  const keys = await listSigningKeys(db, policy.rotationSeconds)
  for (const key of keys) {
    if (!key.privateKey || seal.isCurrent(key.privateKey)) continue
    const context = sealContext(key.kid)
    await rewrapSigningKey(db, key.kid, seal.seal(seal.open(key.privateKey, context), context))
  }
  for (const alg of wanted(keys)) {
    await addKey(db, seal, alg, policy, system, async (now) => wanted(now).includes(alg))
  }
  await destroyRemovedKeys(db)
}

/** Publishes a new key of every algorithm now; each signs from the instant that is returned. */
export async function rotateKeys(
  db: Database,
  seal: Seal,
  policy: KeyPolicy,
  actor: Actor,
): Promise<{ kid: string; alg: SigningAlg; activateAt: Date }[]> {
  const made: { kid: string; alg: SigningAlg; activateAt: Date }[] = []
  for (const alg of signingAlgs) {
    const key = await addKey(db, seal, alg, policy, actor, async () => true)
    if (key) made.push(key)
  }
  return made
}

/** The key pair is made before the transaction: an RSA key takes a second. */
async function addKey(
  db: Database,
  seal: Seal,
  alg: SigningAlg,
  policy: KeyPolicy,
  actor: Actor,
  isStillWanted: (keys: StoredKey[]) => Promise<boolean>,
): Promise<{ kid: string; alg: SigningAlg; activateAt: Date } | undefined> {
  const key = await generateSigningKey(alg)
  const privateKey = seal.seal(key.privatePkcs8, sealContext(key.kid))
  return db.transaction(async (tx) => {
    await lockSigningKeys(tx)
    if (!(await isStillWanted(await listSigningKeys(tx, policy.rotationSeconds)))) return undefined
    const { kid, publicJwk } = key
    const leadSeconds = policy.publishLeadSeconds
    const activateAt = await insertSigningKey(tx, { kid, alg, publicJwk, privateKey, leadSeconds, verifySeconds })
    await insertAuditEvent(tx, {
      type: 'key.published',
      actor,
      targetKind: 'key',
      targetId: kid,
      detail: { alg, activateAt },
    })
    return { kid, alg, activateAt }
  })
}
