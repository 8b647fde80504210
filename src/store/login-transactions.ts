import type { Queries, Statement } from './database.ts'

/** An authorization request that waits for a person, bound to the browser that made it. */
export interface LoginTransaction {
  readonly client: string
  readonly clientId: string
  /** The request as validated; frozen. */
  readonly params: Record<string, unknown>
  readonly sessionId: string | null
  readonly createdAt: Date
  readonly isExpired: boolean
}

const insert: Statement = {
  name: 'insert_login_transaction',
  text: `
insert into login_transactions (handle_hash, binding_hash, client, params, expires_at)
values ($1::bytea, $2::bytea, $3::uuid, $4::jsonb, clock_now() + make_interval(secs => $5::int))`,
}

export async function insertLoginTransaction(
  db: Queries,
  t: { handleHash: Buffer; bindingHash: Buffer; client: string; params: object; ttlSeconds: number },
): Promise<void> {
  await db.run(insert, [t.handleHash, t.bindingHash, t.client, JSON.stringify(t.params), t.ttlSeconds])
}

const read: Statement = {
  name: 'read_login_transaction',
  text: `
select t.client, c.client_id as "clientId", t.params, t.session_id as "sessionId",
       t.created_at as "createdAt", t.expires_at <= clock_now() as "isExpired"
from login_transactions t join clients c on c.id = t.client
where t.handle_hash = $1::bytea and t.binding_hash = $2::bytea`,
}

/** Found only with its handle and the cookie of the browser that began it; either alone finds nothing. */
export async function findLoginTransaction(
  db: Queries,
  t: { handleHash: Buffer; bindingHash: Buffer },
): Promise<LoginTransaction | undefined> {
  const rows = await db.run<LoginTransaction>(read, [t.handleHash, t.bindingHash])
  return rows[0]
}

const readMade: Statement = {
  name: 'read_made_session',
  text: `select session_id as "sessionId" from login_transactions where handle_hash = $1::bytea`,
}

/** The session that a transaction has made by now. */
export async function findMadeSession(db: Queries, handleHash: Buffer): Promise<string | undefined> {
  const [row] = await db.run<{ sessionId: string | null }>(readMade, [handleHash])
  return row?.sessionId ?? undefined
}
