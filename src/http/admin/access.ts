import type { FastifyRequest } from 'fastify'
import { isAdministrator, readRole } from '../../admin/administrators.ts'
import { readScopeOf } from '../../admin/clients.ts'
import { Problem } from '../../admin/problem.ts'
import type { AdminTools } from '../../admin/tools.ts'
import { roleAllows } from '../../domain/admin-role.ts'
import { type AdminScope, adminScopes } from '../../domain/admin-scopes.ts'
import type { Actor } from '../../domain/ending.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import { type AccessTokenClaims, requireAccessToken } from '../../protocol/tokens/verify.ts'
import { adminAudience } from '../../protocol/tools.ts'
import type { Person } from './person.ts'

/** Who calls the admin API, and what they may do. */
export interface Caller {
  readonly actor: Actor
  /** Undefined for a client in its own name. */
  readonly person: Person | undefined
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
  const person = claims.gid === undefined ? undefined : await personOf(claims, tools)
  const caller: Caller = {
    actor: { id: person ? `user:${claims.sub}` : `client:${claims.client_id}`, ip: request.ip, requestId: request.id },
    person,
    require: (wanted) => {
      const isGiven = scopes.includes('admin') || scopes.includes(wanted)
      if (!isGiven || (person && !roleAllows(person.role, wanted))) throw new InsufficientScope(wanted)
    },
  }
  caller.require(scope)
  return caller
}

/** A token with a grant says who signed in; whether that person may administer is read anew. @throws {Problem} insufficient_scope */
async function personOf({ sub, auth_time: authTime, iat }: AccessTokenClaims, tools: AdminTools) {
  const { role, ...times } = await readRole(sub, authTime ?? iat, tools)
  if (role === null) throw new Problem('insufficient_scope', 'This person may not administer')
  return { userId: sub, role, ...times }
}

/** Whoever may make clients could make one that may more: a scope of this API is given on only by who has it. @throws {Problem} insufficient_scope */
export function requireScopesOf(scope: unknown, caller: Caller): void {
  const given = typeof scope === 'string' ? scope.split(' ') : []
  for (const wanted of adminScopes) if (given.includes(wanted)) caller.require(wanted)
}

/** Whoever may change a client could sign in as it: only who may all that it may. @throws {Problem} insufficient_scope */
export async function requirePowerOverClient(clientId: string, caller: Caller, tools: AdminTools): Promise<void> {
  requireScopesOf(await readScopeOf(clientId, tools), caller)
}

/** Whoever may set the password of an administrator is one: only those who may do everything act on them. @throws {Problem} insufficient_scope */
export async function requirePowerOver(userId: string, caller: Caller, tools: AdminTools): Promise<void> {
  if (await isAdministrator(userId, tools)) caller.require('admin')
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
