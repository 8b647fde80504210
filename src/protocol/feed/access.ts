import type { Client } from '../../domain/client.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import { requireAccessToken } from '../tokens/verify.ts'
import type { Tools } from '../tools.ts'

/** Who reads the feed: connections are counted by it, and it ends when its credentials do. */
export interface Reader {
  readonly id: string
  /** Seconds, by the database clock; a client that shows its secret has no end. */
  readonly expSeconds?: number
}

const refused = () => new OAuthError('insufficient_scope', 'The scope revocations:read is needed')

/** A client that is an API, or that may read the feed anyway. @throws {OAuthError} insufficient_scope */
export function requireFeedClient(client: Client): Reader {
  if (client.resourceServerFor.length === 0 && !client.scopes.includes('revocations:read')) throw refused()
  return { id: client.clientId }
}

/** An access token for this server with the scope. @throws {OAuthError} invalid_token, insufficient_scope */
export async function requireFeedToken(token: string, tools: Tools): Promise<Reader> {
  const { scopes, claims } = await requireAccessToken(token, tools, { audience: tools.issuer })
  if (!scopes.includes('revocations:read')) throw refused()
  return { id: claims.client_id, expSeconds: claims.exp }
}
