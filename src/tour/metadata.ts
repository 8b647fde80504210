/** What the tour uses of the discovery document. */
export interface Metadata {
  readonly issuer: string
  readonly authorization_endpoint: string
  readonly token_endpoint: string
  readonly jwks_uri: string
  readonly introspection_endpoint: string
  readonly end_session_endpoint: string
}
