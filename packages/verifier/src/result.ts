/** The claims of an access token of this issuer (RFC 9068 §2.2), with those that the feed compares. */
export interface AccessTokenClaims {
  readonly iss: string
  readonly sub: string
  readonly aud: string | string[]
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
  readonly amr?: string[]
  readonly cnf?: Readonly<Record<string, unknown>>
  readonly [claim: string]: unknown
}

/** Why a request is refused. Those from `stale` on are not the token's fault. */
export type RefusalReason =
  | 'missing_token'
  | 'malformed'
  | 'unknown_key'
  | 'invalid_signature'
  | 'wrong_type'
  | 'wrong_issuer'
  | 'wrong_audience'
  | 'invalid_claims'
  | 'not_yet_valid'
  | 'expired'
  | 'revoked'
  | 'unsupported_binding'
  | 'binding_mismatch'
  | 'insufficient_scope'
  | 'stale'
  | 'unavailable'

export interface Accepted {
  readonly ok: true
  readonly claims: AccessTokenClaims
  /** Present when the verifier was stale: by what it accepted nevertheless. */
  readonly policy?: 'introspect' | 'grace' | 'open'
}

export interface Refused {
  readonly ok: false
  readonly error: RefusalReason
  readonly description: string
  readonly status: 401 | 403 | 503
  /** For `WWW-Authenticate` (RFC 6750 §3); absent with 503. */
  readonly wwwAuthenticate?: string
  readonly retryAfterSeconds?: number
  /** The body of the answer. */
  readonly body: { readonly error: string; readonly error_description: string }
}

export type VerifyResult = Accepted | Refused

const descriptions: Readonly<Record<RefusalReason, string>> = {
  missing_token: 'Send an access token in the Authorization header',
  malformed: 'The access token is malformed',
  unknown_key: 'The access token is signed with an unknown key',
  invalid_signature: 'The signature of the access token is wrong',
  wrong_type: 'This is not an access token',
  wrong_issuer: 'The access token is from another issuer',
  wrong_audience: 'The access token is for another service',
  invalid_claims: 'The access token lacks a claim, or has one that is not valid',
  not_yet_valid: 'The access token is not valid yet',
  expired: 'The access token has expired',
  revoked: 'The access token has been revoked',
  unsupported_binding: 'The access token is bound to a key, which is not supported here',
  binding_mismatch: 'The access token is bound to another key',
  insufficient_scope: 'The access token lacks a scope',
  stale: 'It is not known at the moment whether the access token has been revoked',
  unavailable: 'The access token cannot be checked at the moment',
}

const retryAfterSeconds = 1

/** The answer that RFC 6750 wants for it. */
export function refusal(error: RefusalReason, { scope = '', realm = '' } = {}): Refused {
  const description = descriptions[error]
  if (error === 'stale' || error === 'unavailable') {
    const body = { error: 'temporarily_unavailable', error_description: description }
    return { ok: false, error, description, status: 503, retryAfterSeconds, body }
  }
  const isScope = error === 'insufficient_scope'
  const code = isScope ? 'insufficient_scope' : 'invalid_token'
  // RFC 6750 §3.1: who sent no token at all is told no error code.
  const parts =
    error === 'missing_token'
      ? []
      : [`error="${code}"`, `error_description="${description}"`, ...(isScope ? [`scope="${quotable(scope)}"`] : [])]
  return {
    ok: false,
    error,
    description,
    status: isScope ? 403 : 401,
    wwwAuthenticate: `Bearer ${[`realm="${quotable(realm)}"`, ...parts].join(', ')}`,
    body: { error: code, error_description: description },
  }
}

const quotable = (text: string): string => text.replaceAll(/[^\x20-\x7e]|["\\]/g, '')
