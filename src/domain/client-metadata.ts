import {
  checkFields,
  type Document,
  type FieldProblem,
  type Fields,
  fieldProblem,
  flag,
  integer,
  list,
  matching,
  oneOf,
  text,
  webUrl,
  withoutNulls,
} from './field.ts'
import { checkRedirectUri } from './redirect-uri.ts'
import { identityScopes, parseScope } from './scope.ts'
import { longestAccessTokenSeconds, signingAlgs } from './signing-key.ts'

/**
 * A client as registered, under the names of RFC 7591 §2, OpenID Connect Registration §2 and Falconer's own: the document that goes over the
 * wire. Members that have a default are always there.
 */
export interface ClientMetadata extends Document {
  readonly application_type: 'web' | 'native'
  readonly token_endpoint_auth_method: 'none' | 'client_secret_basic' | 'client_secret_post'
  readonly grant_types: readonly string[]
  readonly scope: string
  readonly redirect_uris: readonly string[]
  readonly post_logout_redirect_uris: readonly string[]
  readonly id_token_signed_response_alg: string
  readonly require_pkce: boolean
  readonly skip_consent: boolean
  readonly disabled: boolean
  readonly refresh_token_rotation: 'always' | 'never'
  readonly refresh_grace_seconds?: number
  readonly lost_response_window_seconds: number
  readonly refresh_counts_as_activity: boolean
  readonly reuse_revokes_session: boolean
  readonly terminate_offline_on_logout: boolean
  readonly session_idle_seconds?: number
  readonly session_max_seconds?: number
  readonly offline_idle_seconds?: number
  readonly offline_max_seconds?: number
  readonly default_resource?: string
}

const tenYears = 315_360_000
const uuidShape = /^\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?$/i
const visible = matching(/^[\x21-\x7e]+$/, 'must consist of visible ASCII characters')

/** A client id: nothing that could be taken for a person's `sub`. */
export const clientIdField = text(
  200,
  (value) => visible(value) ?? (uuidShape.test(value) ? 'must not look like a UUID' : undefined),
)

/** A secret chosen by the client: hashed fast, so it has to be long. */
export const clientSecretField = text(512, (value) =>
  value.length < 32 ? 'must have at least 32 characters' : visible(value),
)

