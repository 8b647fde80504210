import { pickClaims } from '../domain/claims.ts'
import { OAuthError } from '../domain/oauth-error.ts'
import { requireAccessToken } from './tokens/verify.ts'
import type { Tools } from './tools.ts'

/**
 * The claims that the scopes of an access token, and a `claims` parameter, ask for (OpenID Connect Core §5.3).
 * @throws {OAuthError} invalid_token, or insufficient_scope without `openid`
 */
export async function userinfo(token: string, tools: Tools): Promise<Record<string, unknown>> {
  const { claims, scopes, liveness } = await requireAccessToken(token, tools, {
    audience: tools.issuer,
    withUserClaims: true,
  })
  if (!scopes.includes('openid') || !liveness.userClaims)
    throw new OAuthError('insufficient_scope', 'The access token was not issued with the openid scope')
  return { ...pickClaims(liveness.userClaims, scopes, liveness.requestedClaims ?? {}), sub: claims.sub }
}
