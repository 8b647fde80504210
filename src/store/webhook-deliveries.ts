import type { AuditRecord } from './audit-records.ts'
import type { Queries, Statement } from './database.ts'

/*
 * A webhook's place in the trail moves in the statement that queues what lies before it, so each event is queued once, however many instances try.
 * Seals are made one after the other: below the newest there is no event that is still to come.
 */
const queue: Statement = {
  name: 'queue_webhook_deliveries',
  text: `
with due as materialized (
  select w.id, w.events, w.seal, least(w.seal + $1::bigint, newest.n) as upto
  from webhooks w cross join (select coalesce(max(n), 0) as n from audit_seals) newest
  where w.disabled_at is null and w.seal < newest.n
  order by w.id for update of w skip locked
), queued as (
  insert into webhook_deliveries (webhook, event_id, event_at, type)
  select due.id, a.id, a.at, a.type from due join audit_events a on a.seal > due.seal and a.seal <= due.upto
  where exists (select from unnest(due.events) as e where e = '*' or e = a.type or (e like '%.*' and starts_with(a.type, left(e, -1))))
  on conflict do nothing
  returning 1
), moved as (
  update webhooks w set seal = due.upto from due where w.id = due.id
)
select (select count(*) from queued)::int as queued, coalesce((select bool_or(upto < (select max(n) from audit_seals)) from due), false) as more`,
}

/** Queues what was sealed since the last time, for every webhook that hears of it; at most `seals` at once. */
export async function queueDeliveries(db: Queries, seals: number): Promise<{ queued: number; more: boolean }> {
  const [row] = await db.run<{ queued: number; more: boolean }>(queue, [seals])
  return row ?? { queued: 0, more: false }
}

const due: Statement = {
  name: 'list_due_webhooks',
  text: `
select w.id from webhooks w where w.disabled_at is null
  and exists (select from webhook_deliveries d where d.webhook = w.id and d.state = 'pending' and d.next_at <= clock_now())`,
}

/** The webhooks that something is due for. */
export async function listDueWebhooks(db: Queries): Promise<string[]> {
  return (await db.run<{ id: string }>(due, [])).map(({ id }) => id)
}

/** An event on its way; undefined when retention or an erasure took it meanwhile. */
export interface Delivery {
  readonly webhook: string
  readonly eventId: string
  readonly attempts: number
  readonly url: string
  readonly secret: Buffer
  /** Of the attempt, in seconds: the receiver compares it with a clock of its own. */
  readonly sentAt: number
  readonly event: AuditRecord | undefined
}

const leaseSeconds = 60 // longer than a request may take

const claim: Statement = {
  name: 'claim_webhook_deliveries',
  text: `
with due as materialized (
  select d.webhook, d.event_id from webhook_deliveries d join webhooks w on w.id = d.webhook
  where d.webhook = $1::uuid and d.state = 'pending' and d.next_at <= clock_now() and w.disabled_at is null
  order by d.next_at limit $2::int for update of d skip locked
), claimed as (
  update webhook_deliveries d set attempts = d.attempts + 1, next_at = clock_now() + make_interval(secs => ${leaseSeconds})
  from due where d.webhook = due.webhook and d.event_id = due.event_id
  returning d.webhook, d.event_id, d.event_at, d.attempts
)
select c.webhook, c.event_id as "eventId", c.attempts, w.url, w.secret, extract(epoch from clock_now())::bigint as "sentAt", a.id as "id", a.at, a.type, a.outcome, a.actor, a.target_kind as "targetKind",
  a.target_id as "targetId", a.user_id as "userId", a.client_id as "clientId", a.reason, a.position, a.ip, a.request_id as "requestId", a.detail
from claimed c join webhooks w on w.id = c.webhook left join audit_events a on a.id = c.event_id and a.at = c.event_at`,
}

/** Takes what is due for a webhook, for a minute: whoever dies with it has only delayed it. */
export async function claimDeliveries(db: Queries, webhookId: string, limit: number): Promise<Delivery[]> {
  const rows = await db.run<Omit<Delivery, 'event'> & AuditRecord>(claim, [webhookId, limit])
  return rows.map(({ webhook, eventId, attempts, url, secret, sentAt, ...event }) => ({
    webhook,
    eventId,
    attempts,
    url,
    secret,
    sentAt,
    event: event.id ? event : undefined,
  }))
}

/** What came of an attempt. A new one comes after `retryAfterSeconds`; without that none does. */
export interface Settlement {
  readonly isDelivered: boolean
  readonly status?: number
  readonly error?: string
  readonly retryAfterSeconds?: number
}

// Only by whoever has the attempt: one that took longer than its lease says nothing about the next.
const settle: Statement = {
  name: 'settle_webhook_delivery',
  text: `
update webhook_deliveries set
  state = case when $4::boolean then 'delivered' when $7::double precision is null then 'failed' else 'pending' end,
  last_status = $5::int, last_error = $6::text,
  next_at = clock_now() + make_interval(secs => coalesce($7::double precision, 0)),
  settled_at = case when $4::boolean or $7::double precision is null then clock_now() end
where webhook = $1::uuid and event_id = $2::uuid and attempts = $3::int and state = 'pending'`,
}

export async function settleDelivery(db: Queries, delivery: Delivery, settlement: Settlement): Promise<void> {
  const { isDelivered, status, error, retryAfterSeconds } = settlement
  const { webhook, eventId, attempts } = delivery
  await db.run(settle, [
    webhook,
    eventId,
    attempts,
    isDelivered,
    status ?? null,
    error ?? null,
    retryAfterSeconds ?? null,
  ])
}

/** A delivery as administrators see it. */
export interface DeliveryRecord {
  readonly eventId: string
  readonly type: string
  readonly state: 'pending' | 'delivered' | 'failed'
  readonly attempts: number
  readonly nextAt: Date
  readonly lastStatus: number | null
  readonly lastError: string | null
  readonly settledAt: Date | null
  readonly createdAt: Date
}

const columns = `event_id as "eventId", type, state, attempts, next_at as "nextAt", last_status as "lastStatus", last_error as "lastError",
  settled_at as "settledAt", created_at as "createdAt"`

const page: Statement = {
  name: 'list_webhook_deliveries',
  text: `
select ${columns} from webhook_deliveries
where webhook = $1::uuid and ($2::text is null or state = $2::text) and ($3::uuid is null or event_id < $3::uuid)
order by event_id desc limit $4::int`,
}

/** Deliveries of a webhook, the newest events first. */
export function listDeliveries(
  db: Queries,
  request: { webhook: string; state?: string; after?: string; limit: number },
): Promise<DeliveryRecord[]> {
  return db.run<DeliveryRecord>(page, [request.webhook, request.state ?? null, request.after ?? null, request.limit])
}

const retry: Statement = {
  name: 'retry_webhook_delivery',
  text: `
update webhook_deliveries set state = 'pending', attempts = 0, next_at = clock_now(), settled_at = null
where webhook = $1::uuid and event_id = $2::uuid returning ${columns}`,
}

/** Begins a delivery anew. Undefined: there is none. */
export async function retryDelivery(
  db: Queries,
  webhook: string,
  eventId: string,
): Promise<DeliveryRecord | undefined> {
  const [row] = await db.run<DeliveryRecord>(retry, [webhook, eventId])
  return row
}
