import { type Selectable, sql } from 'kysely'
import type { ResourceDefinition } from '../domain/resource-definition.ts'
import type { Queries } from './database.ts'
import type { ResourcesTable } from './schema.ts'

/** An API as administrators see it. */
export interface ResourceRecord {
  readonly resource: ResourceDefinition
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** Stores a new API. Undefined: the identifier is taken. */
export async function insertResource(tx: Queries, resource: ResourceDefinition): Promise<ResourceRecord | undefined> {
  const row = await tx.kysely
    .insertInto('resources')
    .values({ identifier: resource.identifier, ...toRow(resource) })
    .onConflict((conflict) => conflict.column('identifier').doNothing())
    .returningAll()
    .executeTakeFirst()
  return row && fromRow(row)
}

export async function findResource(db: Queries, identifier: string): Promise<ResourceRecord | undefined> {
  const row = await db.kysely
    .selectFrom('resources')
    .selectAll()
    .where('identifier', '=', identifier)
    .executeTakeFirst()
  return row && fromRow(row)
}

export async function lockResource(tx: Queries, identifier: string): Promise<ResourceRecord | undefined> {
  const row = await tx.kysely
    .selectFrom('resources')
    .selectAll()
    .where('identifier', '=', identifier)
    .forUpdate()
    .executeTakeFirst()
  return row && fromRow(row)
}

export async function updateResource(tx: Queries, resource: ResourceDefinition): Promise<ResourceRecord> {
  const row = await tx.kysely
    .updateTable('resources')
    .set({ ...toRow(resource), updated_at: sql<Date>`clock_now()` })
    .where('identifier', '=', resource.identifier)
    .returningAll()
    .executeTakeFirstOrThrow()
  return fromRow(row)
}

export async function deleteResource(tx: Queries, identifier: string): Promise<void> {
  await tx.kysely.deleteFrom('resources').where('identifier', '=', identifier).execute()
}

/** APIs in the order of their identifiers, beginning after `after`. */
export async function listResources(
  db: Queries,
  { after, limit }: { after?: string; limit: number },
): Promise<ResourceRecord[]> {
  let query = db.kysely.selectFrom('resources').selectAll().orderBy('identifier').limit(limit)
  if (after !== undefined) query = query.where('identifier', '>', after)
  return (await query.execute()).map(fromRow)
}

const toRow = (resource: ResourceDefinition) => ({
  name: resource.name ?? null,
  scopes: [...resource.scopes],
  access_token_ttl_seconds: resource.accessTokenTtlSeconds ?? null,
  signing_alg: resource.signingAlg,
})

function fromRow(row: Selectable<ResourcesTable>): ResourceRecord {
  return {
    resource: {
      identifier: row.identifier,
      ...(row.name === null ? {} : { name: row.name }),
      scopes: row.scopes,
      ...(row.access_token_ttl_seconds === null ? {} : { accessTokenTtlSeconds: row.access_token_ttl_seconds }),
      signingAlg: row.signing_alg,
    },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
