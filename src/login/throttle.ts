import { sha256 } from '../crypto/hash.ts'
import { addressBucket } from '../domain/address.ts'
import { refundAttempt, reserveAttempt } from '../store/limits.ts'
import type { FactorRefusal, ProvenFactor } from './methods/method.ts'
import type { LoginTools } from './tools.ts'

/**
 * Counts an attempt before its work is done, so that parallel guesses cannot pass together, and gives it back when it succeeds.
 * The account's bucket is per address: whoever guesses from one place does not lock the owner out of another.
 */
export async function countedAttempt(
  who: { account: string; address: string },
  tools: LoginTools,
  work: () => Promise<ProvenFactor | FactorRefusal>,
): Promise<ProvenFactor | FactorRefusal> {
  const account = sha256(who.account).toString('base64url')
  const address = addressBucket(who.address)
  const limits = [...tools.limit('login_account', `${account}|${address}`), ...tools.limit('login_address', address)]
  if ((await reserveAttempt(tools.db, limits)) > 0) return { refused: 'limit' }
  let counts = false
  try {
    const result = await work()
    counts = 'refused' in result
    return result
  } finally {
    // A success is no guess, and neither is an attempt that we could not look at.
    if (!counts) await refundAttempt(tools.db, limits)
  }
}
