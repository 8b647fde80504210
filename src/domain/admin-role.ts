import type { AdminScope } from './admin-scopes.ts'

const seeing = ['clients:read', 'users:read', 'sessions:read', 'keys:read', 'settings:read', 'audit:read'] as const

/** What a person may do with each role. Their token needs the scope as well: an app never gets more than it was given. */
export const adminRoles = {
  /** Everything. */
  admin: ['admin'],
  /** Sees all, and ends sessions, grants and whatever else hangs on a user. */
  responder: [...seeing, 'sessions:revoke'],
  /** Sees all. */
  viewer: seeing,
} as const satisfies Record<string, readonly AdminScope[]>

export type AdminRole = keyof typeof adminRoles

export const adminRoleNames = Object.keys(adminRoles).filter((name): name is AdminRole =>
  Object.hasOwn(adminRoles, name),
)

/** Whether a role allows a scope. */
export function roleAllows(role: AdminRole, scope: AdminScope): boolean {
  const allowed: readonly AdminScope[] = adminRoles[role]
  return allowed.includes('admin') || allowed.includes(scope)
}