/** An identifier of an API, as it stands in `aud`: an absolute URI or a plain name (RFC 8707 §2). */
export const resourceIdentifierField = text(500, (value) => {
  if (value.includes('#')) return 'must not have a fragment'
  return /["<>\\^`{|}]/.test(value) ? 'must not contain characters that a URI does not allow' : visible(value)
})

const scope = text(2048, (value) => (parseScope(value) ? undefined : 'must be scopes with one space between them'))
const seconds = integer(1, tenYears)
const resources = list(resourceIdentifierField, 100)
const uris = list(text(2048), 100)
const origin = text(300, (value) =>
  URL.canParse(value) && new URL(value).origin === value && /^https?:/.test(value)
    ? undefined
    : 'must be an origin, such as https://app.example.com',
)

/** Every member that a client's metadata may have. */
export const clientFields: Fields = {
  client_name: text(200),
  client_uri: webUrl,
  logo_uri: webUrl,
  policy_uri: webUrl,
  tos_uri: webUrl,
  contacts: list(text(320), 20),
  software_id: text(200),
  software_version: text(200),
  application_type: oneOf(['web', 'native']),
  token_endpoint_auth_method: oneOf(['none', 'client_secret_basic', 'client_secret_post']),
  grant_types: list(oneOf(['authorization_code', 'refresh_token', 'client_credentials']), 3),
  response_types: list(oneOf(['code']), 1),
  scope: {
    schema: { type: 'string', maxLength: 2048 },
    check: (value) => (value === '' ? undefined : scope.check(value)),
  },
  redirect_uris: uris,
  post_logout_redirect_uris: uris,
  id_token_signed_response_alg: oneOf(signingAlgs),
  default_max_age: integer(0, tenYears),
  require_pkce: flag,
  skip_consent: flag,
  disabled: flag,
  access_token_ttl_seconds: integer(1, longestAccessTokenSeconds),
  session_idle_seconds: seconds,
  session_max_seconds: seconds,
  offline_idle_seconds: seconds,
  offline_max_seconds: seconds,
  refresh_token_rotation: oneOf(['always', 'never']),
  refresh_grace_seconds: integer(0, 60),
  lost_response_window_seconds: integer(0, 86_400),
  refresh_counts_as_activity: flag,
  reuse_revokes_session: flag,
  terminate_offline_on_logout: flag,
  single_flight: flag,
  notify_on_expiry: flag,
  default_resource: resourceIdentifierField,
  allowed_resources: resources,
  allowed_cors_origins: list(origin, 50),
  resource_server_for: resources,
}

/** Checks a registration as a whole and fills in the defaults; null members count as absent. */
export function readClientMetadata(
  given: Document,
): { readonly metadata: ClientMetadata } | { readonly problem: FieldProblem } {
  const document = withoutNulls(given)
  const problem = checkFields(clientFields, document)
  if (problem) return { problem }
  const { response_types: _, ...named } = document
  const metadata = withDefaults(named)
  const contradiction = checkTogether(metadata)
  return contradiction ? { problem: contradiction } : { metadata }
}

function withDefaults(named: Document): ClientMetadata {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the fields were checked
  const grantTypes = (named['grant_types'] ?? ['authorization_code']) as readonly string[]
  return {
    application_type: 'web',
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: grantTypes,
    scope: defaultScope(grantTypes),
    redirect_uris: [],
    post_logout_redirect_uris: [],
    id_token_signed_response_alg: 'RS256',
    require_pkce: true,
    skip_consent: false,
    disabled: false,
    refresh_token_rotation: 'always',
    lost_response_window_seconds: 0,
    refresh_counts_as_activity: true,
    reuse_revokes_session: false,
    terminate_offline_on_logout: false,
    ...singleFlight(named),
    ...named,
  }
}

/**
 * Without grace a second tab or a repeated request ends the grant, so only a client that never sends two refreshes at once can do without;
 * and one that says so needs none.
 */
function singleFlight(named: Document): Document {
  if (named['refresh_grace_seconds'] === 0) return { single_flight: true }
  return named['single_flight'] === true && named['refresh_grace_seconds'] === undefined
    ? { refresh_grace_seconds: 0 }
    : {}
}

function defaultScope(grantTypes: readonly string[]): string {
  if (!grantTypes.includes('authorization_code')) return ''
  const mayRefresh = grantTypes.includes('refresh_token')
  return identityScopes.filter((item) => item !== 'offline_access' || mayRefresh).join(' ')
}

function checkTogether(m: ClientMetadata): FieldProblem | undefined {
  const isPublic = m.token_endpoint_auth_method === 'none'
  for (const member of ['redirect_uris', 'post_logout_redirect_uris'] as const) {
    for (const [index, uri] of m[member].entries()) {
      const detail = checkRedirectUri(uri, m.application_type)
      if (detail !== undefined) return fieldProblem(detail, member, index)
    }
  }
  if (m.grant_types.includes('authorization_code') && m.redirect_uris.length === 0)
    return fieldProblem('must have at least one item for the grant type authorization_code', 'redirect_uris')
  if (isPublic && m.grant_types.includes('client_credentials'))
    return fieldProblem('must not have client_credentials for a client without authentication', 'grant_types')
  if (isPublic && !m.require_pkce)
    return fieldProblem('must not be false for a client without authentication', 'require_pkce')
  if (isPublic && m.refresh_token_rotation === 'never')
    return fieldProblem('must not be never for a client without authentication', 'refresh_token_rotation')
  if (m.refresh_grace_seconds === 0 && m['single_flight'] === false)
    return fieldProblem(
      'must be true for a client without grace: two refreshes at once would end its grant',
      'single_flight',
    )
  return undefined
}
