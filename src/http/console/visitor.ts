import type { FastifyRequest } from 'fastify'
import { readRole } from '../../admin/administrators.ts'
import type { AdminTools } from '../../admin/tools.ts'
import { type AdminRole, roleAllows } from '../../domain/admin-role.ts'
import type { AdminScope } from '../../domain/admin-scopes.ts'
import type { Session } from '../../domain/session.ts'
import { accountSession } from '../../login/change-password.ts'
import { type Caller, InsufficientScope } from '../admin/access.ts'
import type { Person } from '../admin/person.ts'
import type { HttpTools } from '../tools.ts'

export type ConsoleTools = HttpTools & AdminTools

/** A person with a role who looks at the console, by a session of this server. May what the role says: there is no token in between. */
export interface Visitor extends Caller {
  readonly person: Person
  readonly username: string
  readonly sessionId: string
  readonly role: AdminRole
  readonly may: (scope: AdminScope) => boolean
  /** By the database clock. */
  readonly now: Date
}

/** Whose browser it is, as far as it is anybody's: `visitor` only of somebody who may administer, read anew at every request. */
export async function whoVisits(
  request: FastifyRequest,
  tools: ConsoleTools,
): Promise<{ session: Session; visitor: Visitor | undefined } | undefined> {
  const session = await accountSession(tools.cookies.readSession(request), tools)
  if (!session) return undefined
  const { id: sessionId, userId, username } = session
  const { role, ...times } = await readRole(userId, session.authTime.getTime() / 1000, tools)
  if (role === null) return { session, visitor: undefined }
  const may = (scope: AdminScope): boolean => roleAllows(role, scope)
  const visitor: Visitor = {
    actor: { id: `user:${userId}`, ip: request.ip, requestId: request.id },
    person: { userId, ...times },
    username,
    sessionId,
    role,
    may,
    require: (scope) => {
      if (!may(scope)) throw new InsufficientScope(scope)
    },
    now: new Date(times.nowSeconds * 1000),
  }
  return { session, visitor }
}
