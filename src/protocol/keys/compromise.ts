import type { Seal } from '../../crypto/seal.ts'
import { generateSigningKey } from '../../crypto/signing.ts'
import type { Ended } from '../../domain/ending.ts'
import { type EndingContext, endIn } from '../../store/end.ts'
import {
  activateSigningKey,
  insertSigningKey,
  listSigningKeys,
  lockSigningKeys,
  resumeSigningKey,
} from '../../store/signing-keys.ts'
import type { Tools } from '../tools.ts'
import { sealContext } from './ring.ts'
import { type KeyPolicy, verifySeconds } from './rotation.ts'

interface CompromiseTools extends Pick<Tools, 'db' | 'keys'> {
  readonly seal: Seal
  readonly keyPolicy: KeyPolicy
}

/**
 * Ends everything that a key has signed: it leaves the JWK Set, its tokens are dead here and at every verifier, and another key signs at once.
 * Sessions and grants go on: who refreshes gets tokens of the other key. Undefined: unknown, or ended already.
 */
export async function compromiseKey(
  kid: string,
  context: EndingContext,
  { db, keys, seal, keyPolicy }: CompromiseTools,
): Promise<Ended | undefined> {
  const { rotationSeconds } = keyPolicy
  const alg = (await listSigningKeys(db, rotationSeconds)).find((key) => key.kid === kid)?.alg
  if (!alg) return undefined
  // Made before the transaction, and not always needed: an RSA key takes a second.
  const spare = await generateSigningKey(alg)
  const privateKey = seal.seal(spare.privatePkcs8, sealContext(spare.kid))
  const ended = await db.transaction(async (tx) => {
    await lockSigningKeys(tx)
    const ofAlg = (await listSigningKeys(tx, rotationSeconds)).filter((key) => key.alg === alg)
    const others = ofAlg.filter((key) => key.kid !== kid)
    const wasPublished = ofAlg.some((key) => key.kid === kid && key.state === 'published')
    const published = others.find(({ state }) => state === 'published')
    if (!others.some(({ state }) => state === 'active')) {
      if (published) await activateSigningKey(tx, published)
      else
        await insertSigningKey(tx, {
          kid: spare.kid,
          alg,
          publicJwk: spare.publicJwk,
          privateKey,
          leadSeconds: 0,
          verifySeconds,
        })
    }
    const ended = await endIn(tx, { target: 'kid', kid }, context)
    if (wasPublished) await resumeSigningKey(tx, alg)
    return ended
  })
  keys.reload()
  return ended
}
