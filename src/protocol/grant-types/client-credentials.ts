import { isPublic } from '../../domain/client.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import { identityScopes, isSubset, parseScope } from '../../domain/scope.ts'
import { readClientMinting } from '../../store/client-credentials.ts'
import { issueAccessToken } from '../tokens/access-token.ts'
import { chooseTarget } from '../tokens/audience.ts'
import type { GrantType } from './grant-type.ts'
import { requestedResource } from './resource-parameter.ts'

/** The client_credentials grant type (RFC 6749 §4.4): a token of the client itself, without a grant, a session or a refresh token. */
export const clientCredentials: GrantType = async ({ client, parameters }, tools) => {
  if (isPublic(client)) throw new OAuthError('unauthorized_client', 'A public client cannot use client_credentials')
  const allowed = client.scopes.filter((scope) => !(identityScopes as readonly string[]).includes(scope))
  // RFC 6749 §3.3: without the parameter, the default: all that is registered.
  const scope = parameters.get('scope')
  const requested = scope === undefined ? allowed : parseScope(scope)
  if (!requested || !isSubset(requested, allowed))
    throw new OAuthError('invalid_scope', 'scope is not allowed for this client')
  const target = await chooseTarget({ client, scopes: requested, ...requestedResource(parameters) }, tools)

  const minting = await readClientMinting(tools.db, client.id)
  if (!minting || minting.isDisabled) throw new OAuthError('invalid_client', 'Client authentication failed', 'disabled')
  // RFC 9068 §2.2: without a person, sub is the client.
  const access = await issueAccessToken({ ...minting, clientId: client.clientId, sub: client.clientId }, target, tools)
  return {
    access_token: access.token,
    token_type: 'Bearer',
    expires_in: access.expiresInSeconds,
    ...(access.scope ? { scope: access.scope } : {}),
  }
}
