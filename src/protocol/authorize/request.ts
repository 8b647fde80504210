import { type ClaimsRequest, parseClaimsRequest } from '../../domain/claims.ts'
import type { Client } from '../../domain/client.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import type { Parameters } from '../../domain/parameters.ts'
import { isCodeChallenge } from '../../domain/pkce.ts'
import { parseScope } from '../../domain/scope.ts'
import { adminAudience, type Tools } from '../tools.ts'
import { readIdTokenHint } from './id-token-hint.ts'

export const responseTypes = ['code']
export const responseModes = ['query', 'form_post']
export const prompts = ['none', 'login', 'consent', 'select_account']

/** An authorization request as validated (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1). Plain data: it is frozen in a login transaction. */
export interface AuthorizationRequest {
  readonly clientId: string
  readonly redirectUri: string
  readonly responseMode: string
  readonly state?: string
  readonly nonce?: string
  readonly scopes: readonly string[]
  readonly offline: boolean
  readonly resource?: readonly string[]
  readonly codeChallenge?: string
  readonly prompts: readonly string[]
  readonly maxAgeSeconds?: number
  readonly loginHint?: string
  /** Context classes of which one must be reached; voluntary ones ask for nothing that has to be done. */
  readonly essentialAcr?: readonly string[]
  readonly claims?: ClaimsRequest
  /** The user that an ID token hint names. */
  readonly hintedUser?: string
}

const invalid = (description: string) => new OAuthError('invalid_request', description)
const unsupported = {
  request: 'request_not_supported',
  request_uri: 'request_uri_not_supported',
  registration: 'registration_not_supported',
} as const

/** Validates everything that may be answered by redirect. @throws {OAuthError} */
export async function readRequest(
  parameters: Parameters,
  client: Client,
  target: { redirectUri: string; responseMode: string; state?: string },
  tools: Tools,
): Promise<AuthorizationRequest> {
  if (parameters.problem) throw invalid(parameters.problem)
  for (const [name, code] of Object.entries(unsupported) as [
    keyof typeof unsupported,
    (typeof unsupported)[keyof typeof unsupported],
  ][]) {
    if (parameters.get(name) !== undefined) throw new OAuthError(code, `${name} is not supported`)
  }
  checkResponseType(parameters, client)
  const codeChallenge = readChallenge(parameters, client)
  const { scopes, offline } = readScope(parameters, client)
  const claims = readClaims(parameters)
  const hintedUser = await readIdTokenHint(parameters.get('id_token_hint'), client, tools)
  const optional = {
    nonce: limited(parameters, 'nonce', 512),
    resource: await readResources(parameters, client, tools),
    codeChallenge,
    maxAgeSeconds: readMaxAge(parameters, client),
    loginHint: limited(parameters, 'login_hint', 320),
    essentialAcr: readEssentialAcr(claims),
    claims,
    hintedUser,
  }
  return {
    clientId: client.clientId,
    ...target,
    scopes,
    offline,
    prompts: readPrompts(parameters),
    ...(Object.fromEntries(
      Object.entries(optional).filter(([, value]) => value !== undefined),
    ) as Partial<AuthorizationRequest>),
  }
}

function checkResponseType(parameters: Parameters, client: Client): void {
  const responseType = parameters.required('response_type')
  if (!responseTypes.includes(responseType))
    throw new OAuthError('unsupported_response_type', 'response_type must be code')
  if (!client.grantTypes.includes('authorization_code'))
    throw new OAuthError('unauthorized_client', 'This client may not use the authorization code grant')
  const mode = parameters.get('response_mode')
  if (mode !== undefined && !responseModes.includes(mode)) throw invalid('response_mode must be query or form_post')
}

/** RFC 9700 §2.1.1: S256 only, and no falling back to `plain` when the method is left out (RFC 7636 §4.3). */
function readChallenge(parameters: Parameters, client: Client): string | undefined {
  const challenge = parameters.get('code_challenge')
  const method = parameters.get('code_challenge_method')
  if (challenge === undefined) {
    if (client.requirePkce) throw invalid('code_challenge is missing: this client has to use PKCE with S256')
    if (method !== undefined) throw invalid('code_challenge is missing')
    return undefined
  }
  if (method !== 'S256') throw invalid('code_challenge_method must be S256')
  if (!isCodeChallenge(challenge)) throw invalid('code_challenge must be 43 base64url characters')
  return challenge
}

/** An offline_access that the client may not have is left out; any other scope that it may not have is refused. */
function readScope(parameters: Parameters, client: Client): { scopes: string[]; offline: boolean } {
  const requested = parseScope(parameters.get('scope') ?? '')
  if (!requested) throw new OAuthError('invalid_scope', 'scope is malformed or too long')
  const foreign = requested.find((scope) => scope !== 'offline_access' && !client.scopes.includes(scope))
  if (foreign !== undefined)
    throw new OAuthError('invalid_scope', 'a requested scope is not registered for this client')
  const offline =
    requested.includes('offline_access') &&
    client.scopes.includes('offline_access') &&
    client.grantTypes.includes('refresh_token')
  return { scopes: requested.filter((scope) => scope !== 'offline_access' || offline), offline }
}

function readPrompts(parameters: Parameters): string[] {
  const values = [...new Set((parameters.get('prompt') ?? '').split(' ').filter((value) => value !== ''))]
  if (values.some((value) => !prompts.includes(value))) throw invalid('prompt has an unknown value')
  if (values.includes('none') && values.length > 1) throw invalid('prompt=none stands alone')
  return values
}

function readMaxAge(parameters: Parameters, client: Client): number | undefined {
  const value = parameters.get('max_age')
  if (value === undefined) return client.defaultMaxAgeSeconds
  if (!/^\d{1,9}$/.test(value)) throw invalid('max_age must be a number of seconds')
  return Number(value)
}

function readClaims(parameters: Parameters): ClaimsRequest | undefined {
  const value = parameters.get('claims')
  if (value === undefined) return undefined
  const claims = parseClaimsRequest(value)
  if (!claims) throw invalid('claims must be a JSON object as in OpenID Connect Core 5.5')
  return claims
}

/** OpenID Connect Core §5.5.1.1: only an essential acr with values must be reached; acr_values are wishes. */
function readEssentialAcr(claims: ClaimsRequest | undefined): readonly string[] | undefined {
  const acr = claims?.id_token?.['acr'] as { essential?: boolean; value?: string; values?: string[] } | null | undefined
  if (!acr?.essential) return undefined
  return acr.values ?? (acr.value === undefined ? undefined : [acr.value])
}

async function readResources(
  parameters: Parameters,
  client: Client,
  tools: Tools,
): Promise<readonly string[] | undefined> {
  const wanted = parameters.all('resource')
  if (wanted.length === 0) return undefined
  const known = await tools.findResources(wanted)
  const own = new Set([tools.issuer, adminAudience(tools.issuer)])
  const refused = wanted.find(
    (identifier) =>
      !own.has(identifier) && (!known.has(identifier) || client.allowedResources?.includes(identifier) === false),
  )
  if (refused !== undefined)
    throw new OAuthError('invalid_target', 'resource is not registered or not allowed for this client')
  return [...new Set(wanted)]
}

function limited(parameters: Parameters, name: string, max: number): string | undefined {
  const value = parameters.get(name)
  if (value !== undefined && value.length > max) throw invalid(`${name} is too long`)
  return value
}
