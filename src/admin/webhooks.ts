import { createWebhookSecret } from '../crypto/webhook-signature.ts'
import type { Actor } from '../domain/ending.ts'
import type { Document } from '../domain/field.ts'
import { readWebhook, type Webhook } from '../domain/webhook.ts'
import { insertAuditEvent } from '../store/audit.ts'
import type { Queries } from '../store/database.ts'
import { type DeliveryRecord, listDeliveries, retryDelivery } from '../store/webhook-deliveries.ts'
import {
  deleteWebhook,
  findWebhook,
  insertWebhook,
  listWebhooks,
  lockWebhook,
  updateWebhook,
  type WebhookRecord,
} from '../store/webhooks.ts'
import { changedMembers, changesBetween, instant, isId, requireVersion } from './document.ts'
import { type Page, type PageRequest, readPage } from './page.ts'
import { badField, notFound } from './problem.ts'
import type { AdminTools } from './tools.ts'

/** What a webhook's secret is sealed as. */
export const secretContext = 'webhook-secret'

/** A new webhook; the secret is in this answer and never again. @throws {Problem} */
export function registerWebhook(given: Document, actor: Actor, { db, seal }: AdminTools): Promise<Document> {
  const webhook = readGiven(given)
  const secret = createWebhookSecret()
  return db.transaction(async (tx) => {
    const record = await insertWebhook(tx, webhook, seal.seal(Buffer.from(secret), secretContext))
    await audit(tx, 'webhook.created', record.id, actor, { webhook: membersOf(webhook) })
    return { ...showWebhook(record), secret }
  })
}

export async function readOneWebhook(id: string, tools: AdminTools): Promise<Document> {
  const record = isId(id) ? await findWebhook(tools.db, id) : undefined
  if (!record) throw notFound('webhook')
  return showWebhook(record)
}

export function readWebhooks(request: PageRequest, tools: AdminTools): Promise<Page> {
  return readPage('webhooks', request, tools, {
    read: (limit, after) => listWebhooks(tools.db, { limit, ...(after?.[0] === undefined ? {} : { after: after[0] }) }),
    positionOf: ({ id }) => [id],
    show: showWebhook,
  })
}

/** Changes the members that the patch names; null takes one back to its default. @throws {Problem} */
export function changeWebhook(
  id: string,
  patch: Document,
  actor: Actor,
  { db }: AdminTools,
  ifMatch?: string,
): Promise<Document> {
  return db.transaction(async (tx) => {
    const before = await lock(tx, id)
    requireVersion(showWebhook(before), ifMatch)
    const webhook = readGiven({ ...membersOf(before.webhook), ...patch })
    const [old, wanted] = [membersOf(before.webhook), membersOf(webhook)]
    if (changedMembers(old, wanted).length === 0) return showWebhook(before)
    const after = await updateWebhook(tx, { ...before, webhook })
    await audit(tx, 'webhook.updated', id, actor, { changes: changesBetween(old, wanted) })
    return showWebhook(after)
  })
}

/** A new secret, at once: what was signed with the one before is tried again with this one. @throws {Problem} not_found */
export function rotateWebhookSecret(id: string, actor: Actor, { db, seal }: AdminTools): Promise<Document> {
  const secret = createWebhookSecret()
  return db.transaction(async (tx) => {
    const before = await lock(tx, id)
    await updateWebhook(tx, { ...before, secret: seal.seal(Buffer.from(secret), secretContext) })
    await audit(tx, 'webhook.secret_rotated', id, actor, {})
    return { id, secret }
  })
}

/** Deletes a webhook with its deliveries. One that is not there is no error. */
export async function removeWebhook(id: string, actor: Actor, { db }: AdminTools): Promise<void> {
  if (!isId(id)) return
  await db.transaction(async (tx) => {
    if (!(await lockWebhook(tx, id))) return
    await deleteWebhook(tx, id)
    await audit(tx, 'webhook.deleted', id, actor, {})
  })
}

/** What was sent, and what still is to be. @throws {Problem} not_found */
export async function readDeliveries(
  id: string,
  { state }: { state?: string },
  request: PageRequest,
  tools: AdminTools,
): Promise<Page> {
  if (!isId(id) || !(await findWebhook(tools.db, id))) throw notFound('webhook')
  const filter = { webhook: id, ...(state === undefined ? {} : { state }) }
  return readPage('webhook-deliveries', request, tools, {
    read: (limit, after) =>
      listDeliveries(tools.db, { ...filter, limit, ...(after?.[0] === undefined ? {} : { after: after[0] }) }),
    positionOf: ({ eventId }) => [eventId],
    show: showDelivery,
  })
}

/** Sends an event again, whatever came of it before. @throws {Problem} not_found */
export async function redeliver(id: string, eventId: string, { db }: AdminTools): Promise<Document> {
  const record = isId(id) && isId(eventId) ? await retryDelivery(db, id, eventId) : undefined
  if (!record) throw notFound('delivery')
  return showDelivery(record)
}

async function lock(tx: Queries, id: string): Promise<WebhookRecord> {
  const record = isId(id) ? await lockWebhook(tx, id) : undefined
  if (!record) throw notFound('webhook')
  return record
}

function readGiven(given: Document): Webhook {
  const result = readWebhook(given)
  if ('problem' in result) throw badField(result.problem)
  return result.webhook
}

const audit = (tx: Queries, type: string, id: string, actor: Actor, detail: Document) =>
  insertAuditEvent(tx, { type, actor, targetKind: 'webhook', targetId: id, detail })

const membersOf = ({ url, events, description, disabled }: Webhook): Document => ({
  url,
  events,
  ...(description === undefined ? {} : { description }),
  disabled,
})

const showWebhook = ({ id, webhook, createdAt, updatedAt }: WebhookRecord): Document => ({
  id,
  ...membersOf(webhook),
  created_at: createdAt.toISOString(),
  updated_at: updatedAt.toISOString(),
})

const showDelivery = (delivery: DeliveryRecord): Document => ({
  event_id: delivery.eventId,
  type: delivery.type,
  state: delivery.state,
  attempts: delivery.attempts,
  next_attempt_at: delivery.state === 'pending' ? delivery.nextAt.toISOString() : null,
  last_status: delivery.lastStatus,
  last_error: delivery.lastError,
  settled_at: instant(delivery.settledAt),
  created_at: delivery.createdAt.toISOString(),
})
