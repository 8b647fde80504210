/** The scopes that ask about a person or a standing grant, not about an API (OpenID Connect Core §5.4, §11). */
export const identityScopes = ['openid', 'profile', 'email', 'address', 'phone', 'offline_access'] as const

// Bounds before any work: scope handling that grows faster than its input is a way to stop a server.
const maxLength = 2048
const maxItems = 50
const token = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** The scopes of a `scope` parameter in order and once each, or undefined when it is malformed or too long (RFC 6749 §3.3). */
export function parseScope(value: string): string[] | undefined {
  if (value === '') return []
  if (value.length > maxLength) return undefined
  const items = value.split(' ')
  if (items.length > maxItems || !items.every((item) => token.test(item))) return undefined
  return [...new Set(items)]
}

/** The `scope` parameter for these scopes (RFC 6749 §3.3). */
export function formatScope(scopes: readonly string[]): string {
  return scopes.join(' ')
}

/** Whether every scope of `some` is among `all`; the empty set is a subset of any. */
export function isSubset(some: readonly string[], all: readonly string[]): boolean {
  return some.every((scope) => all.includes(scope))
}
