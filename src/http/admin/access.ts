import type { FastifyRequest } from 'fastify'
import { Problem } from '../../admin/problem.ts'
import type { AdminTools } from '../../admin/tools.ts'
import type { AdminScope } from '../../domain/admin-scopes.ts'
import type { Actor } from '../../domain/ending.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import { requireAccessToken } from '../../protocol/tokens/verify.ts'
import { adminAudience } from '../../protocol/tools.ts'

/** Who calls the admin API, and what they may do. */
export interface Caller {
  readonly actor: Actor
  /** @throws {Problem} insufficient_scope */
  require(scope: AdminScope): void
}

const bearer = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i

/** The caller that a request's access token names (RFC 6750 §2.1). @throws {Problem} unauthorized, insufficient_scope */
export async function authenticate(request: FastifyRequest, scope: AdminScope, tools: AdminTools): Promise<Caller> {
  const token = bearer.exec(request.headers.authorization ?? '')?.[1]
  if (token === undefined) throw new Problem('unauthorized', 'Send an access token with Authorization: Bearer')
  const { claims, scopes } = await requireAccessToken(token, tools, { audience: adminAudience(tools.issuer) }).catch(
    refuse,
  )
  // A token of a person (it has a grant) says who signed in, not that this person may administer: nobody is an administrator yet.
  if (claims.gid !== undefined) throw new Problem('insufficient_scope', 'Only clients in their own name may administer')
  const caller: Caller = {
    actor: { id: `client:${claims.client_id}`, ip: request.ip, requestId: request.id },
    require: (wanted) => {
      if (!scopes.includes('admin') && !scopes.includes(wanted)) throw new InsufficientScope(wanted)
    },
  }
  caller.require(scope)
  return caller
}

/** Names the scope that would have been enough, for `WWW-Authenticate` (RFC 6750 §3). */
export class InsufficientScope extends Problem {
  readonly scope: AdminScope

  constructor(scope: AdminScope) {
    super('insufficient_scope', `The scope ${scope} is needed`)
    this.scope = scope
  }
}

function refuse(error: unknown): never {
  throw error instanceof OAuthError ? new Problem('unauthorized', error.description) : error
}
