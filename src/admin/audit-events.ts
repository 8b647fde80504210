import type { Document } from '../domain/field.ts'
import { type AuditRecord, listAuditEvents } from '../store/audit-records.ts'
import { isId } from './document.ts'
import { type Page, type PageRequest, readPage } from './page.ts'
import { badField } from './problem.ts'
import type { AdminTools } from './tools.ts'

export interface AuditQuery {
  readonly user_id?: string
  readonly client_id?: string
  readonly type?: string
  readonly from?: string
  readonly to?: string
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/i

/** Audit events, newest first, from `from` on and before `to` (RFC 3339). @throws {Problem} */
export function readAuditEvents(query: AuditQuery, request: PageRequest, tools: AdminTools): Promise<Page> {
  const { user_id: userId, client_id: clientId, type, from, to } = query
  if (userId !== undefined && !isId(userId)) throw badField({ path: ['user_id'], detail: 'must be the id of a user' })
  for (const [name, value] of Object.entries({ from, to })) {
    if (value !== undefined && !(rfc3339.test(value) && Number.isFinite(Date.parse(value))))
      throw badField({ path: [name], detail: 'must be an RFC 3339 instant' })
  }
  const filter = {
    ...(userId === undefined ? {} : { userId }),
    ...(clientId === undefined ? {} : { clientId }),
    ...(type === undefined ? {} : { type }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  }
  return readPage('audit-events', request, tools, {
    read: (limit, after) => {
      const [at, id] = after ?? []
      return listAuditEvents(tools.db, { ...filter, limit, ...(at && id ? { after: [at, id] as const } : {}) })
    },
    positionOf: (event) => [event.exactAt, event.id],
    show: showEvent,
  })
}

const showEvent = (event: AuditRecord): Document => ({
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
