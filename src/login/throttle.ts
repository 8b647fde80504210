import { sha256 } from '../crypto/hash.ts'
import { addressBucket } from '../domain/address.ts'
import type { Limit } from '../store/limits.ts'
import type { LoginTools } from './tools.ts'

/**
 * What an attempt to sign in counts against, before its work is done, so that parallel guesses cannot pass together. A success gives it back.
 * The account's bucket is per address: whoever guesses from one place does not lock the owner out of another.
 */
export function attemptLimits(who: { account: string; address: string }, tools: LoginTools): readonly Limit[] {
  const account = sha256(who.account).toString('base64url')
  const address = addressBucket(who.address)
  return [...tools.limit('login_account', `${account}|${address}`), ...tools.limit('login_address', address)]
}
