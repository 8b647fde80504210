import { sha256 } from '../crypto/hash.ts'
import { createOpaqueToken, randomSecret } from '../crypto/opaque-token.ts'
import { type ClientMetadata, clientIdField, clientSecretField, readClientMetadata } from '../domain/client-metadata.ts'
import type { Actor, Ending } from '../domain/ending.ts'
import { type Document, withoutNulls } from '../domain/field.ts'
import { insertAuditEvent } from '../store/audit.ts'
import {
  type ClientRecord,
  deleteClient,
  findClientRecord,
  insertClient,
  listClients,
  lockClientRecord,
  updateClient,
} from '../store/client-records.ts'
import { deleteSecrets, insertClientSecret } from '../store/client-secrets.ts'
import type { Queries } from '../store/database.ts'
import { endIn, raiseFloor } from '../store/end.ts'
import { readLongestLifetimes } from '../store/policy.ts'
import { findResource } from '../store/resource-records.ts'
import { changedMembers, changesBetween, requireVersion } from './document.ts'
import { type Page, type PageRequest, readPage } from './page.ts'
import { badField, notFound, Problem } from './problem.ts'
import type { AdminTools } from './tools.ts'

/** A new client. A secret is in the answer and never again. @throws {Problem} */
export function registerClient(given: Document, actor: Actor, tools: AdminTools): Promise<Document> {
  return tools.db.transaction((tx) => registerClientIn(tx, given, actor))
}

/** The same inside a transaction. */
export async function registerClientIn(tx: Queries, given: Document, actor: Actor): Promise<Document> {
  const { client_id: id = `client-${randomSecret(12)}`, client_secret: secret, ...rest } = withoutNulls(given)
  const clientId = checked('client_id', clientIdField, id)
  const metadata = readMetadata(rest)
  await requireDefaultResource(tx, metadata)
  await requireShorterLifetimes(tx, {}, metadata)
  const record = await insertClient(tx, clientId, metadata)
  if (!record) throw new Problem('conflict', 'client_id is taken', ['client_id'])
  const isPublic = metadata.token_endpoint_auth_method === 'none'
  if (isPublic && secret !== undefined)
    throw badField({ path: ['client_secret'], detail: 'must not be given for a client without authentication' })
  const issued = isPublic ? {} : await issueSecret(tx, record.id, secret)
  await insertAuditEvent(tx, { type: 'client.created', actor, ...target(clientId), detail: { metadata } })
  return { ...showClient(record), ...issued }
}

/** Gives a client a secret, the one that was chosen or a new one; only its hash is kept. */
export async function issueSecret(tx: Queries, client: string, chosen?: unknown): Promise<Document> {
  const secret = chosen === undefined ? createOpaqueToken('cs') : checked('client_secret', clientSecretField, chosen)
  await insertClientSecret(tx, client, sha256(secret))
  return { client_secret: secret, client_secret_expires_at: 0 }
}

export type ClientDocument = ReturnType<typeof showClient>

export async function readClient(clientId: string, tools: AdminTools): Promise<ClientDocument> {
  const record = await findClientRecord(tools.db, clientId)
  if (!record) throw notFound('client')
  return showClient(record)
}

/** What a client may ask for. Undefined: there is none. */
export const readScopeOf = async (clientId: string, { db }: AdminTools): Promise<string | undefined> =>
  (await findClientRecord(db, clientId))?.metadata.scope

export function readClients(request: PageRequest, tools: AdminTools): Promise<Page<ClientDocument>> {
  return readPage('clients', request, tools, {
    read: (limit, after) => listClients(tools.db, { limit, ...(after?.[0] === undefined ? {} : { after: after[0] }) }),
    positionOf: (record) => [record.id],
    show: showClient,
  })
}

/** Changes the members that the patch names; null takes one back to its default (RFC 7396). @throws {Problem} */
export async function changeClient(
  clientId: string,
  patch: Document,
  actor: Actor,
  tools: AdminTools,
  ifMatch?: string,
): Promise<Document> {
  const { document, endings } = await tools.db.transaction((tx) =>
    changeClientIn(tx, clientId, patch, actor, tools, ifMatch),
  )
  for (const ending of endings) await raiseFloor(tools.db, ending)
  return document
}

