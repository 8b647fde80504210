import type { SigningAlg } from './signing-key.ts'

/** How a client proves who it is at the token endpoint (RFC 7591 §2). */
export type ClientAuthMethod = 'none' | 'client_secret_basic' | 'client_secret_post'

/** One application, as registered (RFC 7591 §2, OpenID Connect Registration §2, and the settings of Falconer). */
export interface Client {
  /** Internal row id; never leaves the server. */
  readonly id: string
  readonly clientId: string
  readonly name?: string
  readonly clientUri?: string
  readonly logoUri?: string
  readonly policyUri?: string
  readonly tosUri?: string
  readonly applicationType: 'web' | 'native'
  readonly authMethod: ClientAuthMethod
  readonly secretHashes: readonly Buffer[]
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris: readonly string[]
  readonly grantTypes: readonly string[]
  /** The scopes that it may ever be granted. */
  readonly scopes: readonly string[]
  readonly requirePkce: boolean
  readonly skipConsent: boolean
  readonly rotatesRefreshTokens: boolean
  readonly accessTokenTtlSeconds?: number
  readonly defaultMaxAgeSeconds?: number
  readonly idTokenSignedResponseAlg: SigningAlg
  readonly defaultResource?: string
  /** Resources that it may ask for; undefined means every registered one. */
  readonly allowedResources?: readonly string[]
  readonly allowedCorsOrigins: readonly string[]
  /** Resource identifiers whose tokens it may introspect. */
  readonly resourceServerFor: readonly string[]
  readonly isDisabled: boolean
}

/** A client that cannot keep a secret (RFC 6749 §2.1). */
export const isPublic = (client: Client): boolean => client.authMethod === 'none'
