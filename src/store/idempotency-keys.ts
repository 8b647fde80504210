import type { Queries, Statement } from './database.ts'

/** Whose key, and which. */
export interface KeyName {
  /** As the audit trail names who acts. */
  readonly caller: string
  readonly key: string
}

export interface StoredKey {
  /** Sealed: what the first request was. */
  readonly request: Buffer
  /** Sealed; null while the first request is under way. */
  readonly answer: Buffer | null
  readonly claim: string
  /** There is no answer, and the time of whoever claimed it has run out. */
  readonly isAbandoned: boolean
}

const claim: Statement = {
  name: 'claim_idempotency_key',
  text: `
insert into idempotency_keys (caller, key, request, claimed_until)
values ($1::text, $2::text, $3::bytea, clock_now() + make_interval(secs => $4::double precision))
on conflict (caller, key) do nothing
returning claim`,
}

/** Claims a key that nobody has. Undefined: somebody has it. */
export async function claimKey(
  db: Queries,
  { caller, key }: KeyName,
  request: Buffer,
  seconds: number,
): Promise<string | undefined> {
  const [row] = await db.run<{ claim: string }>(claim, [caller, key, request, seconds])
  return row?.claim
}

const find: Statement = {
  name: 'find_idempotency_key',
  text: `
select request, answer, claim, answer is null and claimed_until < clock_now() as "isAbandoned"
from idempotency_keys where caller = $1::text and key = $2::text`,
}

export async function findKey(db: Queries, { caller, key }: KeyName): Promise<StoredKey | undefined> {
  const [row] = await db.run<StoredKey>(find, [caller, key])
  return row
}

const takeOver: Statement = {
  name: 'take_over_idempotency_key',
  text: `
update idempotency_keys set claim = gen_random_uuid(), claimed_until = clock_now() + make_interval(secs => $4::double precision)
where caller = $1::text and key = $2::text and claim = $3::uuid and answer is null
returning claim`,
}

/** Takes the claim of somebody who did not come back. Undefined: another one did, or it came back after all. */
export async function takeOverKey(
  db: Queries,
  { caller, key }: KeyName,
  abandoned: string,
  seconds: number,
): Promise<string | undefined> {
  const [row] = await db.run<{ claim: string }>(takeOver, [caller, key, abandoned, seconds])
  return row?.claim
}

const keep: Statement = {
  name: 'keep_idempotent_answer',
  text: `
update idempotency_keys set answer = $4::bytea
where caller = $1::text and key = $2::text and claim = $3::uuid and answer is null
returning key`,
}

/** Stores the answer under a claim. False: the claim was lost, and nothing is stored. */
export async function keepAnswer(
  db: Queries,
  { caller, key }: KeyName,
  claimed: string,
  answer: Buffer,
): Promise<boolean> {
  return (await db.run(keep, [caller, key, claimed, answer])).length === 1
}

const release: Statement = {
  name: 'release_idempotency_key',
  text: `delete from idempotency_keys where caller = $1::text and key = $2::text and claim = $3::uuid and answer is null`,
}

/** Frees a key whose request was refused or failed. */
export async function releaseKey(db: Queries, { caller, key }: KeyName, claimed: string): Promise<void> {
  await db.run(release, [caller, key, claimed])
}
