import type { Client } from '../../domain/client.ts'
import type { Actor } from '../../domain/ending.ts'
import type { Parameters } from '../../domain/parameters.ts'
import type { TokenResponse } from '../tokens/token-response.ts'
import type { Tools } from '../tools.ts'

/** A request at the token endpoint whose client has proven who it is. */
export interface TokenRequest {
  readonly client: Client
  readonly parameters: Parameters
  /** Who is recorded when the request ends something. */
  readonly actor: Actor
}

/** A procedure for getting tokens (RFC 6749 §4, §6). @throws {OAuthError} as its section says */
export type GrantType = (request: TokenRequest, tools: Tools) => Promise<TokenResponse>
