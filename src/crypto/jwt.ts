import { createPublicKey, hash, type JsonWebKey, type KeyObject, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import { LRUCache } from 'lru-cache'
import type { SigningAlg } from '../domain/signing-key.ts'
import type { SigningKey } from './signing.ts'

/** A key that checks signatures, with the one algorithm it is for. */
export type PublicKey = { alg: SigningAlg; key: KeyObject; jwk: JsonWebKey }

/** A JWT whose signature, type and issuer are right; whether it is still alive is not said here. */
export type VerifiedJwt = { header: Readonly<Record<string, unknown>>; claims: Readonly<Record<string, unknown>> }

const maxLength = 8192
const compact = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/
const digest = { ES256: 'sha256', RS256: 'sha256', EdDSA: null } as const
// Critical extensions change what a signature means, and a key that a token brings along proves nothing.
const refusedHeaders = ['crit', 'b64', 'zip', 'jwk', 'jku', 'x5u', 'x5c'] as const
const headers = new WeakMap<SigningKey, Map<string, string>>()
/** On the thread pool: for ES256 it takes more than twice as long as to sign, and everybody else would wait for it. */
const verifyInPool = promisify(verify)
/**
 * Tokens by their hashes, with the key that was seen to have signed each. That stays true for ever, counts only while the key is among those that are
 * asked about, and says nothing of life and death.
 */
const seen = new LRUCache<string, SignedJwt>({ max: 5000 })

interface SignedJwt {
  readonly kid: string
  readonly key: PublicKey
  readonly jwt: VerifiedJwt
}

/**
 * A signed JWT in compact form (RFC 7515 §3.1). ES256 and EdDSA sign at once, because a trip to the thread
 * pool costs more than the signature; RS256 takes ten times as long and goes there.
 */
export function signJwt(key: SigningKey, typ: string, claims: Record<string, unknown>): Promise<string> | string {
  return signCompact(key, typ, JSON.stringify(claims))
}

/** A signature that travels beside what it signs (RFC 7515 appendix F). */
export async function signDetached(key: SigningKey, typ: string, payload: string): Promise<string> {
  const [head = '', , signature = ''] = (await signCompact(key, typ, payload)).split('.')
  return `${head}..${signature}`
}

function signCompact(key: SigningKey, typ: string, payload: string): Promise<string> | string {
  const input = `${headerOf(key, typ)}.${Buffer.from(payload).toString('base64url')}`
  const bytes = Buffer.from(input, 'latin1')
  if (key.alg === 'ES256')
    return `${input}.${sign('sha256', bytes, { key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
  if (key.alg === 'EdDSA') return `${input}.${sign(null, bytes, key.privateKey).toString('base64url')}`
  return new Promise((resolve, reject) => {
    sign('sha256', bytes, key.privateKey, (error, signature) => {
      if (error) reject(error)
      else resolve(`${input}.${signature.toString('base64url')}`)
    })
  })
}

/**
 * The header and claims of a JWT that one of these keys signed, of the expected type and from the expected
 * issuer, or undefined for anything else; never throws (RFC 8725 §3.1, §3.11). Expiry is the database clock's matter.
 */
export async function verifyJwt(
  token: string,
  keys: ReadonlyMap<string, PublicKey>,
  expected: { typ: string | readonly string[]; issuer: string },
): Promise<VerifiedJwt | undefined> {
  if (token.length > maxLength) return undefined
  const hashed = hash('sha256', token, 'base64')
  const known = seen.get(hashed)
  const signed = known && keys.get(known.kid) === known.key ? known : await readSigned(token, keys)
  if (!signed || !isTyp(signed.jwt.header['typ'], expected.typ)) return undefined
  seen.set(hashed, signed)
  return signed.jwt.claims['iss'] === expected.issuer ? signed.jwt : undefined
}

/** The parts of a JWT that one of these keys signed. */
async function readSigned(token: string, keys: ReadonlyMap<string, PublicKey>): Promise<SignedJwt | undefined> {
  const [, head, body, tail] = compact.exec(token) ?? []
  if (head === undefined || body === undefined || tail === undefined) return undefined
  const header = parseObject(head)
  if (header === undefined || refusedHeaders.some((name) => Object.hasOwn(header, name))) return undefined
  const { kid } = header
  const key = typeof kid === 'string' ? keys.get(kid) : undefined
  // The key decides the algorithm; a token may only agree (RFC 8725 §3.1).
  if (typeof kid !== 'string' || key === undefined || header['alg'] !== key.alg) return undefined
  if (!(await isSigned(key, Buffer.from(`${head}.${body}`, 'latin1'), tail))) return undefined
  const claims = parseObject(body)
  // Whoever asks again gets the same objects.
  return claims && { kid, key, jwt: { header: Object.freeze(header), claims: Object.freeze(claims) } }
}

/**
 * A public key made ready to verify; an absent `alg` follows from the type of the key.
 * @throws {Error} for private or symmetric keys, RSA under 2048 bits, other curves and other algorithms
 */
export function loadPublicKey(jwk: JsonWebKey): PublicKey {
  if (['d', 'k', 'p', 'q', 'dp', 'dq', 'qi', 'oth'].some((name) => Object.hasOwn(jwk, name)))
    throw new Error('a public JWK must not carry private or symmetric members')
  const alg = algOf(jwk)
  if (alg === undefined || (jwk['alg'] !== undefined && jwk['alg'] !== alg))
    throw new Error('a JWK must be P-256 for ES256, RSA for RS256 or Ed25519 for EdDSA')
  const key = createPublicKey({ key: jwk, format: 'jwk' })
  if (alg === 'RS256' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048)
    throw new Error('an RSA key must have at least 2048 bits')
  return { alg, key, jwk }
}

function headerOf(key: SigningKey, typ: string): string {
  let encoded = headers.get(key)
  if (encoded === undefined) headers.set(key, (encoded = new Map()))
  let header = encoded.get(typ)
  if (header === undefined) {
    header = Buffer.from(JSON.stringify({ alg: key.alg, typ, kid: key.kid })).toString('base64url')
    encoded.set(typ, header)
  }
  return header
}

async function isSigned(key: PublicKey, input: Buffer, tail: string): Promise<boolean> {
  const signature = Buffer.from(tail, 'base64url')
  // The last character has spare bits: without this, one signature has several spellings.
  if (signature.toString('base64url') !== tail) return false
  try {
    return await verifyInPool(digest[key.alg], input, { key: key.key, dsaEncoding: 'ieee-p1363' }, signature)
  } catch {
    return false
  }
}

function isTyp(actual: unknown, expected: string | readonly string[]): boolean {
  if (typeof actual !== 'string') return false
  const bare = actual.toLowerCase().replace(/^application\//, '')
  return typeof expected === 'string'
    ? bare === expected.toLowerCase()
    : expected.some((one) => bare === one.toLowerCase())
}

function parseObject(part: string): Record<string, unknown> | undefined {
  const bytes = Buffer.from(part, 'base64url')
  if (bytes.toString('base64url') !== part) return undefined
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function algOf(jwk: JsonWebKey): SigningAlg | undefined {
  if (jwk.kty === 'EC' && jwk.crv === 'P-256') return 'ES256'
  if (jwk.kty === 'OKP' && jwk.crv === 'Ed25519') return 'EdDSA'
  return jwk.kty === 'RSA' ? 'RS256' : undefined
}
