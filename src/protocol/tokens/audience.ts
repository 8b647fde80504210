import { adminScopes } from '../../domain/admin-scopes.ts'
import type { Client } from '../../domain/client.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import { identityScopes } from '../../domain/scope.ts'
import type { SigningAlg } from '../../domain/signing-key.ts'
import type { Resource } from '../../store/resources.ts'
import { adminAudience, type Tools } from '../tools.ts'

/** For whom an access token is, what it may do there, how it is signed and how long it lives. */
export interface Target {
  readonly audience: readonly string[]
  readonly scopes: readonly string[]
  readonly alg: SigningAlg
  readonly ttlSeconds: number
}

export interface TargetRequest {
  readonly client: Client
  readonly scopes: readonly string[]
  /** The `resource` of this request (RFC 8707 §2). */
  readonly resource?: string
  /** What the grant was limited to at the authorization endpoint. */
  readonly granted?: readonly string[] | null
}

const isAdminScope = (scope: string): boolean => (adminScopes as readonly string[]).includes(scope)
const isIdentityScope = (scope: string): boolean => (identityScopes as readonly string[]).includes(scope)
const invalidTarget = (description: string) => new OAuthError('invalid_target', description)

/**
 * Chooses the one resource that an access token is for: the one asked for, else the one that its scopes belong to, else the client's default,
 * else this server. Scopes of other resources are left out of the token.
 * @throws {OAuthError} invalid_target when it is unknown, not allowed to the client, or not decidable (RFC 8707 §2)
 */
export async function chooseTarget(request: TargetRequest, tools: Tools): Promise<Target> {
  const { client, scopes } = request
  const resources = await tools.findResources(request.resource ? [request.resource] : [])
  const admin = adminAudience(tools.issuer)
  const ownerOf = (scope: string): string | undefined =>
    isAdminScope(scope)
      ? admin
      : [...resources.values()].find((resource) => resource.scopes.includes(scope))?.identifier

  const chosen = request.resource ?? impliedBy(scopes, ownerOf, request.granted) ?? client.defaultResource
  if (chosen === undefined || chosen === tools.issuer) {
    return target(
      [tools.issuer],
      scopes.filter((scope) => ownerOf(scope) === undefined),
      undefined,
      client,
      tools,
    )
  }
  const resource = resources.get(chosen)
  if (!resource && chosen !== admin) throw invalidTarget('resource is not registered')
  checkAllowed(chosen, request, admin)
  if (chosen === admin && scopes.some((scope) => !isAdminScope(scope) && ownerOf(scope) !== undefined))
    throw invalidTarget('the admin API cannot be mixed with another resource')

  const kept = scopes.filter((scope) => ownerOf(scope) === chosen || isIdentityScope(scope))
  const audience = scopes.includes('openid') ? [chosen, tools.issuer] : [chosen]
  return target(audience, kept, resource, client, tools)
}

function impliedBy(
  scopes: readonly string[],
  ownerOf: (scope: string) => string | undefined,
  granted: readonly string[] | null | undefined,
): string | undefined {
  const owners = new Set(scopes.map(ownerOf).filter((owner) => owner !== undefined))
  if (granted?.length) return granted.find((identifier) => owners.has(identifier)) ?? granted[0]
  if (owners.size > 1) throw invalidTarget('the scopes belong to several resources; name one with resource')
  return [...owners][0]
}

function checkAllowed(chosen: string, { client, granted }: TargetRequest, admin: string): void {
  if (client.allowedResources && chosen !== admin && !client.allowedResources.includes(chosen))
    throw invalidTarget('resource is not allowed for this client')
  if (granted?.length && !granted.includes(chosen))
    throw invalidTarget('resource was not part of the authorization request')
}

const target = (
  audience: readonly string[],
  scopes: readonly string[],
  resource: Resource | undefined,
  client: Client,
  tools: Tools,
): Target => ({
  audience,
  scopes,
  alg: resource?.signingAlg ?? 'ES256',
  ttlSeconds: resource?.accessTokenTtlSeconds ?? client.accessTokenTtlSeconds ?? tools.lifetimes.accessTokenSeconds,
})
