import {
  changeWebhook,
  readDeliveries,
  readOneWebhook,
  readWebhooks,
  redeliver,
  registerWebhook,
  removeWebhook,
  rotateWebhookSecret,
} from '../../admin/webhooks.ts'
import { webhookFields } from '../../domain/webhook.ts'
import { newWebhook, page, webhook, webhookDelivery, webhookSecret } from './answers.ts'
import type { AddRoute } from './route.ts'
import { object, string, value } from './schema.ts'
import { documentOf, idParameter, listQuery, pageOf, pageParameters, versioned } from './shapes.ts'

const registration = {
  operation: 'create_webhook',
  summary: 'Registers a webhook: a server that is told of events. The secret is in this answer and never again',
  body: documentOf(webhookFields),
  answer: newWebhook,
  status: 201,
  isOneCommit: true,
} as const
const listing = {
  operation: 'list_webhooks',
  summary: 'Lists the webhooks',
  querystring: listQuery({}),
  answer: page(webhook),
}
const one = { params: idParameter, answer: webhook, isVersioned: true } as const
const reading = { operation: 'get_webhook', summary: 'Reads a webhook', ...one }
const change = {
  operation: 'update_webhook',
  summary: 'Changes members of a webhook',
  body: documentOf(webhookFields),
  ...one,
}
const removal = {
  operation: 'delete_webhook',
  summary: 'Deletes a webhook with its deliveries',
  params: idParameter,
}
const rotation = {
  operation: 'rotate_webhook_secret',
  summary: 'Gives a webhook a new secret, at once',
  params: idParameter,
  answer: webhookSecret,
  status: 201,
  isOneCommit: true,
} as const
const deliveries = {
  operation: 'list_webhook_deliveries',
  summary: 'Lists what a webhook was told, and what it still has to be told, the newest events first',
  params: idParameter,
  querystring: object({}, { ...pageParameters, state: value('pending', 'delivered', 'failed') }),
  answer: page(webhookDelivery),
}
const again = {
  operation: 'retry_webhook_delivery',
  summary: 'Sends an event again',
  params: object({ id: string({ maxLength: 1000 }), event_id: string({ maxLength: 1000 }) }, {}),
  answer: webhookDelivery,
  isOneCommit: true,
} as const

/** Webhooks: who is told of sessions and of security. */
export function webhookRoutes(add: AddRoute): void {
  add('POST', '/webhooks', 'settings:write', registration, async ({ body }, { actor }, tools) => ({
    body: await registerWebhook(body, actor, tools),
  }))
  add('GET', '/webhooks', 'settings:read', listing, async ({ query }, _, tools) => ({
    body: await readWebhooks(pageOf(query), tools),
  }))
  add('GET', '/webhooks/:id', 'settings:read', reading, async ({ params }, _, tools) =>
    versioned(await readOneWebhook(params.id, tools)),
  )
  add('PATCH', '/webhooks/:id', 'settings:write', change, async ({ params, body, ifMatch }, { actor }, tools) =>
    versioned(await changeWebhook(params.id, body, actor, tools, ifMatch)),
  )
  add('DELETE', '/webhooks/:id', 'settings:write', removal, async ({ params }, { actor }, tools) => {
    await removeWebhook(params.id, actor, tools)
    return {}
  })
  add('POST', '/webhooks/:id/secrets', 'settings:write', rotation, async ({ params }, { actor }, tools) => ({
    body: await rotateWebhookSecret(params.id, actor, tools),
  }))
  add('GET', '/webhooks/:id/deliveries', 'settings:read', deliveries, async ({ params, query }, _, tools) => ({
    body: await readDeliveries(params.id, query, pageOf(query), tools),
  }))
  add('POST', '/webhooks/:id/deliveries/:event_id', 'settings:write', again, async ({ params }, _, tools) => ({
    body: await redeliver(params.id, params.event_id, tools),
  }))
}
