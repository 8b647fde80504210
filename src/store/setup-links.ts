import type { AdminRole } from '../domain/admin-role.ts'
import type { Queries, Statement } from './database.ts'

const insert: Statement = {
  name: 'insert_setup_link',
  text: `
insert into setup_links (hash, role, expires_at) values ($1::bytea, $2::text, clock_now() + make_interval(secs => $3::int))
returning expires_at as "expiresAt"`,
}

/** Stores a link; returns when it runs out. */
export async function insertSetupLink(tx: Queries, hash: Buffer, role: AdminRole, seconds: number): Promise<Date> {
  const [row] = await tx.run<{ expiresAt: Date }>(insert, [hash, role, seconds])
  if (!row) throw new Error('a link was not inserted')
  return row.expiresAt
}

const isGood = 'hash = $1::bytea and used_at is null and expires_at > clock_now()'

const check: Statement = { name: 'check_setup_link', text: `select 1 from setup_links where ${isGood}` }

/** Whether a link could be used now: asked before the work that it is for. */
export async function isSetupLinkGood(db: Queries, hash: Buffer): Promise<boolean> {
  return (await db.run(check, [hash])).length === 1
}

const use: Statement = {
  name: 'use_setup_link',
  text: `update setup_links set used_at = clock_now() where ${isGood} returning role`,
}

/** Uses a link up, in the transaction that makes its account. Undefined: it is not good, or not any more. */
export async function useSetupLink(tx: Queries, hash: Buffer): Promise<AdminRole | undefined> {
  const [row] = await tx.run<{ role: AdminRole }>(use, [hash])
  return row?.role
}
