import { errors, type JWTPayload, jwtVerify } from 'jose'
import type { Clock } from './clock.ts'
import { isUuid } from './entry.ts'
import type { IssuerKeys, KeyMiss } from './issuer-keys.ts'
import type { AccessTokenClaims, RefusalReason } from './result.ts'
import { algorithms } from './signing-key.ts'

/** A token whose signature and claims are right; whether it is revoked is not said here. */
export interface ReadToken {
  readonly claims: AccessTokenClaims
  readonly kid: string
}

export interface Expected {
  readonly issuer: string
  readonly audience: readonly string[]
  readonly clockToleranceSeconds: number
}

const maxLength = 8192
const requiredClaims = ['sub', 'client_id', 'exp', 'iat', 'jti', 'rvp']

class KeyMissing extends Error {
  readonly miss: KeyMiss

  constructor(miss: KeyMiss) {
    super(miss)
    this.miss = miss
  }
}

/** RFC 9068 §4, and what the feed needs. Never throws for a bad token. */
export async function readAccessToken(
  token: string,
  { issuer, audience, clockToleranceSeconds }: Expected,
  keys: IssuerKeys,
  clock: Clock,
): Promise<ReadToken | RefusalReason> {
  if (typeof token !== 'string' || token.length > maxLength) return 'malformed'
  try {
    const { payload, protectedHeader } = await jwtVerify(
      token,
      async ({ kid, alg }) => {
        const key = typeof kid === 'string' ? await keys.find(kid) : 'unknown'
        if (typeof key === 'string') throw new KeyMissing(key)
        if (key.alg !== alg) throw new errors.JWSSignatureVerificationFailed()
        return key.key
      },
      {
        typ: 'at+jwt',
        issuer,
        audience: [...audience],
        algorithms: [...algorithms],
        requiredClaims,
        clockTolerance: clockToleranceSeconds,
        currentDate: new Date(clock.wallMs()),
      },
    )
    if (!hasValidClaims(payload)) return 'invalid_claims'
    return { claims: payload, kid: protectedHeader.kid ?? '' }
  } catch (error) {
    return reasonOf(error)
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isSeconds = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value >= 0
const isAbsentOr = (value: unknown, is: (value: unknown) => boolean): boolean => value === undefined || is(value)

/** A claim that the feed would compare must be what the feed means, or nothing could ever match it. */
export function hasValidClaims(claims: JWTPayload): claims is JWTPayload & AccessTokenClaims {
  const { sub, client_id, rvp, jti, sid, gid, iat, auth_time, scope, cnf } = claims
  return (
    isText(sub) &&
    isText(client_id) &&
    typeof rvp === 'number' &&
    Number.isSafeInteger(rvp) &&
    rvp >= 0 &&
    isUuid(jti) &&
    isAbsentOr(sid, isUuid) &&
    isAbsentOr(gid, isUuid) &&
    isSeconds(iat) &&
    isAbsentOr(auth_time, isSeconds) &&
    isAbsentOr(scope, (value) => typeof value === 'string') &&
    isAbsentOr(cnf, (value) => typeof value === 'object' && value !== null)
  )
}

function reasonOf(error: unknown): RefusalReason {
  if (error instanceof KeyMissing) {
    if (error.miss === 'unavailable') return 'unavailable'
    return error.miss === 'revoked' ? 'revoked' : 'unknown_key'
  }
  if (error instanceof errors.JWTExpired) return 'expired'
  if (error instanceof errors.JWTClaimValidationFailed) return claimReasons[error.claim] ?? 'invalid_claims'
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'invalid_signature'
  return error instanceof errors.JOSEAlgNotAllowed ? 'invalid_signature' : 'malformed'
}

const claimReasons: Readonly<Record<string, RefusalReason>> = {
  iss: 'wrong_issuer',
  aud: 'wrong_audience',
  typ: 'wrong_type',
  nbf: 'not_yet_valid',
}
