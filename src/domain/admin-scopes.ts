/** Scopes of the admin API; `admin` stands for all of them. They imply the audience of the admin API. */
export const adminScopes = [
  'admin',
  'clients:read',
  'clients:write',
  'users:read',
  'users:write',
  'sessions:read',
  'sessions:revoke',
  'not-before:write',
  'keys:read',
  'keys:write',
  'settings:read',
  'settings:write',
  'audit:read',
] as const

export type AdminScope = (typeof adminScopes)[number]

/** Scopes for services of this server itself, with ISSUER as audience. */
export const serviceScopes = ['introspect:any', 'revocations:read'] as const
