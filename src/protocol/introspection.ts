import type { Client } from '../domain/client.ts'
import { OAuthError } from '../domain/oauth-error.ts'
import { parseUuid } from '../domain/uuid.ts'
import { readRefreshTokenLiveness } from '../store/introspection.ts'
import { isFor, livenessOf, readAccessToken } from './tokens/verify.ts'
import type { Tools } from './tools.ts'

/** Who asks. Whoever may not see a token gets the answer for a dead one (RFC 7662 §2.2). */
export type Inspector = { readonly client: Client } | { readonly maySeeAny: true }

/** The answer of RFC 7662 §2.2; a dead token has no other member. */
export type Introspection = { readonly active: false } | ({ readonly active: true } & Readonly<Record<string, unknown>>)

const inactive: Introspection = { active: false }

/** Whether a token is alive now. The hint is a hint: the token itself says what it is. */
export async function introspect(token: string, inspector: Inspector, tools: Tools): Promise<Introspection> {
  return token.startsWith('flc_rt_')
    ? introspectRefreshToken(token, inspector, tools)
    : introspectAccessToken(token, inspector, tools)
}

async function introspectAccessToken(token: string, inspector: Inspector, tools: Tools): Promise<Introspection> {
  const signed = await readAccessToken(token, tools)
  if (!signed || !parseUuid(signed.claims.jti)) return inactive
  if (!maySee(inspector, signed.claims)) {
    noteDenial(inspector, tools)
    return inactive
  }
  const caller = 'client' in inspector ? { caller: inspector.client.id } : {}
  const { why, callerIsDisabled } = await livenessOf(signed, tools, caller)
  if (callerIsDisabled) throw new OAuthError('invalid_client', 'Client authentication failed', 'disabled')
  return why === null ? { active: true, token_type: 'Bearer', ...signed.claims } : inactive
}

/** The API that the token is for, the client that holds it, or one that may see every token. */
function maySee(inspector: Inspector, claims: Parameters<typeof isFor>[0]): boolean {
  if ('maySeeAny' in inspector) return true
  const { client } = inspector
  return (
    client.scopes.includes('introspect:any') ||
    claims.client_id === client.clientId ||
    client.resourceServerFor.some((identifier) => isFor(claims, identifier))
  )
}

/** A client that asks for tokens of others is set up wrongly, or has found some. */
function noteDenial(inspector: Inspector, tools: Tools): void {
  if (!('client' in inspector)) return
  const { clientId } = inspector.client
  const actor = { id: `client:${clientId}` }
  tools.noteAudit({ type: 'introspection.denied', outcome: 'failure', actor, clientId, reason: 'token_of_others' })
}

/** A refresh token is only for its own client to look at, and looking is not using it. */
async function introspectRefreshToken(token: string, inspector: Inspector, tools: Tools): Promise<Introspection> {
  const presented = tools.refreshTokens.parse(token)
  if (!presented || !('client' in inspector)) return inactive
  const { client } = inspector
  const found = await readRefreshTokenLiveness(tools.db, { ...presented, client: client.id })
  if (!found?.alive) return inactive
  return {
    active: true,
    iss: tools.issuer,
    sub: found.userId,
    client_id: client.clientId,
    scope: found.scope,
    iat: Math.floor(found.issuedAt.getTime() / 1000),
    exp: Math.floor(found.expiresAt.getTime() / 1000),
  }
}
