import { equalBytes } from '../../crypto/equal.ts'
import { sha256 } from '../../crypto/hash.ts'
import type { Client } from '../../domain/client.ts'
import type { Attempt } from './method.ts'

/** True when the secret is one of the client's. All are compared, so that time does not tell which. */
export function secretMatches(client: Client, attempt: Attempt): boolean {
  const hash = sha256(attempt.secret ?? '')
  return client.secretHashes.filter((known) => equalBytes(known, hash)).length > 0
}
