import type { Client } from '../domain/client.ts'
import { type ClientRow, clientColumns, clientFrom } from './clients.ts'
import { combined, inPlace } from './combiner.ts'
import type { Queries, Statement } from './database.ts'
import { attemptsUnder, countingAttempts, type Limit } from './limits.ts'
import { liveSession, type SessionCookie, type SessionWithConsent } from './sessions.ts'

/** An authorization request that waits for a person, bound to the browser that made it. */
export interface LoginTransaction {
  /** The request as validated; frozen. */
  readonly params: Record<string, unknown>
  /** The session that an earlier submit made for it. */
  readonly madeSessionId: string | null
  readonly createdAt: Date
  readonly isExpired: boolean
  /** Whether the sign-in page offers to keep a person signed in. */
  readonly offersRememberMe: boolean
}

/** What a login transaction begins with. */
export interface NewLoginTransaction {
  readonly handleHash: Buffer
  readonly bindingHash: Buffer
  readonly client: string
  readonly params: object
  readonly ttlSeconds: number
  /** How many may begin. */
  readonly limits: readonly Limit[]
}

const begin: Statement = {
  name: 'begin_login_transaction',
  text: `
with ${countingAttempts({ places: '$6', keys: '$7', counts: '$8', seconds: '$9' })}, begun as (
  insert into login_transactions (handle_hash, binding_hash, client, params, expires_at)
  select t.handle_hash, t.binding_hash, t.client, t.params, clock_now() + make_interval(secs => t.ttl_s)
  from unnest($1::bytea[], $2::bytea[], $3::uuid[], $4::jsonb[], $5::int[])
    with ordinality as t (handle_hash, binding_hash, client, params, ttl_s, place)
  where not exists (select from waits where waits.place = t.place)
)
select place, seconds from waits`,
}

/** Begins a login transaction, together with those that begin at the same moment. Returns 0, or the seconds to wait when it was one too many. */
export const beginLoginTransaction = combined<NewLoginTransaction, number>({
  concurrency: 2,
  run: async (db, batch) => {
    const refused = await db.run<{ place: number; seconds: number }>(begin, [
      batch.map(({ handleHash }) => handleHash),
      batch.map(({ bindingHash }) => bindingHash),
      batch.map(({ client }) => client),
      batch.map(({ params }) => JSON.stringify(params)),
      batch.map(({ ttlSeconds }) => ttlSeconds),
      ...attemptsUnder(batch),
    ])
    return inPlace(refused, batch.length).map((row) => row?.seconds ?? 0)
  },
})

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
select p.place::int, t.params, t.session_id as "madeSessionId", t.created_at as "createdAt", t.expires_at <= clock_now() as "isExpired",
       v.remember_idle_s is not null as "offersRememberMe", ${clientColumns},
       ${sessionFields.map((field) => `s."${field}" as "session.${field}"`).join(', ')}
from unnest($1::bytea[], $2::bytea[], $3::uuid[], $4::bytea[]) with ordinality as p (handle_hash, binding_hash, session_id, secret_hash, place)
join login_transactions t on t.handle_hash = p.handle_hash and t.binding_hash = p.binding_hash join clients c on c.id = t.client
join server v on v.id = 1
left join lateral (${liveSession({ id: 'p.session_id', secretHash: 'p.secret_hash', client: 't.client' })}) s on true`,
}

/** All facts that decide what a browser gets next: its login transaction, the client as it is now, and the live session of its cookie. */
export interface OpenLogin {
  readonly transaction: LoginTransaction
  readonly client: Client
  readonly session: SessionWithConsent | undefined
}

/** How a browser names its login transaction, and the session that it has. */
export interface LoginTransactionKey {
  readonly handleHash: Buffer
  readonly bindingHash: Buffer
  readonly session?: SessionCookie
}

/** Found only with its handle and the cookie of the browser that began it; either alone finds nothing. Read with those that are asked for at the same moment. */
export const findLoginTransaction = combined<LoginTransactionKey, OpenLogin | undefined>({
  concurrency: 2,
  run: async (db, batch) => {
    const rows = await db.run<LoginTransaction & ClientRow & SessionRow & { readonly place: number }>(read, [
      batch.map(({ handleHash }) => handleHash),
      batch.map(({ bindingHash }) => bindingHash),
      batch.map(({ session }) => session?.id ?? null),
      batch.map(({ session }) => session?.secretHash ?? null),
    ])
    return inPlace(rows, batch.length).map(
      (row) => row && { transaction: row, client: clientFrom(row), session: sessionFrom(row) },
    )
  },
})

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
