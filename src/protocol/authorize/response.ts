import { sha256 } from '../../crypto/hash.ts'
import { createOpaqueToken } from '../../crypto/opaque-token.ts'
import type { Client } from '../../domain/client.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import type { Parameters } from '../../domain/parameters.ts'
import { redirectUriMatches } from '../../domain/redirect-uri.ts'
import type { Session } from '../../domain/session.ts'
import { isWellFormedText } from '../../domain/well-formed.ts'
import { issueCode } from '../../store/authorization-codes.ts'
import { findClient } from '../../store/clients.ts'
import type { Tools } from '../tools.ts'
import type { AuthorizationRequest } from './request.ts'

/** An authorization response on its way to the client (RFC 6749 §4.1.2, RFC 9207). */
export interface AuthorizationResponse {
  readonly redirectUri: string
  readonly responseMode: string
  readonly parameters: Readonly<Record<string, string>>
}

/** Where a response may go: only what was compared with the registered values gets here. */
export interface ProvenTarget {
  readonly client: Client
  readonly redirectUri: string
  readonly responseMode: string
  readonly state?: string
}

const maxStateLength = 2048

/**
 * The line between a page and a redirect: until the client and its redirect_uri are proven, every error is shown to the person, because a
 * redirect would make this server an open redirector (RFC 6749 §4.1.2.1). The client is read as it is now: a removed URI counts at once.
 * @throws {OAuthError} to be shown as a page
 */
export async function proveTarget(parameters: Parameters, tools: Tools): Promise<ProvenTarget> {
  for (const name of ['client_id', 'redirect_uri', 'response_mode', 'state']) {
    if (parameters.repeated.has(name)) throw new OAuthError('invalid_request', `${name} is repeated`)
  }
  const clientId = parameters.required('client_id')
  const client = clientId.length <= 200 && isWellFormedText(clientId) ? await findClient(tools.db, clientId) : undefined
  if (!client || client.isDisabled)
    throw new OAuthError('invalid_request', 'This application is not known here', 'unknown_client')
  const redirectUri = parameters.required('redirect_uri')
  if (!redirectUriMatches(redirectUri, client.redirectUris, client.applicationType))
    throw new OAuthError('invalid_request', 'redirect_uri is not registered for this application', 'redirect_mismatch')
  const state = parameters.get('state')
  // Control characters cannot survive the form of a form_post response (RFC 6749 Appendix A.5 has none in state).
  if (state !== undefined && (state.length > maxStateLength || /\p{Cc}/u.test(state)))
    throw new OAuthError('invalid_request', 'state is too long or holds control characters')
  const responseMode = parameters.get('response_mode') === 'form_post' ? 'form_post' : 'query'
  if (responseMode === 'form_post' && !/^https?:/i.test(redirectUri))
    throw new OAuthError('invalid_request', 'response_mode form_post needs an http(s) redirect_uri')
  return { client, redirectUri, responseMode, ...(state === undefined ? {} : { state }) }
}

/** An error that the client is told by redirect. */
export function errorResponse(
  target: Pick<ProvenTarget, 'redirectUri' | 'responseMode' | 'state'>,
  error: OAuthError,
  issuer: string,
): AuthorizationResponse {
  return response(target, { error: error.code, error_description: error.description }, issuer)
}

/** Issues a code. Undefined: the session, the user or the client ended in the meantime. */
export async function codeResponse(
  request: AuthorizationRequest,
  session: Session,
  { client, address }: { client: Client; address: string | undefined },
  tools: Tools,
): Promise<AuthorizationResponse | undefined> {
  const code = createOpaqueToken('ac')
  const { resource, claims, nonce, codeChallenge } = request
  const wasIssued = await issueCode(tools.db, {
    hash: sha256(code),
    sessionId: session.id,
    userId: session.userId,
    client: client.id,
    redirectUri: request.redirectUri,
    ...(codeChallenge === undefined ? {} : { codeChallenge: Buffer.from(codeChallenge, 'base64url') }),
    scope: request.scopes.join(' '),
    ...(resource ? { resource } : {}),
    ...(claims ? { claims } : {}),
    ...(nonce === undefined ? {} : { nonce }),
    offline: request.offline,
    ttlSeconds: tools.lifetimes.authorizationCodeSeconds,
    ip: address ?? null,
  })
  return wasIssued ? response(request, { code }, tools.issuer) : undefined
}

/** RFC 9207 §2: `iss` in every response, so that a client cannot be confused about who answered. */
const response = (
  { redirectUri, responseMode, state }: { redirectUri: string; responseMode: string; state?: string },
  parameters: Record<string, string>,
  issuer: string,
): AuthorizationResponse => ({
  redirectUri,
  responseMode,
  parameters: { ...parameters, ...(state === undefined ? {} : { state }), iss: issuer },
})

/** The URI of a response in query mode: added to what the registered URI has already (RFC 6749 §3.1.2). */
export function toLocation({ redirectUri, parameters }: AuthorizationResponse): string {
  const separator = redirectUri.includes('?') ? '&' : '?'
  return `${redirectUri}${separator}${new URLSearchParams(parameters)}`
}
