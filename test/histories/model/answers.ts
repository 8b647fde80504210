import type { Answer } from '../../support/server.ts'
import { claimsOf } from '../../support/tokens.ts'
import { same } from './expectation.ts'
import type { TokenAnswer } from './rules/tokens.ts'
import type { AccessToken } from './state.ts'
import { known, type World } from './world.ts'

/** Compares an answer of the token endpoint with what the rules say, and learns the names of what is in it. */
export function compareTokens(world: World, answer: Answer, told: TokenAnswer): void {
  if ('error' in told) {
    same('the error', answer.body['error'] ?? 'none, but tokens', told.error)
    same('the status', answer.status, told.error === 'invalid_client' ? 401 : 400)
    const reason = world.lastReason() ?? 'none'
    if (!told.reasons.includes(reason)) same('the reason in the log', reason, told.reasons)
    return
  }
  same('the status and error', [answer.status, answer.body['error']], [200, undefined])
  const { token, generation } = told
  const { body } = answer
  const accessToken = String(body['access_token'])
  compareClaims(world, token, accessToken)
  same('expires_in', body['expires_in'], Math.max(0, token.expiresAt - token.issuedAt))
  same('scope', body['scope'], token.scopes.join(' '))
  world.tokens.set(token, accessToken)
  compareIdToken(world, token, body['id_token'])
  compareRefreshToken(world, token, generation, body['refresh_token'])
}

/** What stays the same along a grant, and the times (RFC 9068 §2.2). */
function compareClaims(world: World, token: AccessToken, text: string): void {
  const { grant } = token
  const claims = claimsOf(text)
  if (!world.gids.has(grant)) {
    same('a new grant has a new gid', [...world.gids.values()].includes(claims.gid ?? ''), false)
    world.gids.set(grant, claims.gid ?? '')
  }
  const { sub, gid, sid, client_id, auth_time, iat, exp, scope } = claims
  same(
    'the claims of the access token',
    { sub, gid, sid, client_id, auth_time, iat, exp, scope },
    {
      sub: known(world.users, grant.user).id,
      gid: known(world.gids, grant),
      sid: grant.isOffline ? undefined : known(world.sids, grant.session),
      client_id: known(world.clients, grant.client).id,
      auth_time: world.began + grant.authTime,
      iat: world.began + token.issuedAt,
      exp: world.began + token.expiresAt,
      scope: token.scopes.join(' '),
    },
  )
}

/** An ID token always names the session, also that of an offline grant. */
function compareIdToken(world: World, { grant, scopes, issuedAt }: AccessToken, text: unknown): void {
  same('there is an ID token', typeof text === 'string', scopes.includes('openid'))
  if (typeof text !== 'string') return
  const { sub, aud, sid, auth_time } = claimsOf(text)
  same(
    'the claims of the ID token',
    { sub, aud, sid, auth_time },
    {
      sub: known(world.users, grant.user).id,
      aud: known(world.clients, grant.client).id,
      sid: known(world.sids, grant.session),
      auth_time: world.began + grant.authTime,
    },
  )
  world.idTokens.set(grant, { token: text, issuedAt })
}

/** One string per generation, for ever: a retry must get the very successor that the rotation gave. */
function compareRefreshToken(
  world: World,
  { grant }: AccessToken,
  generation: number | undefined,
  text: unknown,
): void {
  same('there is a refresh token', typeof text === 'string', generation !== undefined)
  if (typeof text !== 'string' || generation === undefined) return
  const earlier = world.refreshTokens.get(grant) ?? []
  world.refreshTokens.set(grant, earlier)
  if (earlier[generation] === undefined) same('a new generation is a new string', earlier.includes(text), false)
  else same('the string of this generation is the one that was given before', text === earlier[generation], true)
  earlier[generation] = text
}
