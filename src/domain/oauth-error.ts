/** Every error code that goes out on the wire: its HTTP status where it is answered directly, and where it is defined. */
export const oauthErrorCodes = {
  invalid_request: { status: 400, defined: 'RFC 6749 §4.1.2.1, §5.2' },
  invalid_client: { status: 401, defined: 'RFC 6749 §5.2' },
  invalid_grant: { status: 400, defined: 'RFC 6749 §5.2' },
  unauthorized_client: { status: 400, defined: 'RFC 6749 §4.1.2.1, §5.2' },
  unsupported_grant_type: { status: 400, defined: 'RFC 6749 §5.2' },
  unsupported_response_type: { status: 400, defined: 'RFC 6749 §4.1.2.1' },
  invalid_scope: { status: 400, defined: 'RFC 6749 §4.1.2.1, §5.2' },
  access_denied: { status: 400, defined: 'RFC 6749 §4.1.2.1, RFC 8628 §3.5' },
  server_error: { status: 500, defined: 'RFC 6749 §4.1.2.1' },
  temporarily_unavailable: { status: 503, defined: 'RFC 6749 §4.1.2.1' },
  invalid_token: { status: 401, defined: 'RFC 6750 §3.1' },
  insufficient_scope: { status: 403, defined: 'RFC 6750 §3.1' },
  unsupported_token_type: { status: 400, defined: 'RFC 7009 §2.2.1' },
  invalid_target: { status: 400, defined: 'RFC 8707 §2' },
  invalid_redirect_uri: { status: 400, defined: 'RFC 7591 §3.2.2' },
  invalid_client_metadata: { status: 400, defined: 'RFC 7591 §3.2.2' },
  authorization_pending: { status: 400, defined: 'RFC 8628 §3.5' },
  slow_down: { status: 400, defined: 'RFC 8628 §3.5' },
  expired_token: { status: 400, defined: 'RFC 8628 §3.5' },
  invalid_dpop_proof: { status: 400, defined: 'RFC 9449 §5' },
  use_dpop_nonce: { status: 400, defined: 'RFC 9449 §8' },
  insufficient_user_authentication: { status: 401, defined: 'RFC 9470 §3' },
  login_required: { status: 400, defined: 'OpenID Connect Core §3.1.2.6' },
  interaction_required: { status: 400, defined: 'OpenID Connect Core §3.1.2.6' },
  consent_required: { status: 400, defined: 'OpenID Connect Core §3.1.2.6' },
  account_selection_required: { status: 400, defined: 'OpenID Connect Core §3.1.2.6' },
  invalid_request_uri: { status: 400, defined: 'OpenID Connect Core §3.1.2.6' },
  invalid_request_object: { status: 400, defined: 'OpenID Connect Core §3.1.2.6' },
  request_not_supported: { status: 400, defined: 'OpenID Connect Core §3.1.2.6' },
  request_uri_not_supported: { status: 400, defined: 'OpenID Connect Core §3.1.2.6' },
  registration_not_supported: { status: 400, defined: 'OpenID Connect Core §3.1.2.6' },
  unmet_authentication_requirements: { status: 400, defined: 'OpenID Connect Unmet Authentication Requirements 1.0' },
} as const satisfies Record<string, { status: number; defined: string }>

/** A code of the table. */
export type OAuthErrorCode = keyof typeof oauthErrorCodes

/** A refusal with two texts: `description` goes to the client and never says why, `reason` goes to logs, metrics and tests. */
export class OAuthError extends Error {
  readonly code: OAuthErrorCode
  readonly description: string
  readonly reason: string
  readonly status: number

  constructor(code: OAuthErrorCode, description: string, reason: string = description) {
    super(`${code}: ${reason}`)
    this.name = 'OAuthError'
    this.code = code
    this.description = description
    this.reason = reason
    this.status = oauthErrorCodes[code].status
  }
}
