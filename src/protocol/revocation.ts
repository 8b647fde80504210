import type { Client } from '../domain/client.ts'
import type { Actor } from '../domain/ending.ts'
import { OAuthError } from '../domain/oauth-error.ts'
import { insertAuditEvent } from '../store/audit.ts'
import { end } from '../store/end.ts'
import { ownerOfRefreshToken } from '../store/introspection.ts'
import { readAccessToken } from './tokens/verify.ts'
import type { Tools } from './tools.ts'

/**
 * Revokes what a client holds (RFC 7009 §2.1): a refresh token of any generation with its whole grant, an access token by itself.
 * A token that is unknown, malformed or dead already is no error (§2.2).
 * @throws {OAuthError} invalid_request for the token of another client; nothing happens to it
 */
export async function revoke(token: string, client: Client, actor: Actor, tools: Tools): Promise<void> {
  const context = { reason: 'revoked_by_client', actor, feedKey: tools.feedKey } as const
  if (token.startsWith('flc_rt_')) {
    const presented = tools.refreshTokens.parse(token)
    const owner = presented && (await ownerOfRefreshToken(tools.db, presented))
    if (!presented || owner === undefined) return
    if (owner !== client.id) throw await foreignToken('refresh_token', actor, tools)
    await end(tools.db, { target: 'grant', id: presented.grantId }, context)
    return
  }
  const signed = await readAccessToken(token, tools)
  if (!signed) return
  const { client_id: owner, jti, exp } = signed.claims
  if (owner !== client.clientId) throw await foreignToken('access_token', actor, tools)
  await end(tools.db, { target: 'jti', id: jti, expiresAt: new Date(exp * 1000) }, context)
}

async function foreignToken(kind: string, actor: Actor, tools: Tools): Promise<OAuthError> {
  await insertAuditEvent(tools.db, {
    type: 'token.revocation_refused',
    outcome: 'failure',
    actor,
    targetKind: kind,
    reason: 'client_mismatch',
  })
  return new OAuthError('invalid_request', 'The token was not issued to this client', 'client_mismatch')
}
