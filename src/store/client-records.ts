import { type Selectable, sql } from 'kysely'
import type { ClientMetadata } from '../domain/client-metadata.ts'
import type { Queries } from './database.ts'
import type { ClientsTable } from './schema.ts'

/** A client as administrators see it. */
export interface ClientRecord {
  /** Internal row id; never leaves the server. */
  readonly id: string
  readonly clientId: string
  readonly metadata: ClientMetadata
  readonly createdAt: Date
  readonly updatedAt: Date
}

const now = sql<Date>`clock_now()`

/** Stores a new client. Undefined: the client id is taken. */
export async function insertClient(
  tx: Queries,
  clientId: string,
  metadata: ClientMetadata,
): Promise<ClientRecord | undefined> {
  const row = await tx.kysely
    .insertInto('clients')
    .values({ ...toRow(metadata), client_id: clientId, disabled_at: metadata.disabled ? now : null })
    .onConflict((conflict) => conflict.column('client_id').doNothing())
    .returningAll()
    .executeTakeFirst()
  return row && fromRow(row)
}

export async function findClientRecord(db: Queries, clientId: string): Promise<ClientRecord | undefined> {
  const row = await db.kysely.selectFrom('clients').selectAll().where('client_id', '=', clientId).executeTakeFirst()
  return row && fromRow(row)
}

/** The client, locked as firmly as its deletion needs, so that no later statement has to ask for more. */
export async function lockClientRecord(tx: Queries, clientId: string): Promise<ClientRecord | undefined> {
  const row = await tx.kysely
    .selectFrom('clients')
    .selectAll()
    .where('client_id', '=', clientId)
    .forUpdate()
    .executeTakeFirst()
  return row && fromRow(row)
}

/** Replaces the metadata of a client that is locked. */
export async function updateClient(tx: Queries, id: string, metadata: ClientMetadata): Promise<ClientRecord> {
  const row = await tx.kysely
    .updateTable('clients')
    .set({ ...toRow(metadata), updated_at: now })
    .set('disabled_at', metadata.disabled ? sql<Date>`coalesce(disabled_at, clock_now())` : null)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  return fromRow(row)
}

/** Deletes a client and its secrets. Its grants are dead without it, and cleanup removes them. */
export async function deleteClient(tx: Queries, id: string): Promise<void> {
  await tx.kysely.deleteFrom('clients').where('id', '=', id).execute()
}

/** Clients in the order of their making, beginning after the row id `after`. */
export async function listClients(
  db: Queries,
  { after, limit }: { after?: string; limit: number },
): Promise<ClientRecord[]> {
  let query = db.kysely.selectFrom('clients').selectAll().orderBy('id').limit(limit)
  if (after !== undefined) query = query.where('id', '>', after)
  return (await query.execute()).map(fromRow)
}

/** Whether some client gets tokens for this resource when it names none. */
export async function isDefaultResource(db: Queries, identifier: string): Promise<boolean> {
  const row = await db.kysely
    .selectFrom('clients')
    .select('id')
    .where(sql`metadata ->> 'default_resource'`, '=', identifier)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** What a statement reads goes into its column, the rest into `metadata`; nothing into both. */
function toRow(metadata: ClientMetadata) {
  const {
    grant_types,
    scope,
    skip_consent,
    disabled: _,
    refresh_token_rotation,
    refresh_grace_seconds,
    lost_response_window_seconds: lost_response_s,
    refresh_counts_as_activity: refresh_is_activity,
    reuse_revokes_session: reuse_ends_session,
    terminate_offline_on_logout: logout_ends_offline,
    session_idle_seconds,
    session_max_seconds,
    offline_idle_seconds,
    offline_max_seconds,
    ...rest
  } = metadata
  return {
    metadata: JSON.stringify(rest),
    grant_types: [...grant_types],
    scopes: scope === '' ? [] : scope.split(' '),
    skip_consent,
    rotates: refresh_token_rotation === 'always',
    grace_s: refresh_grace_seconds ?? null,
    lost_response_s,
    refresh_is_activity,
    reuse_ends_session,
    logout_ends_offline,
    idle_s: session_idle_seconds ?? null,
    max_s: session_max_seconds ?? null,
    offline_idle_s: offline_idle_seconds ?? null,
    offline_max_s: offline_max_seconds ?? null,
  }
}

function fromRow(row: Selectable<ClientsTable>): ClientRecord {
  const metadata = {
    ...row.metadata,
    grant_types: row.grant_types,
    scope: row.scopes.join(' '),
    skip_consent: row.skip_consent,
    disabled: row.disabled_at !== null,
    refresh_token_rotation: row.rotates ? 'always' : 'never',
    ...(row.grace_s === null ? {} : { refresh_grace_seconds: row.grace_s }),
    lost_response_window_seconds: row.lost_response_s,
    refresh_counts_as_activity: row.refresh_is_activity,
    reuse_revokes_session: row.reuse_ends_session,
    terminate_offline_on_logout: row.logout_ends_offline,
    ...(row.idle_s === null ? {} : { session_idle_seconds: row.idle_s }),
    ...(row.max_s === null ? {} : { session_max_seconds: row.max_s }),
    ...(row.offline_idle_s === null ? {} : { offline_idle_seconds: row.offline_idle_s }),
    ...(row.offline_max_s === null ? {} : { offline_max_seconds: row.offline_max_s }),
  }
  return {
    id: row.id,
    clientId: row.client_id,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- toRow wrote it
    metadata: metadata as unknown as ClientMetadata,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
