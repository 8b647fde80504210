import type { Client, ClientAuthMethod } from '../../domain/client.ts'
import type { Parameters } from '../../domain/parameters.ts'

/** What a request brings to prove which client sends it. */
export interface ClientAuthRequest {
  readonly authorization?: string
  readonly parameters: Parameters
}

/** A request that tries one method: who it says it is, and the secret that it shows. */
export interface Attempt {
  readonly clientId: string
  readonly secret?: string
}

/** One way to authenticate a client (RFC 6749 §2.3). */
export interface Method {
  readonly name: ClientAuthMethod
  /** What the request attempts by this method; undefined when it does not. @throws {OAuthError} invalid_client when it does so malformed */
  readonly read: (request: ClientAuthRequest) => Attempt | undefined
  readonly proves: (client: Client, attempt: Attempt) => boolean
}
