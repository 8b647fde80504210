import { randomUUID } from 'node:crypto'

/**
 * A new token id: a UUIDv7 (RFC 9562 §5.7) of the second in which the token is issued, so that it leans on the database's clock as the token does.
 * The revocation feed names a token by the last eight bytes, which are random.
 */
export function newJti(iat: number): string {
  const time = (iat * 1000).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}
