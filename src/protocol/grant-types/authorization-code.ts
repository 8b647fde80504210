import { sha256 } from '../../crypto/hash.ts'
import { parseOpaqueToken } from '../../crypto/opaque-token.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import type { Parameters } from '../../domain/parameters.ts'
import { isCodeVerifier } from '../../domain/pkce.ts'
import { exchangeCode } from '../../store/authorization-codes.ts'
import { end } from '../../store/end.ts'
import { checkResource, chooseTarget, foreignResource } from '../tokens/audience.ts'
import { respondWithTokens } from '../tokens/token-response.ts'
import type { GrantType } from './grant-type.ts'
import { requestedResource } from './resource-parameter.ts'

/** A client with more living grants than this in one session loses the oldest: tabs are many, not endless. */
const grantsPerSession = 20

/** The authorization_code grant type (RFC 6749 §4.1.3, RFC 7636 §4.6). */
export const authorizationCode: GrantType = async ({ client, parameters, actor }, tools) => {
  const code = parameters.required('code')
  const redirectUri = parameters.get('redirect_uri')
  const codeChallenge = challengeOf(parameters)
  const requested = requestedResource(parameters)
  await checkResource(requested.resource, client, tools)
  if (!parseOpaqueToken('ac', code)) throw invalid('forged')

  const fresh = client.grantTypes.includes('refresh_token') ? tools.refreshTokens.newNonce() : undefined
  const grant = await exchangeCode(tools.db, {
    hash: sha256(code),
    client: client.id,
    ...(redirectUri === undefined ? {} : { redirectUri }),
    ...(codeChallenge ? { codeChallenge } : {}),
    ...(fresh ? { nonceHash: sha256(fresh.nonce) } : {}),
    ...requested,
    actor,
  })
  if (!grant) throw invalid('unknown')
  const endGrant = (id: string, reason: 'code_replay' | 'limit') =>
    end(tools.db, { target: 'grant', id }, { reason, actor, feedKey: tools.feedKey })
  // RFC 6749 §4.1.2: what the first use gave is revoked. Durable before the client hears of it.
  if (grant.outcome === 'replay') await endGrant(grant.grantId, 'code_replay')
  if (grant.outcome === 'resource_mismatch') throw foreignResource()
  if (grant.outcome !== 'ok') throw invalid(grant.outcome)
  if (grant.liveInSession >= grantsPerSession && grant.oldestGrant) await endGrant(grant.oldestGrant, 'limit')

  const scopes = grant.scope.split(' ')
  const target = await chooseTarget({ client, scopes, granted: grant.resource, ...requested }, tools)
  const refreshToken =
    fresh && tools.refreshTokens.encode({ grantId: grant.grantId, nonce: fresh.nonce, generation: 0 })
  return respondWithTokens(
    grant,
    client,
    target,
    { ...(refreshToken ? { refreshToken } : {}), nonce: grant.nonce, wantsIdToken: scopes.includes('openid') },
    tools,
  )
}

const invalid = (reason: string) => new OAuthError('invalid_grant', 'The authorization code is not valid', reason)

/** RFC 7636 §4.6. A verifier of the wrong shape cannot belong to any challenge: it is refused before it costs a query. */
function challengeOf(parameters: Parameters): Buffer | undefined {
  const verifier = parameters.get('code_verifier')
  if (verifier === undefined) return undefined
  if (!isCodeVerifier(verifier))
    throw new OAuthError('invalid_grant', 'The authorization code is not valid', 'pkce_malformed')
  return sha256(verifier)
}
