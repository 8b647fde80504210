import type { Client } from '../domain/client.ts'
import type { Actor } from '../domain/ending.ts'
import { OAuthError } from '../domain/oauth-error.ts'
import { type Parameters, refuseMalformed } from '../domain/parameters.ts'
import type { Session } from '../domain/session.ts'
import { findClient } from '../store/clients.ts'
import { end } from '../store/end.ts'
import { findSession } from '../store/sessions.ts'
import { openIdTokenHint } from './authorize/id-token-hint.ts'
import type { Tools } from './tools.ts'

/** A request to end the session of a browser (OpenID Connect RP-Initiated Logout 1.0 §2). */
export interface LogoutRequest {
  readonly client: Client | undefined
  /** Where to go afterwards; only a registered URI of a client that is known gets here. */
  readonly returnTo: string | undefined
  /** The session that a valid ID token names: its holder need not be asked. */
  readonly sessionId: string | undefined
}

/** Reads it. @throws {OAuthError} invalid_request for a page: a client that the hint does not name, a URI that is not registered */
export async function readLogoutRequest(parameters: Parameters, tools: Tools): Promise<LogoutRequest> {
  refuseMalformed(parameters)
  const hintText = parameters.get('id_token_hint')
  // One that we cannot vouch for counts as none: then the person is asked.
  const hint = hintText === undefined ? undefined : await openIdTokenHint(hintText, tools)
  const clientId = parameters.get('client_id') ?? hint?.clientId
  if (hint && clientId !== hint.clientId)
    throw new OAuthError('invalid_request', 'id_token_hint belongs to another application')
  const client = clientId === undefined ? undefined : await findClient(tools.db, clientId)
  const uri = parameters.get('post_logout_redirect_uri')
  if (uri !== undefined && client && !client.postLogoutRedirectUris.includes(uri))
    throw new OAuthError(
      'invalid_request',
      'post_logout_redirect_uri is not registered for this application',
      'redirect_mismatch',
    )
  return {
    client,
    returnTo: uri !== undefined && client ? withState(uri, parameters.get('state')) : undefined,
    sessionId: hint?.sessionId,
  }
}

/** The live session that a browser's cookie names. */
export async function currentSession(
  cookie: { id: string; secretHash: Buffer },
  tools: Tools,
): Promise<Session | undefined> {
  return findSession(tools.db, cookie)
}

/** Ends a session with everything that hangs on it. Ending it twice is no error. */
export async function logOut(sessionId: string, actor: Actor, tools: Tools): Promise<void> {
  await end(tools.db, { target: 'session', id: sessionId }, { reason: 'logout', actor, feedKey: tools.feedKey })
}

function withState(uri: string, state: string | undefined): string {
  return state === undefined ? uri : `${uri}${uri.includes('?') ? '&' : '?'}${new URLSearchParams({ state })}`
}
