import { OAuthError } from '../../domain/oauth-error.ts'
import { isSubset, parseScope } from '../../domain/scope.ts'
import { end } from '../../store/end.ts'
import { refreshGrant } from '../../store/refresh.ts'
import { checkResource, chooseTarget, foreignResource } from '../tokens/audience.ts'
import { respondWithTokens } from '../tokens/token-response.ts'
import type { GrantType } from './grant-type.ts'
import { requestedResource } from './resource-parameter.ts'

/** The refresh_token grant type: rotation, idempotent retry, reuse detection (RFC 6749 §6, RFC 9700 §4.14.2). */
export const refreshToken: GrantType = async ({ client, parameters, actor }, tools) => {
  const presented = tools.refreshTokens.parse(parameters.required('refresh_token'))
  if (!presented) throw invalid('forged')
  const requested = requestedResource(parameters)
  const resource = await checkResource(requested.resource, client, tools)
  const scopeText = parameters.get('scope')
  const wanted = scopeText === undefined ? undefined : parseScope(scopeText)
  if (scopeText !== undefined && !wanted) throw tooWide()

  const grant = await refreshGrant(tools.db, {
    ...presented,
    client: client.id,
    graceSeconds: tools.lifetimes.refreshGraceSeconds,
    ...(wanted ? { scopes: wanted } : {}),
    ...(resource === undefined ? {} : { resource }),
  })
  if (!grant) throw invalid('expired')
  if (grant.outcome === 'reuse') {
    // The client may hear it only after the ending is durable, or a crash in between would leave the thief with a living grant.
    await end(tools.db, { target: 'grant', id: grant.grantId }, { reason: 'reuse', actor, feedKey: tools.feedKey })
  }
  if (grant.outcome === 'scope_exceeded') throw tooWide()
  if (grant.outcome === 'resource_mismatch') throw foreignResource()
  // A retry is an honest client that lost the answer: it gets the same successor and a fresh access token; nothing is written.
  if (grant.outcome !== 'rotate' && grant.outcome !== 'retry') throw invalid(grant.outcome)

  const granted = grant.scope.split(' ').filter((scope) => client.scopes.includes(scope))
  const scopes = narrow(granted, wanted)
  const target = await chooseTarget({ client, scopes, granted: grant.resource, ...requested }, tools)
  const { grantId, generation } = grant
  const { nonce, keyId } = presented
  return respondWithTokens(
    grant,
    client,
    target,
    {
      refreshToken: tools.refreshTokens.encode({ grantId, nonce, generation, keyId }),
      wantsIdToken: scopes.includes('openid'),
    },
    tools,
  )
}

const tooWide = () => new OAuthError('invalid_scope', 'scope exceeds what was granted')

/** One answer for every refusal: the reason is for the logs. */
const invalid = (reason: string) => new OAuthError('invalid_grant', 'The refresh token is not valid', reason)

/** A refresh may narrow this access token, and never widens; the grant keeps its scope (RFC 6749 §6). */
function narrow(granted: readonly string[], wanted: readonly string[] | undefined): readonly string[] {
  if (wanted === undefined) return granted
  if (!isSubset(wanted, granted)) throw tooWide()
  return wanted
}
