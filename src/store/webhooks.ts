import type { Webhook } from '../domain/webhook.ts'
import type { Queries, Statement } from './database.ts'

/** A webhook as administrators see it, with its sealed secret. */
export interface WebhookRecord {
  readonly id: string
  readonly webhook: Webhook
  readonly secret: Buffer
  readonly createdAt: Date
  readonly updatedAt: Date
}

interface Row {
  readonly id: string
  readonly url: string
  readonly events: string[]
  readonly description: string | null
  readonly disabled: boolean
  readonly secret: Buffer
  readonly createdAt: Date
  readonly updatedAt: Date
}

const columns = `id, url, events, description, disabled_at is not null as disabled, secret, created_at as "createdAt", updated_at as "updatedAt"`
const newestSeal = '(select coalesce(max(n), 0) from audit_seals)'

// It hears of what is sealed from now on: what happened a moment ago is still to be sealed, and comes too.
const insert: Statement = {
  name: 'insert_webhook',
  text: `
insert into webhooks (url, events, description, disabled_at, secret, seal)
values ($1::text, $2::text[], $3::text, case when $4::boolean then clock_now() end, $5::bytea, ${newestSeal}) returning ${columns}`,
}

export async function insertWebhook(tx: Queries, webhook: Webhook, secret: Buffer): Promise<WebhookRecord> {
  const [row] = await tx.run<Row>(insert, [...valuesOf(webhook), secret])
  if (!row) throw new Error('a webhook was not inserted')
  return recordFrom(row)
}

const find: Statement = { name: 'read_webhook', text: `select ${columns} from webhooks where id = $1::uuid` }
const lock: Statement = { name: 'lock_webhook', text: `${find.text} for update` }

export async function findWebhook(db: Queries, id: string): Promise<WebhookRecord | undefined> {
  const [row] = await db.run<Row>(find, [id])
  return row && recordFrom(row)
}

export async function lockWebhook(tx: Queries, id: string): Promise<WebhookRecord | undefined> {
  const [row] = await tx.run<Row>(lock, [id])
  return row && recordFrom(row)
}

// One that was disabled is not told of the time in between.
const update: Statement = {
  name: 'update_webhook',
  text: `
update webhooks set url = $1::text, events = $2::text[], description = $3::text, secret = $5::bytea, updated_at = clock_now(),
  disabled_at = case when $4::boolean then coalesce(disabled_at, clock_now()) end,
  seal = case when disabled_at is not null and not $4::boolean then ${newestSeal} else seal end
where id = $6::uuid returning ${columns}`,
}

export async function updateWebhook(
  tx: Queries,
  { id, webhook, secret }: Omit<WebhookRecord, 'createdAt' | 'updatedAt'>,
) {
  const [row] = await tx.run<Row>(update, [...valuesOf(webhook), secret, id])
  if (!row) throw new Error('a locked webhook was not there')
  return recordFrom(row)
}

const remove: Statement = { name: 'delete_webhook', text: 'delete from webhooks where id = $1::uuid' }

export async function deleteWebhook(tx: Queries, id: string): Promise<void> {
  await tx.run(remove, [id])
}

const page: Statement = {
  name: 'list_webhooks',
  text: `select ${columns} from webhooks where $1::uuid is null or id > $1::uuid order by id limit $2::int`,
}

/** Webhooks in the order in which they were made, after `after`. */
export async function listWebhooks(db: Queries, request: { after?: string; limit: number }): Promise<WebhookRecord[]> {
  return (await db.run<Row>(page, [request.after ?? null, request.limit])).map(recordFrom)
}

const valuesOf = ({ url, events, description, disabled }: Webhook) => [url, events, description ?? null, disabled]

function recordFrom({ id, secret, createdAt, updatedAt, description, ...row }: Row): WebhookRecord {
  const { url, events, disabled } = row
  const webhook = { url, events, ...(description === null ? {} : { description }), disabled }
  return { id, webhook, secret, createdAt, updatedAt }
}
