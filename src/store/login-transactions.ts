import type { Client } from '../domain/client.ts'
import { type ClientRow, clientColumns, clientFrom } from './clients.ts'
import type { Queries, Statement } from './database.ts'
import { liveSession, type SessionCookie, type SessionWithConsent } from './sessions.ts'

/** An authorization request that waits for a person, bound to the browser that made it. */
export interface LoginTransaction {
  /** The request as validated; frozen. */
  readonly params: Record<string, unknown>
  /** The session that an earlier submit made for it. */
  readonly madeSessionId: string | null
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

const sessionFields = [
  'id',
  'userId',
  'username',
  'authTime',
  'acr',
  'amr',
  'isCurrentSecret',
  'authAgeSeconds',
  'consentedScopes',
  'consentedAt',
] as const satisfies readonly (keyof SessionWithConsent)[]

type SessionFields = Pick<SessionWithConsent, (typeof sessionFields)[number]>
type SessionRow = { readonly [Field in keyof SessionFields as `session.${Field}`]: SessionFields[Field] }

const read: Statement = {
  name: 'read_login_transaction',
  text: `
select t.params, t.session_id as "madeSessionId", t.created_at as "createdAt", t.expires_at <= clock_now() as "isExpired", ${clientColumns},
       ${sessionFields.map((field) => `s."${field}" as "session.${field}"`).join(', ')}
from login_transactions t join clients c on c.id = t.client
left join lateral (${liveSession({ id: '$3::uuid', secretHash: '$4::bytea', client: 't.client' })}) s on true
where t.handle_hash = $1::bytea and t.binding_hash = $2::bytea`,
}

/** All facts that decide what a browser gets next: its login transaction, the client as it is now, and the live session of its cookie. */
export interface OpenLogin {
  readonly transaction: LoginTransaction
  readonly client: Client
  readonly session: SessionWithConsent | undefined
}

/** Found only with its handle and the cookie of the browser that began it; either alone finds nothing. */
export async function findLoginTransaction(
  db: Queries,
  t: { handleHash: Buffer; bindingHash: Buffer; session?: SessionCookie },
): Promise<OpenLogin | undefined> {
  const cookie = [t.session?.id ?? null, t.session?.secretHash ?? null]
  const [row] = await db.run<LoginTransaction & ClientRow & SessionRow>(read, [t.handleHash, t.bindingHash, ...cookie])
  return row && { transaction: row, client: clientFrom(row), session: sessionFrom(row) }
}

const sessionFrom = (row: SessionRow): SessionWithConsent | undefined =>
  row['session.id'] === null
    ? undefined
    : (Object.fromEntries(sessionFields.map((field) => [field, row[`session.${field}`]])) as unknown as SessionFields)

const readMade: Statement = {
  name: 'read_made_session',
  text: `select session_id as "sessionId" from login_transactions where handle_hash = $1::bytea`,
}

/** The session that a transaction has made by now. */
export async function findMadeSession(db: Queries, handleHash: Buffer): Promise<string | undefined> {
  const [row] = await db.run<{ sessionId: string | null }>(readMade, [handleHash])
  return row?.sessionId ?? undefined
}
