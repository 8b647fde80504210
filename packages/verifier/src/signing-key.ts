import { type CryptoKey, importJWK, type JWK } from 'jose'

/** What access tokens and frames may be signed with. */
export const algorithms = ['ES256', 'RS256', 'EdDSA'] as const
export type Algorithm = (typeof algorithms)[number]

/** A public key of the issuer, and the one algorithm that it is for. */
export interface SigningKey {
  readonly kid: string
  readonly alg: Algorithm
  readonly key: CryptoKey
}

/** Undefined for a key of another kind: an issuer may publish those too. */
export async function importSigningKey(jwk: unknown): Promise<SigningKey | undefined> {
  if (typeof jwk !== 'object' || jwk === null) return undefined
  const { kid, use, alg: stated, kty, crv, x, y, n, e } = jwk as JWK
  const alg = algorithmOf(kty, crv)
  if (typeof kid !== 'string' || !alg || (stated ?? alg) !== alg || (use ?? 'sig') !== 'sig') return undefined
  try {
    const key = await importJWK(JSON.parse(JSON.stringify({ kty, crv, x, y, n, e })) as JWK, alg)
    return key instanceof Uint8Array ? undefined : { kid, alg, key }
  } catch {
    return undefined
  }
}

/** The key decides the algorithm, and a token may only agree (RFC 8725 §3.1). */
function algorithmOf(kty: unknown, crv: unknown): Algorithm | undefined {
  if (kty === 'EC' && crv === 'P-256') return 'ES256'
  if (kty === 'OKP' && crv === 'Ed25519') return 'EdDSA'
  return kty === 'RSA' ? 'RS256' : undefined
}
