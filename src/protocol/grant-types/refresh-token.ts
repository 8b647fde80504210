import type { Actor } from '../../domain/ending.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import type { Parameters } from '../../domain/parameters.ts'
import { isSubset, parseScope } from '../../domain/scope.ts'
import { end } from '../../store/end.ts'
import { type Refreshed, type RefreshOutcome, refreshGrant } from '../../store/refresh.ts'
import { checkResource, chooseTarget, foreignResource } from '../tokens/audience.ts'
import { respondWithTokens } from '../tokens/token-response.ts'
import type { Tools } from '../tools.ts'
import type { GrantType } from './grant-type.ts'
import { requestedResource } from './resource-parameter.ts'

/** The refresh_token grant type: rotation, idempotent retry, reuse detection (RFC 6749 §6, RFC 9700 §4.14.2). */
export const refreshToken: GrantType = async ({ client, parameters, actor }, tools) => {
  const presented = tools.refreshTokens.parse(parameters.required('refresh_token'))
  if (!presented) throw refusal('forged')
  const asked = { ...requestedScopes(parameters), ...requestedResource(parameters) }
  await checkResource(asked.resource, client, tools)

  const grant = await refreshGrant(tools.db, { ...presented, ...asked, client: client.id })
  if (!grant) throw refusal('expired')
  if (grant.outcome === 'reuse') await endReused(grant, actor, tools)
  // A retry is an honest client that lost the answer: it gets the same successor and a fresh access token; nothing is written.
  if (grant.outcome !== 'rotate' && grant.outcome !== 'retry') throw refusal(grant.outcome)

  // A refresh may narrow this access token, and never widens; the grant keeps its scope.
  const granted = grant.scope.split(' ').filter((scope) => client.scopes.includes(scope))
  const scopes = asked.scopes ?? granted
  if (!isSubset(scopes, granted)) throw refusal('scope_exceeded')
  const target = await chooseTarget({ ...asked, client, scopes, granted: grant.resource }, tools)
  const { grantId, generation } = grant
  const { nonce, keyId } = presented
  const successor = tools.refreshTokens.encode({ grantId, nonce, generation, keyId })
  const wantsIdToken = scopes.includes('openid')
  return respondWithTokens(grant, client, target, { refreshToken: successor, wantsIdToken }, tools)
}

/**
 * The client may hear it only after the ending is durable, or a crash in between would leave the thief with a living grant. The session goes first:
 * if the grant were dead already, the next presentation would not be a reuse any more.
 */
async function endReused(grant: Refreshed, actor: Actor, tools: Tools): Promise<void> {
  const context = { reason: 'reuse', actor, feedKey: tools.feedKey } as const
  const { idTokenSessionId: sessionId } = grant
  if (grant.reuseEndsSession && sessionId) await end(tools.db, { target: 'session', id: sessionId }, context)
  await end(tools.db, { target: 'grant', id: grant.grantId }, context)
}

/** Every refusal of the token itself reads the same: the outcome is for the logs. */
function refusal(outcome: RefreshOutcome): OAuthError {
  if (outcome === 'scope_exceeded') return new OAuthError('invalid_scope', 'scope exceeds what was granted', outcome)
  if (outcome === 'resource_mismatch') return foreignResource()
  return new OAuthError('invalid_grant', 'The refresh token is not valid', outcome)
}

function requestedScopes(parameters: Parameters): { scopes?: string[] } {
  const text = parameters.get('scope')
  if (text === undefined) return {}
  const scopes = parseScope(text)
  if (!scopes) throw refusal('scope_exceeded')
  return { scopes }
}
