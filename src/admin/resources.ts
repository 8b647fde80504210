import type { Actor } from '../domain/ending.ts'
import type { Document } from '../domain/field.ts'
import { type ResourceDefinition, readResourceDefinition } from '../domain/resource-definition.ts'
import { adminAudience } from '../protocol/tools.ts'
import { insertAuditEvent } from '../store/audit.ts'
import { isDefaultResource } from '../store/client-records.ts'
import type { Queries } from '../store/database.ts'
import {
  deleteResource,
  findResource,
  insertResource,
  listResources,
  lockResource,
  type ResourceRecord,
  updateResource,
} from '../store/resource-records.ts'
import { changedMembers, changesBetween, requireVersion } from './document.ts'
import { type Page, type PageRequest, readPage } from './page.ts'
import { badField, notFound, Problem } from './problem.ts'
import type { AdminTools } from './tools.ts'

/** A new API. @throws {Problem} */
export function registerResource(given: Document, actor: Actor, tools: AdminTools): Promise<Document> {
  return tools.db.transaction((tx) => registerResourceIn(tx, given, actor, tools))
}

/** The same inside a transaction. */
export async function registerResourceIn(
  tx: Queries,
  given: Document,
  actor: Actor,
  { issuer }: AdminTools,
): Promise<Document> {
  const resource = readDefinition(given)
  if (resource.identifier === issuer || resource.identifier === adminAudience(issuer))
    throw badField({ path: ['identifier'], detail: 'must not be the one of this server itself' })
  const record = await insertResource(tx, resource)
  if (!record) throw new Problem('conflict', 'identifier is taken', ['identifier'])
  await audit(tx, 'resource.created', resource.identifier, actor, { resource: membersOfResource(resource) })
  return showResource(record)
}

export async function readResource(identifier: string, tools: AdminTools): Promise<Document> {
  const record = await findResource(tools.db, identifier)
  if (!record) throw notFound('resource')
  return showResource(record)
}

export function readResources(request: PageRequest, tools: AdminTools): Promise<Page> {
  return readPage('resources', request, tools, {
    read: (limit, after) =>
      listResources(tools.db, { limit, ...(after?.[0] === undefined ? {} : { after: after[0] }) }),
    positionOf: ({ resource }) => [resource.identifier],
    show: showResource,
  })
}

/** Changes the members that the patch names; null takes one back to its default. @throws {Problem} */
export async function changeResource(
  identifier: string,
  patch: Document,
  actor: Actor,
  tools: AdminTools,
  ifMatch?: string,
): Promise<Document> {
  const { document } = await tools.db.transaction((tx) => changeResourceIn(tx, identifier, patch, actor, ifMatch))
  return document
}

/** The same inside a transaction. */
export async function changeResourceIn(
  tx: Queries,
  identifier: string,
  patch: Document,
  actor: Actor,
  ifMatch?: string,
): Promise<{ document: Document; isChanged: boolean }> {
  const before = await lockResource(tx, identifier)
  if (!before) throw notFound('resource')
  requireVersion(showResource(before), ifMatch)
  const resource = patchedDefinition(before.resource, patch)
  const changes = changesBetween(membersOfResource(before.resource), membersOfResource(resource))
  if (changedMembers(membersOfResource(before.resource), membersOfResource(resource)).length === 0)
    return { document: showResource(before), isChanged: false }
  const after = await updateResource(tx, resource)
  await audit(tx, 'resource.updated', identifier, actor, { changes })
  return { document: showResource(after), isChanged: true }
}

/** Deletes an API; tokens for it live to their end. One that is not there is no error. @throws {Problem} conflict */
export async function removeResource(identifier: string, actor: Actor, tools: AdminTools): Promise<void> {
  await tools.db.transaction((tx) => removeResourceIn(tx, identifier, actor))
}

/** The same inside a transaction. */
export async function removeResourceIn(tx: Queries, identifier: string, actor: Actor): Promise<void> {
  if (!(await lockResource(tx, identifier))) return
  if (await isDefaultResource(tx, identifier)) throw new Problem('conflict', 'It is the default_resource of a client')
  await deleteResource(tx, identifier)
  await audit(tx, 'resource.deleted', identifier, actor, {})
}

/** What an API is after a patch. @throws {Problem} */
export const patchedDefinition = (before: ResourceDefinition, patch: Document): ResourceDefinition =>
  readDefinition({ ...membersOfResource(before), ...patch, identifier: before.identifier })

function readDefinition(given: Document): ResourceDefinition {
  const result = readResourceDefinition(given)
  if ('problem' in result) throw badField(result.problem)
  return result.resource
}

const audit = (tx: Queries, type: string, identifier: string, actor: Actor, detail: Document) =>
  insertAuditEvent(tx, { type, actor, targetKind: 'resource', targetId: identifier, detail })

export const membersOfResource = ({
  identifier,
  name,
  scopes,
  accessTokenTtlSeconds,
  signingAlg,
}: ResourceDefinition): Document => ({
  identifier,
  ...(name === undefined ? {} : { name }),
  scopes,
  ...(accessTokenTtlSeconds === undefined ? {} : { access_token_ttl_seconds: accessTokenTtlSeconds }),
  signing_alg: signingAlg,
})

const showResource = ({ resource, createdAt, updatedAt }: ResourceRecord): Document => ({
  ...membersOfResource(resource),
  created_at: createdAt.toISOString(),
  updated_at: updatedAt.toISOString(),
})