/** The same inside a transaction; after its COMMIT the caller runs `raiseFloor` for each of the endings. */
export async function changeClientIn(
  tx: Queries,
  clientId: string,
  patch: Document,
  actor: Actor,
  tools: AdminTools,
  ifMatch?: string,
): Promise<{ document: Document; isChanged: boolean; endings: readonly Ending[] }> {
  const before = await lockClientRecord(tx, clientId)
  if (!before) throw notFound('client')
  requireVersion(showClient(before), ifMatch)
  const metadata = patchedMetadata(before.metadata, patch)
  if (changedMembers(before.metadata, metadata).length === 0)
    return { document: showClient(before), isChanged: false, endings: [] }
  await requireDefaultResource(tx, metadata)
  await requireShorterLifetimes(tx, before.metadata, metadata)
  const after = await updateClient(tx, before.id, metadata)
  const issued = await followAuthMethod(tx, before, after)
  const changes = changesBetween(before.metadata, metadata)
  await insertAuditEvent(tx, { type: 'client.updated', actor, ...target(clientId), detail: { changes } })
  const document = { ...showClient(after), ...issued }
  if (before.metadata.disabled || !metadata.disabled) return { document, isChanged: true, endings: [] }
  const ending: Ending = { target: 'client', id: before.id, clientId }
  await endIn(tx, ending, { reason: 'disabled', actor, feedKey: tools.feedKey })
  return { document, isChanged: true, endings: [ending] }
}

/** What a client is after a patch. @throws {Problem} */
export const patchedMetadata = (before: ClientMetadata, patch: Document): ClientMetadata =>
  readMetadata({ ...withoutImplied(before, patch), ...patch })

/** Ends everything of the client and deletes it. A client that is not there is no error. */
export async function removeClient(clientId: string, actor: Actor, tools: AdminTools): Promise<void> {
  await tools.db.transaction((tx) => removeClientIn(tx, clientId, actor, tools))
}

/** The same inside a transaction. */
export async function removeClientIn(tx: Queries, clientId: string, actor: Actor, tools: AdminTools): Promise<void> {
  const record = await lockClientRecord(tx, clientId)
  if (!record) return
  await insertAuditEvent(tx, { type: 'client.deleted', actor, ...target(clientId) })
  const ending: Ending = { target: 'client', id: record.id, clientId }
  await endIn(tx, ending, { reason: 'deleted', actor, feedKey: tools.feedKey })
  await deleteClient(tx, record.id)
}

/** One of the two follows from the other; a patch that names one only is not held to what followed from it before. */
function withoutImplied(stored: ClientMetadata, patch: Document): Document {
  const { refresh_grace_seconds: grace, single_flight: singleFlight, ...rest } = stored
  return {
    ...rest,
    ...(grace !== undefined && !('single_flight' in patch) && { refresh_grace_seconds: grace }),
    ...(singleFlight !== undefined && !('refresh_grace_seconds' in patch) && { single_flight: singleFlight }),
  }
}

/** A client that begins to authenticate needs a secret; one that stops must not keep any. */
async function followAuthMethod(tx: Queries, before: ClientRecord, after: ClientRecord): Promise<Document> {
  const wasPublic = before.metadata.token_endpoint_auth_method === 'none'
  const isPublic = after.metadata.token_endpoint_auth_method === 'none'
  if (isPublic && !wasPublic) await deleteSecrets(tx, after.id)
  return wasPublic && !isPublic ? issueSecret(tx, after.id) : {}
}

function readMetadata(given: Document): ClientMetadata {
  const result = readClientMetadata(given)
  if ('problem' in result) throw badField(result.problem)
  return result.metadata
}

async function requireDefaultResource(tx: Queries, { default_resource: identifier }: ClientMetadata): Promise<void> {
  if (identifier !== undefined && !(await findResource(tx, identifier)))
    throw badField({ path: ['default_resource'], detail: 'must be the identifier of a registered resource' })
}

/** A longer time than the server's would be a promise that nobody keeps. What was stored before the server became stricter may stay. */
async function requireShorterLifetimes(tx: Queries, before: Document, after: ClientMetadata): Promise<void> {
  for (const [member, longest] of Object.entries(await readLongestLifetimes(tx))) {
    const wanted = after[member]
    if (typeof wanted === 'number' && wanted > longest && wanted !== before[member])
      throw badField({ path: [member], detail: `must not exceed the server's own limit of ${longest} seconds` })
  }
}

function checked(name: string, field: typeof clientIdField, value: unknown): string {
  const problem = field.check(value)
  if (problem) throw badField({ path: [name], detail: problem.detail })
  return String(value)
}

const target = (clientId: string) => ({ targetKind: 'client', targetId: clientId, clientId })

/** The document of RFC 7591 §3.2.1, without secrets. */
const showClient = ({ clientId, metadata, createdAt, updatedAt }: ClientRecord) => ({
  client_id: clientId,
  client_id_issued_at: Math.floor(createdAt.getTime() / 1000),
  ...metadata,
  response_types: metadata.grant_types.includes('authorization_code') ? ['code'] : [],
  created_at: createdAt.toISOString(),
  updated_at: updatedAt.toISOString(),
})
