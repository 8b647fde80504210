import type { Actor, Ended, Ending } from '../domain/ending.ts'
import { compromiseKey } from '../protocol/keys/compromise.ts'
import { findClientRecord } from '../store/client-records.ts'
import { end } from '../store/end.ts'
import { countEnding } from '../store/ending-preview.ts'
import { findGrantRecord } from '../store/grant-records.ts'
import { readNotBefore } from '../store/not-before.ts'
import { findSessionRecord } from '../store/session-records.ts'
import { listSigningKeys } from '../store/signing-keys.ts'
import { findUserRecord } from '../store/user-records.ts'
import { isId } from './document.ts'
import { deadlinesOf, type Receipt, receiptOf } from './enforcement.ts'
import { badField, notFound, Problem } from './problem.ts'
import type { AdminTools } from './tools.ts'

/** What to end: exactly one target, where a user and a client together are one. */
export interface RevocationRequest {
  readonly session_id?: string
  readonly grant_id?: string
  readonly user_id?: string
  readonly client_id?: string
  readonly jti?: string
  readonly kid?: string
  readonly all?: true
  /** For the audit event. */
  readonly reason?: string
  readonly dry_run?: boolean
}

export interface Revocation extends Partial<Receipt> {
  /** Position in the feed: what was created before it is dead. */
  readonly position: number
  /** RFC 3339: from then on no verifier accepts a token of it, whatever has failed meanwhile. */
  readonly bound: string
  /** RFC 3339: by then every token of it has expired, also for services that do not read the feed. */
  readonly expired_by: string
  /** Null for a client and for all, whose rows are not touched. */
  readonly ended: { readonly sessions: number; readonly grants: number } | null
  readonly dry_run?: true
}

/** Whether the target is one that only scope `admin` may end. */
export const needsAdmin = ({ all, kid }: { readonly all?: unknown; readonly kid?: unknown }): boolean =>
  all === true || kid !== undefined

/**
 * Ends what the request names. What ended before is answered with zeros and the position of now; a dry run with what would end.
 * @throws {Problem} invalid_request without exactly one target, not_found for one that never was
 */
export async function revoke(
  request: RevocationRequest,
  actor: Actor,
  tools: AdminTools,
  waitSeconds?: number,
): Promise<Revocation> {
  const ending = await targetOf(request, tools)
  if (request.dry_run === true) {
    const ended = await countEnding(tools.db, ending)
    return { ...(await answer(ended, undefined, tools)), dry_run: true }
  }
  const note = request.reason === undefined ? {} : { note: request.reason }
  const context = { reason: 'admin', actor, feedKey: tools.feedKey, ...note } as const
  // A key needs a successor in the same transaction.
  const ended =
    ending.target === 'kid' ? await compromiseKey(ending.kid, context, tools) : await end(tools.db, ending, context)
  const answered = await answer(countsOf(ended), ended?.position, tools)
  return { ...answered, ...(await receiptOf(answered.position, tools, waitSeconds)) }
}

function countsOf(ended: Ended | undefined): Revocation['ended'] {
  if (!ended) return { sessions: 0, grants: 0 }
  const { sessions, grants } = ended
  return sessions === null || grants === null ? null : { sessions, grants }
}

async function answer(
  ended: Revocation['ended'],
  position: number | undefined,
  tools: AdminTools,
): Promise<Revocation> {
  const latest = position ?? (await readNotBefore(tools.db, false)).position
  const deadlines = await deadlinesOf(tools)
  return { position: latest, ...deadlines, ended }
}

async function targetOf(request: RevocationRequest, tools: AdminTools): Promise<Ending> {
  const { session_id: sid, grant_id: gid, user_id: userId, client_id: clientId, jti, kid, all } = request
  const targets = [sid, gid, userId ?? clientId, jti, kid, all].filter((target) => target !== undefined)
  if (targets.length !== 1)
    throw new Problem(
      'invalid_request',
      'Name exactly one of session_id, grant_id, user_id, client_id, user_id with client_id, jti, kid, all',
    )
  if (kid !== undefined) return { target: 'kid', kid: await knownKey(kid, tools) }
  if (jti !== undefined) return { target: 'jti', id: requireId('jti', jti) }
  if (sid !== undefined) return { target: 'session', id: await known('session', sid, findSessionRecord, tools) }
  if (gid !== undefined) return { target: 'grant', id: await known('grant', gid, findGrantRecord, tools) }
  if (userId !== undefined) await known('user', userId, findUserRecord, tools)
  const client = clientId === undefined ? undefined : await findClientRecord(tools.db, clientId)
  if (clientId !== undefined && !client) throw notFound('client')
  if (userId !== undefined && client)
    return { target: 'user_client', userId, client: client.id, clientId: client.clientId }
  if (userId !== undefined) return { target: 'user', id: userId }
  if (client) return { target: 'client', id: client.id, clientId: client.clientId }
  return { target: 'all' }
}

type Find = (db: AdminTools['db'], id: string) => Promise<object | undefined>

async function known(what: string, id: string, find: Find, tools: AdminTools): Promise<string> {
  if (!isId(id) || !(await find(tools.db, id))) throw notFound(what)
  return id
}

async function knownKey(kid: string, { db, keyPolicy }: AdminTools): Promise<string> {
  const keys = await listSigningKeys(db, keyPolicy.rotationSeconds)
  if (!keys.some((key) => key.kid === kid)) throw notFound('key')
  return kid
}

function requireId(name: string, value: string): string {
  if (!isId(value)) throw badField({ path: [name], detail: 'must be the jti of an access token of this server' })
  return value
}
