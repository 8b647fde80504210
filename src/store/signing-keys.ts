import type { PublicJwk, SigningAlg } from '../domain/signing-key.ts'
import type { Queries, Statement } from './database.ts'

/** Where a key stands in its life; it follows from the instants in its row and the database clock. */
export type KeyState = 'pending' | 'published' | 'active' | 'retired' | 'removed'

export interface StoredKey {
  readonly kid: string
  readonly alg: SigningAlg
  readonly publicJwk: PublicJwk
  /** Sealed PKCS #8; null once the key was removed. */
  readonly privateKey: Buffer | null
  readonly state: KeyState
  readonly createdAt: Date
  readonly activateAt: Date
  readonly retireAt: Date | null
  readonly removeAt: Date | null
  /** True when it is due to be followed by a new one. */
  readonly isDue: boolean
}

/*
 * A key without a successor has no retire_at. When its successor is inserted, retire_at becomes the successor's activate_at: every instance
 * switches by the database clock, and one that is late still signs with a key that is published.
 */
const list: Statement = {
  name: 'list_signing_keys',
  text: `
select kid, alg, public_jwk as "publicJwk", private_key as "privateKey", created_at as "createdAt", activate_at as "activateAt",
       retire_at as "retireAt", remove_at as "removeAt",
  case when compromised_at is not null or remove_at <= clock_now() then 'removed'
       when retire_at <= clock_now() then 'retired'
       when activate_at <= clock_now() then 'active'
       when publish_at <= clock_now() then 'published'
       else 'pending' end as state,
  retire_at is null and activate_at + make_interval(secs => $1::double precision) <= clock_now() as "isDue"
from signing_keys order by activate_at, kid`,
}

/** Every key with its state now. `rotationSeconds`: how long one signs before it is due. */
export async function listSigningKeys(db: Queries, rotationSeconds: number): Promise<StoredKey[]> {
  return db.run<StoredKey>(list, [rotationSeconds])
}

const succeed: Statement = {
  name: 'insert_signing_key',
  text: `
with lead as (
  select case when exists (select 1 from signing_keys where alg = $2::text) then make_interval(secs => $5::int) else interval '0' end as wait
), previous as (
  update signing_keys set retire_at = clock_now() + lead.wait, remove_at = clock_now() + lead.wait + make_interval(secs => $6::int)
  from lead where alg = $2::text and retire_at is null
  returning 1
), made as (
  insert into signing_keys (kid, alg, public_jwk, private_key, activate_at)
  select $1::text, $2::text, $3::jsonb, $4::bytea, clock_now() + lead.wait
  from lead cross join (select count(*) from previous) first   -- runs before the insert, or there would be two without retire_at
  returning activate_at
)
select activate_at as "activateAt" from made`,
}

/**
 * Publishes a key now. The first of its algorithm signs at once; a later one after `leadSeconds`, and the one before it stays published for
 * `verifySeconds` more. Run it under `lockSigningKeys`.
 */
export async function insertSigningKey(
  tx: Queries,
  key: {
    kid: string
    alg: SigningAlg
    publicJwk: object
    privateKey: Buffer
    leadSeconds: number
    verifySeconds: number
  },
): Promise<Date> {
  const values = [key.kid, key.alg, JSON.stringify(key.publicJwk), key.privateKey, key.leadSeconds, key.verifySeconds]
  const [row] = await tx.run<{ activateAt: Date }>(succeed, values)
  if (!row) throw new Error('the signing key was not stored')
  return row.activateAt
}

const activate: Statement = {
  name: 'activate_signing_key',
  text: `
with previous as (
  update signing_keys set retire_at = clock_now() where alg = $2::text and kid <> $1::text and activate_at <= clock_now() and retire_at > clock_now()
)
update signing_keys set activate_at = clock_now() where kid = $1::text`,
}

/** A published key signs from now on, ahead of its time. Run it under `lockSigningKeys`. */
export async function activateSigningKey(tx: Queries, { kid, alg }: { kid: string; alg: SigningAlg }): Promise<void> {
  await tx.run(activate, [kid, alg])
}

const resume: Statement = {
  name: 'resume_signing_key',
  text: `update signing_keys set retire_at = null, remove_at = null
         where alg = $1::text and compromised_at is null and activate_at <= clock_now() and retire_at > clock_now()`,
}

/** The key that signs goes on without an end: the one that was to follow it is gone. Run it under `lockSigningKeys`. */
export async function resumeSigningKey(tx: Queries, alg: SigningAlg): Promise<void> {
  await tx.run(resume, [alg])
}

const lock: Statement = {
  name: 'lock_signing_keys',
  text: `select pg_advisory_xact_lock(hashtext('falconer.signing_keys'))`,
}

/** One instance at a time makes keys; the others wait and then find them. */
export async function lockSigningKeys(tx: Queries): Promise<void> {
  await tx.run(lock, [])
}

const rewrap: Statement = {
  name: 'rewrap_signing_key',
  text: `update signing_keys set private_key = $2::bytea where kid = $1::text and private_key is not null`,
}

/** Stores the same private key, sealed under another master key. */
export async function rewrapSigningKey(db: Queries, kid: string, privateKey: Buffer): Promise<void> {
  await db.run(rewrap, [kid, privateKey])
}

const destroy: Statement = {
  name: 'destroy_removed_keys',
  text: `update signing_keys set private_key = null where remove_at <= clock_now() and private_key is not null`,
}

/** Destroys the private part of keys that are no longer published; the row stays for the audit. */
export async function destroyRemovedKeys(db: Queries): Promise<void> {
  await db.run(destroy, [])
}
