import { sha256 } from '../crypto/hash.ts'
import type { Actor } from '../domain/ending.ts'
import type { Document } from '../domain/field.ts'
import { insertAuditEvent } from '../store/audit.ts'
import { lockClientRecord } from '../store/client-records.ts'
import { expireSecrets, listCurrentSecretHashes } from '../store/client-secrets.ts'
import type { Queries } from '../store/database.ts'
import { issueSecret } from './clients.ts'
import { instant } from './document.ts'
import { notFound, Problem } from './problem.ts'
import type { AdminTools } from './tools.ts'

/** How long the secrets before a new one still work unless the caller says otherwise: time enough to roll out a client. */
export const defaultOverlapSeconds = 86_400

/** A new secret for a client; the ones before it work for `overlapSeconds` more, with 0 they end at once. @throws {Problem} */
export function rotateSecret(
  clientId: string,
  request: { secret?: string; overlapSeconds?: number },
  actor: Actor,
  tools: AdminTools,
): Promise<Document> {
  return tools.db.transaction((tx) => rotateSecretIn(tx, clientId, request, actor))
}

/** The same inside a transaction. */
export async function rotateSecretIn(
  tx: Queries,
  clientId: string,
  { secret, overlapSeconds = defaultOverlapSeconds }: { secret?: string; overlapSeconds?: number },
  actor: Actor,
): Promise<Document> {
  const client = await lockClientRecord(tx, clientId)
  if (!client) throw notFound('client')
  if (client.metadata.token_endpoint_auth_method === 'none')
    throw new Problem('conflict', 'A client without authentication has no secret')
  const previousUntil = await expireSecrets(tx, client.id, overlapSeconds)
  const issued = await issueSecret(tx, client.id, secret)
  const about = { targetKind: 'client', targetId: clientId, clientId }
  await insertAuditEvent(tx, { type: 'client.secret_rotated', actor, ...about, detail: { overlapSeconds } })
  return { client_id: clientId, ...issued, previous_secrets_expire_at: instant(previousUntil ?? null) }
}

/** Sees to it that this secret is one that works and stays; true when something had to be changed. */
export async function ensureSecretIn(
  tx: Queries,
  clientId: string,
  request: { secret: string; overlapSeconds?: number },
  actor: Actor,
): Promise<boolean> {
  const client = await lockClientRecord(tx, clientId)
  const hash = sha256(request.secret)
  if (client && (await listCurrentSecretHashes(tx, client.id)).some((known) => known.equals(hash))) return false
  await rotateSecretIn(tx, clientId, request, actor)
  return true
}
