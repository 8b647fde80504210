import type { Actor } from '../domain/ending.ts'
import type { Document } from '../domain/field.ts'
import { insertAuditEvent } from '../store/audit.ts'
import { listGrantsOfUser } from '../store/grant-records.ts'
import { readClock } from '../store/not-before.ts'
import { listSessionsOfUser } from '../store/session-records.ts'
import { findUserRecord, listConsents } from '../store/user-records.ts'
import { readAuditEvents } from './audit-events.ts'
import { isId } from './document.ts'
import { notFound } from './problem.ts'
import { showGrant, showSession } from './sessions.ts'
import type { AdminTools } from './tools.ts'
import { showUser } from './users.ts'

/** Of each list, so that one answer stays one answer. */
const mostItems = 10_000

/** All that is known about a user. That it was read is part of it. @throws {Problem} not_found */
export async function exportUser(id: string, actor: Actor, tools: AdminTools): Promise<Document> {
  const { db } = tools
  const user = isId(id) ? await findUserRecord(db, id) : undefined
  if (!user) throw notFound('user')
  const about = { targetKind: 'user', targetId: user.id, userId: user.id }
  await insertAuditEvent(db, { type: 'user.exported', actor, ...about })
  const sessions = await listSessionsOfUser(db, user.id, mostItems + 1)
  const grants = await listGrantsOfUser(db, user.id, mostItems + 1)
  const consents = await listConsents(db, user.id)
  const events = await readAuditEvents({ user_id: user.id }, { limit: mostItems }, tools)
  const isTooLong = { sessions: sessions.length > mostItems, grants: grants.length > mostItems }
  const truncated = Object.entries({ ...isTooLong, audit_events: events.next_cursor !== null })
  return {
    user: showUser(user),
    sessions: sessions.slice(0, mostItems).map(showSession),
    grants: grants.slice(0, mostItems).map(showGrant),
    consents: consents.map(({ clientId, scopes, grantedAt }) => ({
      client_id: clientId,
      scopes,
      granted_at: grantedAt.toISOString(),
    })),
    audit_events: events.items,
    truncated: truncated.filter(([, isCut]) => isCut).map(([name]) => name),
    exported_at: new Date((await readClock(db)) * 1000).toISOString(),
  }
}
