import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair as generateKeyPairWithCallback,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint } from 'jose'
import type { PublicJwk, SigningAlg } from '../domain/signing-key.ts'

/** A key that signs. */
export interface SigningKey {
  kid: string
  alg: SigningAlg
  privateKey: KeyObject
  publicJwk: PublicJwk
}

/** A new key pair on its way into the database; `privatePkcs8` is DER and must be sealed first. */
export type GeneratedKey = { kid: string; alg: SigningAlg; publicJwk: PublicJwk; privatePkcs8: Buffer }

const generateKeyPair = promisify(generateKeyPairWithCallback)

const fixedMembers: Record<SigningAlg, JsonWebKey> = {
  ES256: { kty: 'EC', crv: 'P-256' },
  RS256: { kty: 'RSA' },
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
}

/** The public members of each algorithm's keys; nothing else may reach the JWKS. */
const publicMembers = {
  ES256: ['kty', 'crv', 'x', 'y'],
  RS256: ['kty', 'n', 'e'],
  EdDSA: ['kty', 'crv', 'x'],
} as const satisfies Record<SigningAlg, readonly string[]>

/** A new key pair: P-256, RSA 3072 or Ed25519, named by its RFC 7638 thumbprint. */
export async function generateSigningKey(alg: SigningAlg): Promise<GeneratedKey> {
  const { publicKey, privateKey } = await generatePair(alg)
  const members = pickPublic(publicKey.export({ format: 'jwk' }), alg)
  const kid = await thumbprint(members)
  return {
    kid,
    alg,
    publicJwk: { ...members, kid, alg, use: 'sig' },
    privatePkcs8: privateKey.export({ format: 'der', type: 'pkcs8' }),
  }
}

/**
 * A stored key made ready to sign.
 * @throws {Error} when the private half does not belong to the public one, or not to this algorithm
 */
export function loadSigningKey({ kid, alg, publicJwk, privatePkcs8 }: GeneratedKey): SigningKey {
  const privateKey = createPrivateKey({ key: privatePkcs8, format: 'der', type: 'pkcs8' })
  const members = pickPublic(createPublicKey(privateKey).export({ format: 'jwk' }), alg)
  const wanted: JsonWebKey = { ...publicJwk, ...fixedMembers[alg] }
  // Tokens signed with a key that the JWKS does not show would be refused everywhere: fail here, by name.
  if (publicMembers[alg].some((name) => members[name] === undefined || members[name] !== wanted[name]))
    throw new Error(`signing key ${kid}: the private key is not that of the ${alg} public key`)
  return { kid, alg, privateKey, publicJwk: { ...members, kid, alg, use: 'sig' } }
}

/** The base64url SHA-256 thumbprint of a public key (RFC 7638). */
export function thumbprint(jwk: JsonWebKey): Promise<string> {
  return calculateJwkThumbprint(jwk, 'sha256')
}

function generatePair(alg: SigningAlg): Promise<{ publicKey: KeyObject; privateKey: KeyObject }> {
  if (alg === 'RS256') return generateKeyPair('rsa', { modulusLength: 3072, publicExponent: 65537 })
  if (alg === 'ES256') return generateKeyPair('ec', { namedCurve: 'P-256' })
  return generateKeyPair('ed25519')
}

function pickPublic(jwk: JsonWebKey, alg: SigningAlg): JsonWebKey {
  return Object.fromEntries(publicMembers[alg].map((name) => [name, jwk[name]]))
}
