import type { AuditEvent } from '../domain/audit-event.ts'
import type { Queries, Statement } from './database.ts'

const insert: Statement = {
  name: 'insert_audit_event',
  text: `
insert into audit_events (type, outcome, actor, target_kind, target_id, user_id, client_id, reason, ip, request_id, detail)
values ($1::text, $2::text, $3::text, $4::text, $5::text, $6::uuid, $7::text, $8::text, $9::text, $10::text, $11::jsonb)`,
}

/** Writes one event, in the transaction of its cause when given that. */
export async function insertAuditEvent(db: Queries, event: AuditEvent): Promise<void> {
  await db.run(insert, [
    event.type,
    event.outcome ?? 'success',
    event.actor.id,
    event.targetKind ?? null,
    event.targetId ?? null,
    event.userId ?? null,
    event.clientId ?? null,
    event.reason ?? null,
    event.actor.ip ?? null,
    event.actor.requestId ?? null,
    event.detail ? JSON.stringify(event.detail) : null,
  ])
}
