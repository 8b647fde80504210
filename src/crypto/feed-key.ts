import { createHmac } from 'node:crypto'

/**
 * The 8-byte key under which the revocation feed names a user, a client or a signing key: HMAC-SHA-256 of
 * kind and id, so that a copy of the feed tells nobody who is in it.
 */
export function feedEntryKey(feedKey: Buffer, kind: 'u' | 'c' | 'k', id: string): Buffer {
  return createHmac('sha256', feedKey).update(kind).update(id).digest().subarray(0, 8)
}
