import { type VerifiedJwt, verifyJwt } from '../../crypto/jwt.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import { type DeadBecause, type Liveness, readTokenLiveness } from '../../store/introspection.ts'
import type { Tools } from '../tools.ts'

/** The claims of an access token of ours (RFC 9068 §2.2). */
export interface AccessTokenClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: string | readonly string[]
  readonly client_id: string
  readonly exp: number
  readonly iat: number
  readonly jti: string
  readonly rvp: number
  readonly scope?: string
  readonly sid?: string
  readonly gid?: string
  readonly auth_time?: number
  readonly acr?: string
  readonly amr?: readonly string[]
  readonly cnf?: Readonly<Record<string, string>>
}

/** An access token with a good signature; whether it is alive is another question. */
export interface SignedAccessToken {
  readonly claims: AccessTokenClaims
  readonly kid: string
}

export interface LiveAccessToken extends SignedAccessToken {
  readonly scopes: readonly string[]
  readonly liveness: Liveness
}

const kidPattern = /^[A-Za-z0-9_-]{43}$/

/** Checks the signature, issuer and type of one of our tokens. Undefined for anything else; never throws for garbage. */
export async function readJwt(
  token: string,
  typ: string | readonly string[],
  tools: Tools,
): Promise<VerifiedJwt | undefined> {
  const expected = { typ, issuer: tools.issuer }
  const keys = await tools.keys.verifiers()
  const verified = await verifyJwt(token, keys, expected)
  if (verified) return verified
  const newer = await tools.keys.verifiers(kidOf(token))
  return newer === keys ? undefined : verifyJwt(token, newer, expected)
}

/** Reads the key id of the header, only to know whether the keys have to be read again. */
function kidOf(token: string): string | undefined {
  try {
    const header: unknown = JSON.parse(
      Buffer.from(token.slice(0, token.indexOf('.')).slice(0, 1000), 'base64url').toString(),
    )
    const kid = (header as { kid?: unknown } | null)?.kid
    return typeof kid === 'string' && kidPattern.test(kid) ? kid : undefined
  } catch {
    return undefined
  }
}

export async function readAccessToken(token: string, tools: Tools): Promise<SignedAccessToken | undefined> {
  const verified = await readJwt(token, 'at+jwt', tools)
  if (!verified) return undefined
  return { claims: verified.claims as unknown as AccessTokenClaims, kid: String(verified.header['kid']) }
}

/** Whether it names this audience. */
export const isFor = (claims: AccessTokenClaims, audience: string): boolean => [claims.aud].flat().includes(audience)

/** One read that says whether the token is alive, and if not, why. */
export async function livenessOf(
  token: SignedAccessToken,
  tools: Tools,
  options: { withUserClaims?: boolean; caller?: string } = {},
): Promise<Liveness | { why: DeadBecause; callerIsDisabled?: boolean }> {
  const { claims, kid } = token
  const liveness = await readTokenLiveness(tools.db, {
    clientId: claims.client_id,
    ...(claims.gid ? { grantId: claims.gid } : {}),
    ...(claims.sid ? { sessionId: claims.sid } : {}),
    rvp: claims.rvp,
    authTimeSeconds: claims.auth_time ?? claims.iat,
    expSeconds: claims.exp,
    jti: claims.jti,
    kid,
    withUserClaims: options.withUserClaims ?? false,
    ...(options.caller === undefined ? {} : { caller: options.caller }),
  })
  return liveness ?? { why: 'revoked' }
}

/**
 * The access token of a request to one of our own resources: userinfo, the admin API, introspection by bearer (RFC 6750 §3.1).
 * @throws {OAuthError} invalid_token when it is not ours, not for this audience, or dead
 */
export async function requireAccessToken(
  token: string,
  tools: Tools,
  wanted: { audience: string; withUserClaims?: boolean },
): Promise<LiveAccessToken> {
  const signed = await readAccessToken(token, tools)
  if (!signed) throw new OAuthError('invalid_token', 'The access token is not valid', 'bad_signature')
  if (!isFor(signed.claims, wanted.audience))
    throw new OAuthError('invalid_token', 'The access token is not valid', 'wrong_audience')
  const liveness = await livenessOf(signed, tools, { withUserClaims: wanted.withUserClaims ?? false })
  if (liveness.why !== null) throw new OAuthError('invalid_token', 'The access token is not valid', liveness.why)
  return { ...signed, scopes: signed.claims.scope?.split(' ') ?? [], liveness }
}
