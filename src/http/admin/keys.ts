import { readAuditEvents } from '../../admin/audit-events.ts'
import { readKeys, rotateSigningKeys } from '../../admin/keys.ts'
import { revoke } from '../../admin/revocations.ts'
import type { AdminTools } from '../../admin/tools.ts'
import { appliedWait } from '../prefer.ts'
import type { AddRoute } from './router.ts'
import { object, string } from './schema.ts'
import { listQuery, pageOf, text } from './shapes.ts'

/** Signing keys. */
export function keyRoutes(add: AddRoute, tools: AdminTools): void {
  add('GET', '/keys', 'keys:read', {}, async () => ({ body: await readKeys(tools) }))
  const kid = object({ kid: string({ minLength: 1, maxLength: 100 }) }, {})
  add('POST', '/keys/:kid/compromise', 'keys:write', { params: kid }, async ({ params, waitSeconds }, { actor }) => ({
    body: await revoke(params, actor, tools, waitSeconds),
    headers: appliedWait(waitSeconds),
  }))
  add('POST', '/keys/rotate', 'keys:write', {}, async (_, { actor }) => ({
    body: await rotateSigningKeys(actor, tools),
  }))
}

/** What happened, and who did it. */
export function auditRoutes(add: AddRoute, tools: AdminTools): void {
  const filters = {
    user_id: text,
    client_id: text,
    type: text,
    from: text,
    to: text,
  }
  add('GET', '/audit-events', 'audit:read', { querystring: listQuery(filters) }, async ({ query }) => ({
    body: await readAuditEvents(query, pageOf(query), tools),
  }))
}
