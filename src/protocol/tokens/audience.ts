import { adminScopes } from '../../domain/admin-scopes.ts'
import type { Client } from '../../domain/client.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import { identityScopes, isSubset } from '../../domain/scope.ts'
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

const isIdentityScope = (scope: string): boolean => (identityScopes as readonly string[]).includes(scope)
const invalidTarget = (description: string) => new OAuthError('invalid_target', description)

/** A resource that was not part of the authorization request. */
export const foreignResource = () => invalidTarget('resource was not part of the authorization request')

/**
 * Whether the client may ask for the `resource` of a token request: known before a statement burns or rotates anything.
 * @throws {OAuthError} invalid_target
 */
export async function checkResource(resource: string | undefined, client: Client, tools: Tools): Promise<void> {
  if (resource === undefined || resource === tools.issuer) return
  const admin = adminAudience(tools.issuer)
  if (resource !== admin && !(await tools.findResources([resource])).has(resource))
    throw invalidTarget('resource is not registered')
  checkAllowed(resource, { client }, admin)
}

/**
 * Chooses the one resource that an access token is for: the one asked for, else the one that its scopes belong to, else the client's default,
 * else this server. Scopes of other resources are left out of the token.
 * @throws {OAuthError} invalid_target when it is unknown, not allowed to the client, or not decidable (RFC 8707 §2)
 */
export async function chooseTarget(request: TargetRequest, tools: Tools): Promise<Target> {
  const { client, scopes } = request
  const resources = await tools.findResources(request.resource ? [request.resource] : [])
  const admin = adminAudience(tools.issuer)
  const scopesOf = new Map<string, readonly string[]>([
    ...[...resources.values()].map((resource): [string, readonly string[]] => [resource.identifier, resource.scopes]),
    [admin, adminScopes],
  ])
  const owned = scopes.filter((scope) => [...scopesOf.values()].some((all) => all.includes(scope)))
  const chosen = request.resource ?? impliedBy(owned, scopesOf, request.granted) ?? client.defaultResource
  if (chosen === undefined || chosen === tools.issuer) {
    const own = scopes.filter((scope) => !owned.includes(scope))
    return target([tools.issuer], own, undefined, client, tools)
  }
  const available = scopesOf.get(chosen)
  if (!available) throw invalidTarget('resource is not registered')
  checkAllowed(chosen, request, admin)
  if (chosen === admin && !isSubset(owned, available))
    throw invalidTarget('the admin API cannot be mixed with another resource')

  const kept = scopes.filter((scope) => available.includes(scope) || isIdentityScope(scope))
  const audience = scopes.includes('openid') ? [chosen, tools.issuer] : [chosen]
  return target(audience, kept, resources.get(chosen), client, tools)
}

/** The resource that has every scope which belongs to any; among those that the grant was limited to, if it was. */
function impliedBy(
  owned: readonly string[],
  scopesOf: ReadonlyMap<string, readonly string[]>,
  granted: readonly string[] | null | undefined,
): string | undefined {
  if (granted?.length)
    return granted.find((identifier) => isSubset(owned, scopesOf.get(identifier) ?? [])) ?? granted[0]
  if (owned.length === 0) return undefined
  const candidates = [...scopesOf].filter(([, scopes]) => isSubset(owned, scopes))
  const [only, second] = candidates
  if (!only || second) throw invalidTarget('the scopes belong to several resources; name one with resource')
  return only[0]
}

function checkAllowed(
  chosen: string,
  { client, granted }: Pick<TargetRequest, 'client' | 'granted'>,
  admin: string,
): void {
  if (client.allowedResources && chosen !== admin && !client.allowedResources.includes(chosen))
    throw invalidTarget('resource is not allowed for this client')
  if (granted?.length && !granted.includes(chosen)) throw foreignResource()
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
