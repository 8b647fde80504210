import { noteReading, readAuditEvents } from '../../admin/audit-events.ts'
import { verifyAuditChain } from '../../admin/audit-verification.ts'
import { auditEvent, page } from './answers.ts'
import type { AddRoute } from './route.ts'
import { named, nullable, object, record, type Schema, string, value } from './schema.ts'
import { listQuery, pageOf, text } from './shapes.ts'

const listing = {
  operation: 'list_audit_events',
  summary: 'Lists what happened, the newest first',
  querystring: listQuery({
    user_id: text,
    client_id: text,
    session_id: text,
    grant_id: text,
    target_id: text,
    actor: text,
    request_id: text,
    type: string({ minLength: 1, maxLength: 100, description: 'One type, or the beginning of some: login.*' }),
    outcome: value('success', 'failure'),
    from: text,
    to: text,
  }),
  answer: page(auditEvent),
}

const whole: Schema<number> = { type: 'integer' }
const instant: Schema<string> = { type: 'string', format: 'date-time' }
const written: Schema<string> = { type: 'string' }

const verification = named(
  'AuditVerification',
  record({
    outcome: value('intact', 'broken', 'continues'),
    broken: nullable(
      record({
        kind: value('missing_event', 'changed_event', 'unknown_event', 'missing_seal', 'changed_seal', 'unknown_head'),
        seal: whole,
        month: nullable(written),
        place: nullable(whole),
        event_id: nullable({ type: 'string', format: 'uuid' }),
      }),
    ),
    verified: record({ seals: whole, events: whole, erased_events: whole, late_events: whole }),
    dropped: nullable(record({ events: whole, through: written })),
    unsealed: record({ events: whole, oldest_at: nullable(instant) }),
    head: nullable(written),
    progress: record({ seal: whole, of: whole }),
    next_cursor: nullable(written),
  }),
)

const verifying = {
  operation: 'verify_audit_events',
  summary: 'Verifies the chain of audit events, some thousands in each answer: next_cursor leads on',
  querystring: object(
    {},
    {
      since: string({
        minLength: 1,
        maxLength: 100,
        description: 'A head that was noted: begin behind it, if it is still there',
      }),
      cursor: string({ maxLength: 2000, description: 'next_cursor of the answer before' }),
    },
  ),
  answer: verification,
}

/** What happened, and who did it. */
export function auditRoutes(add: AddRoute): void {
  add('GET', '/audit-events', 'audit:read', listing, async ({ query }, { actor }, tools) => {
    const events = await readAuditEvents(query, pageOf(query), tools)
    noteReading(query, actor, tools)
    return { body: events }
  })
  add('GET', '/audit-events/verification', 'audit:read', verifying, async ({ query }, _caller, tools) => ({
    body: await verifyAuditChain(query, tools),
  }))
}
