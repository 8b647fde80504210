import type { Client } from '../../domain/client.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import { parseUuid } from '../../domain/uuid.ts'
import { readJwt } from '../tokens/verify.ts'
import type { Tools } from '../tools.ts'

/** What an ID token that we issued says: whose it is, for which client, in which session. */
export interface IdTokenHint {
  readonly userId: string
  readonly clientId: string
  readonly sessionId?: string
}

/** Reads an ID token of ours by its signature. An expired one still says who it was for (OpenID Connect RP-Initiated Logout 1.0 §4). */
export async function openIdTokenHint(hint: string, tools: Tools): Promise<IdTokenHint | undefined> {
  const verified = await readJwt(hint, 'JWT', tools)
  const { sub, aud, sid } = (verified?.claims ?? {}) as { sub?: string; aud?: unknown; sid?: string }
  const userId = parseUuid(sub)
  const sessionId = parseUuid(sid)
  if (userId === undefined || typeof aud !== 'string') return undefined
  return { userId, clientId: aud, ...(sessionId ? { sessionId } : {}) }
}

/** The user that the id_token_hint of an authorization request names. @throws {OAuthError} invalid_request when it is not ours or another client's */
export async function readIdTokenHint(
  hint: string | undefined,
  client: Client,
  tools: Tools,
): Promise<string | undefined> {
  if (hint === undefined) return undefined
  const opened = await openIdTokenHint(hint, tools)
  if (opened?.clientId !== client.clientId)
    throw new OAuthError('invalid_request', 'id_token_hint is not an ID token of this client')
  return opened.userId
}
