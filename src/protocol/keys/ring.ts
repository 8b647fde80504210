import { loadPublicKey, type PublicKey } from '../../crypto/jwt.ts'
import type { Seal } from '../../crypto/seal.ts'
import { loadSigningKey, type SigningKey } from '../../crypto/signing.ts'
import type { SigningAlg } from '../../domain/signing-key.ts'
import { Unavailable } from '../../domain/unavailable.ts'
import type { Database } from '../../store/database.ts'
import { listSigningKeys, type StoredKey } from '../../store/signing-keys.ts'

/** The keys as they stand now: one that signs per algorithm, and all whose signatures still count. */
export interface KeyRing {
  /** @throws {Unavailable} when no key of that algorithm is active */
  signer(alg: SigningAlg): Promise<SigningKey>
  /** By key id: published, active and retired ones. A key id that is not known makes it look again. */
  verifiers(kid?: string): Promise<ReadonlyMap<string, PublicKey>>
  /** The JWK Set (RFC 7517 §5): public members only. At once where it was read a moment ago, the same object as then. */
  jwks(): JwkSet | Promise<JwkSet>
  /** Forgets what it read, so that a change made here is seen here at once. */
  reload(): void
}

export interface JwkSet {
  readonly keys: readonly object[]
}

interface Snapshot {
  readonly readAt: number
  readonly signers: ReadonlyMap<SigningAlg, SigningKey>
  readonly verifiers: ReadonlyMap<string, PublicKey>
  readonly jwks: JwkSet
}

const ttlMs = 5000
const lookAgainMs = 1000

/** What a sealed private key is bound to, so that one row's key cannot be put into another. */
export const sealContext = (kid: string): string => `signing-key:${kid}`

/** Reads the keys at most every five seconds; a key is published for far longer before it signs. */
export function createKeyRing(db: Database, seal: Seal, rotationSeconds: number): KeyRing {
  const loaded = new Map<string, SigningKey>()
  /** The same objects for as long as they are in use, so that what was verified with them is remembered. */
  let publicKeys: ReadonlyMap<string, PublicKey> = new Map()
  let current: Promise<Snapshot> | undefined
  let snapshot: Snapshot | undefined

  const load = (key: StoredKey, sealed: Buffer): SigningKey => {
    const known = loaded.get(key.kid)
    if (known) return known
    const signingKey = loadSigningKey({
      kid: key.kid,
      alg: key.alg,
      publicJwk: key.publicJwk,
      privatePkcs8: seal.open(sealed, sealContext(key.kid)),
    })
    loaded.set(key.kid, signingKey)
    return signingKey
  }

  const read = async (): Promise<Snapshot> => {
    const keys = await listSigningKeys(db, rotationSeconds)
    const usable = keys.filter((key) => key.state !== 'removed' && key.state !== 'pending')
    const signers = new Map<SigningAlg, SigningKey>()
    for (const key of usable)
      if (key.state === 'active' && key.privateKey) signers.set(key.alg, load(key, key.privateKey))
    publicKeys = new Map(usable.map(({ kid, publicJwk }) => [kid, publicKeys.get(kid) ?? loadPublicKey(publicJwk)]))
    return {
      readAt: performance.now(),
      signers,
      verifiers: publicKeys,
      jwks: { keys: usable.map((key) => key.publicJwk) },
    }
  }

  const known = (maxAgeMs: number): Snapshot | undefined =>
    snapshot && performance.now() - snapshot.readAt < maxAgeMs ? snapshot : undefined
  const snapshotWithin = async (maxAgeMs: number): Promise<Snapshot> => {
    const young = known(maxAgeMs)
    if (young) return young
    current ??= read().finally(() => {
      current = undefined
    })
    snapshot = await current
    return snapshot
  }

  return {
    signer: async (alg) => {
      const key = (await snapshotWithin(ttlMs)).signers.get(alg)
      if (!key) throw new Unavailable(`No ${alg} key is active`)
      return key
    },
    verifiers: async (kid) => {
      const { verifiers } = await snapshotWithin(ttlMs)
      if (kid === undefined || verifiers.has(kid)) return verifiers
      return (await snapshotWithin(lookAgainMs)).verifiers
    },
    jwks: () => known(ttlMs)?.jwks ?? snapshotWithin(ttlMs).then(({ jwks }) => jwks),
    reload: () => {
      snapshot = undefined
    },
  }
}
