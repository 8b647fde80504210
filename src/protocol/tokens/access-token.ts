import { newJti } from '../../crypto/jti.ts'
import { signJwt } from '../../crypto/jwt.ts'
import { formatScope } from '../../domain/scope.ts'
import type { Minting } from '../../store/refresh.ts'
import type { Tools } from '../tools.ts'
import type { Target } from './audience.ts'

/** A signed token with the facts that the response repeats. */
export interface IssuedAccessToken {
  readonly token: string
  readonly expiresInSeconds: number
  readonly scope: string
}

/** What the database says about this mint; a token of the client itself has no grant behind it. */
export interface AccessTokenFacts {
  readonly clientId: string
  readonly sub: string
  readonly rvp: number
  readonly iat: number
  readonly grant?: Minting
}

/** Signs an access token in the JWT profile (RFC 9068 §2). It never outlives the grant behind it. */
export async function issueAccessToken(
  facts: AccessTokenFacts,
  target: Target,
  tools: Tools,
): Promise<IssuedAccessToken> {
  const { grant, iat } = facts
  const exp = Math.min(iat + target.ttlSeconds, grant?.aliveUntilSeconds ?? Number.POSITIVE_INFINITY)
  const scope = formatScope(target.scopes)
  const claims = {
    iss: tools.issuer,
    sub: facts.sub,
    aud: target.audience.length === 1 ? target.audience[0] : target.audience,
    client_id: facts.clientId,
    exp,
    iat,
    jti: newJti(iat),
    rvp: facts.rvp,
    ...(scope ? { scope } : {}),
    ...(grant ? personClaims(grant) : {}),
  }
  const token = await signJwt(await tools.keys.signer(target.alg), 'at+jwt', claims)
  return { token, expiresInSeconds: Math.max(0, exp - iat), scope }
}

/** RFC 9068 §2.2.1: how the person was authenticated. A token of an offline grant names no session, because it outlives it. */
const personClaims = (grant: Minting) => ({
  gid: grant.grantId,
  ...(grant.sessionId ? { sid: grant.sessionId } : {}),
  auth_time: grant.authTimeSeconds,
  ...(grant.acr ? { acr: grant.acr } : {}),
  ...(grant.amr ? { amr: grant.amr } : {}),
})
