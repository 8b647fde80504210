import { hash } from 'node:crypto'

/**
 * The `at_hash` of an access token: the left half of its hash under the ID token's algorithm (OpenID Connect Core §3.1.3.6).
 * @throws {Error} for an algorithm whose hash is not known
 */
export function atHash(accessToken: string, alg: string): string {
  const digest = hash(digestOf(alg), accessToken, 'buffer')
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

function digestOf(alg: string): string {
  const bits = /^(?:ES|RS|PS)(256|384|512)$/.exec(alg)?.[1]
  if (bits !== undefined) return `sha${bits}`
  // Ed25519 hashes with SHA-512 inside, and clients take that one (RFC 8032 §5.1).
  if (alg === 'EdDSA' || alg === 'Ed25519') return 'sha512'
  throw new Error(`no hash is defined for the algorithm ${alg}`)
}
