import type { Actor } from '../domain/ending.ts'
import { type AuditFilter, type AuditRecord, listAuditEvents } from '../store/audit-records.ts'
import { readUsernames } from '../store/user-records.ts'
import { isId } from './document.ts'
import { type Page, type PageRequest, readPage } from './page.ts'
import { badField } from './problem.ts'
import type { AdminTools } from './tools.ts'

export interface AuditQuery {
  readonly user_id?: string
  readonly client_id?: string
  readonly session_id?: string
  readonly grant_id?: string
  readonly target_id?: string
  readonly actor?: string
  readonly request_id?: string
  /** One type, or the beginning of some: `login.*`. */
  readonly type?: string
  readonly outcome?: 'success' | 'failure'
  readonly from?: string
  readonly to?: string
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/i

/** Audit events, newest first, from `from` on and before `to` (RFC 3339). @throws {Problem} */
export async function readAuditEvents(
  query: AuditQuery,
  request: PageRequest,
  tools: AdminTools,
): Promise<Page<AuditEventDocument>> {
  const filter = filterOf(query)
  return readPage('audit-events', request, tools, {
    read: (limit, after) => {
      const [at, id] = after ?? []
      return listAuditEvents(tools.db, { ...filter, limit, ...(at && id ? { after: [at, id] as const } : {}) })
    },
    positionOf: (event) => [event.exactAt, event.id],
    show: showEvent,
  })
}

/** The names of the users that events are about or by, for people to read: events keep only ids, which outlive a person's record. */
export function namesIn(
  events: readonly AuditEventDocument[],
  { db }: AdminTools,
): Promise<ReadonlyMap<string, string>> {
  const ids = events.flatMap(({ actor, user_id: userId }) => [userId ?? '', actor?.replace(/^user:/, '') ?? ''])
  return readUsernames(db, [...new Set(ids.filter(isId))])
}

/** That somebody has read the trail belongs into it: who, and about whom. */
export function noteReading(
  { user_id: userId, client_id: clientId }: AuditQuery,
  reader: Actor,
  tools: AdminTools,
): void {
  const about = { ...(userId === undefined ? {} : { userId }), ...(clientId === undefined ? {} : { clientId }) }
  tools.noteAudit({ type: 'audit.read', actor: reader, ...about })
}

function filterOf(query: AuditQuery): Omit<AuditFilter, 'limit'> {
  for (const name of ['user_id', 'session_id', 'grant_id'] as const)
    if (query[name] !== undefined && !isId(query[name])) throw badField({ path: [name], detail: 'must be an id' })
  for (const [name, value] of Object.entries({ from: query.from, to: query.to })) {
    if (value !== undefined && !(rfc3339.test(value) && Number.isFinite(Date.parse(value))))
      throw badField({ path: [name], detail: 'must be an RFC 3339 instant' })
  }
  const targets = [query.session_id, query.grant_id, query.target_id].filter((target) => target !== undefined)
  if (targets.length > 1) throw badField({ path: ['target_id'], detail: 'must not be given with another target' })
  const kind = query.session_id !== undefined ? 'session' : query.grant_id === undefined ? undefined : 'grant'
  const filter = {
    userId: query.user_id,
    clientId: query.client_id,
    targetKind: kind,
    targetId: targets[0],
    actor: query.actor,
    requestId: query.request_id,
    ...typeOf(query.type),
    outcome: query.outcome,
    from: query.from,
    to: query.to,
  }
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined))
}

function typeOf(type: string | undefined): { type?: string; typeBeginning?: string } {
  if (type === undefined) return {}
  return type.endsWith('*') ? { typeBeginning: type.slice(0, -1) } : { type }
}

export type AuditEventDocument = ReturnType<typeof showEvent>

export const showEvent = (event: AuditRecord) => ({
  id: event.id,
  at: event.at.toISOString(),
  type: event.type,
  outcome: event.outcome,
  actor: event.actor,
  target_kind: event.targetKind,
  target_id: event.targetId,
  user_id: event.userId,
  client_id: event.clientId,
  reason: event.reason,
  position: event.position,
  ip: event.ip,
  request_id: event.requestId,
  detail: event.detail,
})
