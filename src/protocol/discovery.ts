import { adminScopes, serviceScopes } from '../domain/admin-scopes.ts'
import { standardClaims } from '../domain/claims.ts'
import { identityScopes } from '../domain/scope.ts'
import { acrValues } from '../domain/session.ts'
import { signingAlgs } from '../domain/signing-key.ts'
import { prompts, responseModes, responseTypes } from './authorize/request.ts'
import { clientAuthMethods } from './client-auth/index.ts'
import { grantTypes } from './grant-types/index.ts'

/** What this server can do (OpenID Connect Discovery §3, RFC 8414 §2). Computed from the tables that do it, so it cannot promise more. */
export function discovery(
  issuer: string,
  reachableAcr: readonly string[],
  feedMaxStalenessSeconds: number,
): Record<string, unknown> {
  const authMethods = Object.keys(clientAuthMethods)
  const confidential = authMethods.filter((method) => method !== 'none')
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/.well-known/jwks.json`,
    introspection_endpoint: `${issuer}/introspect`,
    revocation_endpoint: `${issuer}/revoke`,
    end_session_endpoint: `${issuer}/logout`,
    not_before_endpoint: `${issuer}/not-before`,
    revocation_feed_snapshot_endpoint: `${issuer}/revocations/snapshot`,
    revocation_feed_endpoint: `${issuer}/revocations`,
    revocation_feed_stream_endpoint: `${issuer}/revocations/stream`,
    revocation_feed_ack_endpoint: `${issuer}/revocations/ack`,
    revocation_feed_max_staleness: feedMaxStalenessSeconds,
    scopes_supported: [...identityScopes, ...serviceScopes, ...adminScopes],
    response_types_supported: responseTypes,
    response_modes_supported: responseModes,
    grant_types_supported: Object.keys(grantTypes),
    prompt_values_supported: prompts,
    acr_values_supported: acrValues.filter((acr) => reachableAcr.includes(acr)),
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...signingAlgs].sort(
      (a, b) => Number(b === 'RS256') - Number(a === 'RS256'),
    ),
    token_endpoint_auth_methods_supported: authMethods,
    introspection_endpoint_auth_methods_supported: confidential,
    revocation_endpoint_auth_methods_supported: authMethods,
    code_challenge_methods_supported: ['S256'],
    claim_types_supported: ['normal'],
    claims_supported: [
      ...new Set([
        'sub',
        'iss',
        'aud',
        'exp',
        'iat',
        'auth_time',
        'nonce',
        'acr',
        'amr',
        'sid',
        'at_hash',
        ...standardClaims,
      ]),
    ],
    claims_parameter_supported: true,
    request_parameter_supported: false,
    request_uri_parameter_supported: false,
    authorization_response_iss_parameter_supported: true, // RFC 9207 §3
    ui_locales_supported: ['en'],
  }
}
