import { signWebhook } from '../crypto/webhook-signature.ts'
import {
  claimDeliveries,
  type Delivery,
  listDueWebhooks,
  queueDeliveries,
  type Settlement,
  settleDelivery,
} from '../store/webhook-deliveries.ts'
import { showEvent } from './audit-events.ts'
import type { AdminTools } from './tools.ts'
import { secretContext } from './webhooks.ts'

type SendingTools = Pick<AdminTools, 'db' | 'seal' | 'post'>

/** Pauses before the attempts after the first, in seconds: about a day in all. A receiver that is down over a night loses nothing. */
const pauses = [5, 30, 120, 600, ...Array<number>(24).fill(3600)]
const sealsAtOnce = 50
const sentAtOnce = 20

/**
 * Queues what was sealed and sends what is due; answers how many requests were made. Any number of instances may do so at once. No transaction is open
 * while a request is under way; whoever dies between a request and its settlement has it sent twice, under the same `webhook-id`.
 */
export async function sendWebhooks(tools: SendingTools, signal?: AbortSignal): Promise<number> {
  while ((await queueDeliveries(tools.db, sealsAtOnce)).more) if (signal?.aborted) return 0
  const webhooks = await listDueWebhooks(tools.db)
  const counts = await Promise.all(webhooks.map((id) => sendTo(id, tools, signal)))
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Sends all that is due for one webhook, or until it fails: a receiver that is down keeps nobody else waiting for long. */
async function sendTo(webhook: string, tools: SendingTools, signal?: AbortSignal): Promise<number> {
  for (let sent = 0; ; ) {
    const deliveries = await claimDeliveries(tools.db, webhook, sentAtOnce)
    const settlements = await Promise.all(deliveries.map((delivery) => deliver(delivery, tools)))
    sent += deliveries.length
    const goesOn = deliveries.length === sentAtOnce && settlements.every(({ isDelivered }) => isDelivered)
    if (!goesOn || signal?.aborted) return sent
  }
}

async function deliver(delivery: Delivery, tools: SendingTools): Promise<Settlement> {
  const settlement = await send(delivery, tools)
  await settleDelivery(tools.db, delivery, settlement)
  return settlement
}

/** One attempt (Standard Webhooks 1.0). */
async function send(
  { url, secret, sentAt, attempts, event }: Delivery,
  { seal, post }: SendingTools,
): Promise<Settlement> {
  if (!event) return { isDelivered: false, error: 'event_gone' }
  const body = JSON.stringify({ type: event.type, timestamp: event.at.toISOString(), data: showEvent(event) })
  const key = seal.open(secret, secretContext).toString()
  const outcome = await post({
    url,
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'Falconer-Webhooks',
      'webhook-id': event.id,
      'webhook-timestamp': String(sentAt),
      'webhook-signature': signWebhook(key, { id: event.id, seconds: sentAt, body }),
    },
  })
  if ('status' in outcome && outcome.status >= 200 && outcome.status < 300)
    return { isDelivered: true, status: outcome.status }
  const pause = pauses[attempts - 1]
  return {
    isDelivered: false,
    ...outcome,
    ...(pause === undefined ? {} : { retryAfterSeconds: pause * (1 + Math.random() / 10) }),
  }
}
