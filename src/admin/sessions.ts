import type { Actor } from '../domain/ending.ts'
import { findClientRecord } from '../store/client-records.ts'
import { end } from '../store/end.ts'
import { findGrantRecord, type GrantRecord, listGrants } from '../store/grant-records.ts'
import { findSessionRecord, listSessions, type SessionRecord } from '../store/session-records.ts'
import { deviceOf } from './device.ts'
import { instant, isId } from './document.ts'
import { type Page, type PageRequest, readPage } from './page.ts'
import { badField, notFound } from './problem.ts'
import type { AdminTools } from './tools.ts'

export interface SessionFilter {
  readonly user_id?: string
  readonly client_id?: string
}

export interface GrantFilter extends SessionFilter {
  readonly kind?: 'online' | 'offline'
}

export type SessionDocument = ReturnType<typeof showSession>
export type GrantDocument = ReturnType<typeof showGrant>

/** Live sessions, newest first. */
export async function readSessions(
  filter: SessionFilter,
  request: PageRequest,
  tools: AdminTools,
): Promise<Page<SessionDocument>> {
  const wanted = await resolve(filter, tools)
  return readPage('sessions', request, tools, {
    read: async (limit, after) => (wanted ? listSessions(tools.db, { ...wanted, limit, ...behind(after) }) : []),
    positionOf: (session) => [session.id],
    show: showSession,
  })
}

/** One session, also one that is over: with the reason. @throws {Problem} not_found */
export async function readSession(id: string, tools: AdminTools): Promise<SessionDocument> {
  const session = isId(id) ? await findSessionRecord(tools.db, id) : undefined
  if (!session) throw notFound('session')
  return showSession(session)
}

/** Ends a session and its online grants. One that is over or unknown is no error. */
export async function endSession(id: string, actor: Actor, tools: AdminTools): Promise<void> {
  if (isId(id)) await end(tools.db, { target: 'session', id }, { reason: 'admin', actor, feedKey: tools.feedKey })
}

/** Live grants, newest first. */
export async function readGrants(
  filter: GrantFilter,
  request: PageRequest,
  tools: AdminTools,
): Promise<Page<GrantDocument>> {
  const wanted = await resolve(filter, tools)
  const kind = filter.kind === undefined ? {} : { offline: filter.kind === 'offline' }
  return readPage('grants', request, tools, {
    read: async (limit, after) => (wanted ? listGrants(tools.db, { ...wanted, ...kind, limit, ...behind(after) }) : []),
    positionOf: (grant) => [grant.id],
    show: showGrant,
  })
}

/** One grant, also one that is over: with the reason. @throws {Problem} not_found */
export async function readGrant(id: string, tools: AdminTools): Promise<GrantDocument> {
  const grant = isId(id) ? await findGrantRecord(tools.db, id) : undefined
  if (!grant) throw notFound('grant')
  return showGrant(grant)
}

/** Ends a grant. One that is over or unknown is no error. */
export async function endGrant(id: string, actor: Actor, tools: AdminTools): Promise<void> {
  if (isId(id)) await end(tools.db, { target: 'grant', id }, { reason: 'admin', actor, feedKey: tools.feedKey })
}

/** Undefined: a client that does not exist, which has neither sessions nor grants. */
async function resolve(filter: SessionFilter, tools: AdminTools) {
  if (filter.user_id !== undefined && !isId(filter.user_id))
    throw badField({ path: ['user_id'], detail: 'must be the id of a user' })
  const user = filter.user_id === undefined ? {} : { userId: filter.user_id }
  if (filter.client_id === undefined) return user
  const client = await findClientRecord(tools.db, filter.client_id)
  return client && { ...user, client: client.id }
}

const behind = (after: readonly string[] | undefined) => (after?.[0] === undefined ? {} : { after: after[0] })

export const showSession = (session: SessionRecord) => ({
  sid: session.id,
  user_id: session.userId,
  username: session.username,
  alive: session.isAlive,
  created_at: session.createdAt.toISOString(),
  auth_time: session.authTime.toISOString(),
  acr: session.acr,
  amr: session.amr,
  last_seen_at: session.lastSeenAt.toISOString(),
  idle_expires_at: session.idleExpiresAt.toISOString(),
  expires_at: session.expiresAt.toISOString(),
  remembered: session.remembered,
  device: deviceOf(session.userAgent),
  ip: session.ip,
  last_ip: session.lastIp,
  user_agent: session.userAgent,
  ended_at: instant(session.endedAt),
  end_reason: session.endReason,
})

export const showGrant = (grant: GrantRecord) => ({
  gid: grant.id,
  client_id: grant.clientId,
  user_id: grant.userId,
  sid: grant.sessionId,
  kind: grant.offline ? ('offline' as const) : ('online' as const),
  alive: grant.isAlive,
  scope: grant.scope,
  resource: grant.resource,
  created_at: grant.createdAt.toISOString(),
  auth_time: grant.authTime.toISOString(),
  last_used_at: grant.lastUsedAt.toISOString(),
  idle_expires_at: grant.idleExpiresAt.toISOString(),
  expires_at: grant.expiresAt.toISOString(),
  ended_at: instant(grant.endedAt),
  end_reason: grant.endReason,
})
