import type { Ended, Ending } from '../domain/ending.ts'
import { feedEntryLifeSeconds } from '../domain/signing-key.ts'
import { type EndingCause, endCombined, endRows } from './combined-endings.ts'
import type { Database, Queries, Statement } from './database.ts'
import type { EndedRow } from './ending-statements.ts'
import * as statements from './ending-statements.ts'
import { lockUser } from './users.ts'

/** Names a user or a client in the feed without telling its id (8 bytes). */
export type FeedKey = (kind: 'u' | 'c' | 'k', id: string) => Buffer

/** Everything that an ending carries besides its target. */
export interface EndingContext extends EndingCause {
  readonly feedKey: FeedKey
}

/**
 * The one way by which anything ends: a session, a grant, a token, everything of a user or of a client, everything.
 * One transaction: the rows, the feed entry, the position, the audit event; the endings of sessions and grants of one moment share theirs. When
 * it returns, the ending is durable and every statement that starts later, on any instance, sees it. Undefined: unknown, or ended already; then
 * nothing was written.
 */
export async function end(db: Database, ending: Ending, context: EndingContext): Promise<Ended | undefined> {
  const { target } = ending
  if (target === 'session' || target === 'grant') return endCombined(db, { target, id: ending.id, ...context })
  const isOneStatement = target === 'jti' || target === 'client' || target === 'all'
  const ended = isOneStatement
    ? await endIn(db, ending, context)
    : await db.transaction((tx) => endIn(tx, ending, context))
  await raiseFloor(db, ending)
  return ended
}

/**
 * The same inside a transaction that already holds no lock below the target's: for a cause that has to be written together with the ending.
 * After its COMMIT the caller runs `raiseFloor`.
 */
export async function endIn(tx: Queries, ending: Ending, context: EndingContext): Promise<Ended | undefined> {
  switch (ending.target) {
    case 'session':
    case 'grant':
      return (await endRows(tx, [{ target: ending.target, id: ending.id, ...context }]))[0]
    case 'user':
      return endUser(tx, ending.id, context)
    case 'user_sessions':
      return endUserSessions(tx, ending, context)
    case 'user_client':
      return endUserClient(tx, ending, context)
    case 'jti':
      return one(tx, statements.endJti, [...common(ending.id, context), ending.expiresAt ?? null])
    case 'client':
      // Verifiers know a client by the client_id of its tokens, so that is what its feed entry is made from.
      return one(tx, statements.endClient, [...common(ending.id, context), context.feedKey('c', ending.clientId)])
    case 'kid':
      return one(tx, statements.endKid, [...common(ending.kid, context), context.feedKey('k', ending.kid)])
    case 'all':
      return one(tx, statements.endAll, common(null, context))
  }
  return ending satisfies never
}

/** After the COMMIT of an ending: lifts the line of /not-before once more if the clock has reached it meanwhile. */
export async function raiseFloor(db: Queries, ending: Ending): Promise<void> {
  if (ending.target === 'client') await db.run(statements.raiseFloor.client, [ending.id])
  if (ending.target === 'all') await db.run(statements.raiseFloor.server, [])
}

async function endUser(tx: Queries, id: string, context: EndingContext): Promise<Ended | undefined> {
  const locked = await tx.run(lockUser, [id])
  if (locked.length === 0) return undefined
  const by = [id, context.reason, context.actor.id]
  const sessions = alive(await tx.run<EndedRow>(statements.endSessionsOfUser, by))
  const grants = alive(await tx.run<EndedRow>(statements.endGrantsOfUser, [...by, sessions]))
  const counts = { sessions: sessions.length, grants: grants.length }
  const values = [...common(id, context), context.feedKey('u', id), counts.sessions, counts.grants]
  return { position: await line(tx, statements.drawUserLine, values), ...counts }
}

async function endUserSessions(
  tx: Queries,
  { userId, only, except, withOffline }: Extract<Ending, { target: 'user_sessions' }>,
  context: EndingContext,
): Promise<Ended | undefined> {
  const locked = await tx.run(lockUser, [userId])
  if (locked.length === 0) return undefined
  const by = [userId, context.reason, context.actor.id]
  const kept = except ?? null
  const sessions = await tx.run<EndedRow>(statements.endSomeSessionsOfUser, [...by, only ?? null, kept])
  const ids = sessions.map((session) => session.id)
  const values = [...by, alive(sessions), ids, withOffline, kept]
  const grants = await tx.run<EndedGrant>(statements.endGrantsOfSomeSessions, values)
  return lineOfRows(tx, statements.drawUserSessionsLine, { id: userId, sessions, grants }, context)
}

async function endUserClient(
  tx: Queries,
  { userId, client, clientId }: Extract<Ending, { target: 'user_client' }>,
  context: EndingContext,
): Promise<Ended | undefined> {
  const locked = await tx.run(lockUser, [userId])
  if (locked.length === 0) return undefined
  const values = [userId, context.reason, context.actor.id, client]
  const grants = await tx.run<EndedGrant>(statements.endGrantsOfUserAndClient, values)
  return lineOfRows(
    tx,
    statements.drawUserClientLine,
    { id: userId, sessions: [], grants, client: { id: client, clientId } },
    context,
  )
}

type EndedGrant = EndedRow & { readonly offline: boolean }

const alive = (rows: readonly EndedRow[]): string[] => rows.filter((row) => row.alive).map((row) => row.id)

/** Draws the line of rows that were ended one by one. A session's entry covers its online grants, whose tokens carry its sid. */
async function lineOfRows(
  tx: Queries,
  statement: Statement,
  rows: {
    id: string
    sessions: readonly EndedRow[]
    grants: readonly EndedGrant[]
    client?: { id: string; clientId: string }
  },
  context: EndingContext,
): Promise<Ended> {
  const { id, sessions, client } = rows
  const named = sessions.length === 0 ? rows.grants : rows.grants.filter((grant) => grant.offline)
  const kinds = [...sessions.map(() => 's'), ...named.map(() => 'g')]
  const ids = [...sessions, ...named].map((row) => row.id)
  const counts = { sessions: alive(sessions).length, grants: alive(rows.grants).length }
  const values = [...common(id, context), kinds, ids, counts.sessions, counts.grants]
  if (client) values.push(client.clientId, client.id)
  return { position: await line(tx, statement, values), ...counts }
}

const common = (id: string | null, { reason, actor, note }: EndingContext): unknown[] => [
  id,
  reason,
  feedEntryLifeSeconds,
  actor.id,
  actor.ip ?? null,
  actor.requestId ?? null,
  note ?? null,
]

async function one(db: Queries, statement: Statement, values: readonly unknown[]): Promise<Ended | undefined> {
  const [row] = await db.run<Ended>(statement, values)
  return row && { position: row.position, sessions: row.sessions, grants: row.grants }
}

async function line(tx: Queries, statement: Statement, values: readonly unknown[]): Promise<number> {
  const rows = await tx.run<{ position: number }>(statement, values)
  if (!rows[0]) throw new Error('feed_head has no row')
  return rows[0].position
}
