import { isWellFormedText } from './well-formed.ts'

/** The claims that each identity scope releases (OpenID Connect Core §5.4). */
export const claimsOfScope: Record<'profile' | 'email' | 'address' | 'phone', readonly string[]> = {
  profile: [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
}

/** Every claim about a person that a client may receive, `sub` aside (OpenID Connect Core §5.1). */
export const standardClaims: readonly string[] = Object.values(claimsOfScope).flat()

/** What a client says about one claim that it asks for (OpenID Connect Core §5.5.1). */
export type ClaimRequest = { essential?: boolean; value?: unknown; values?: readonly unknown[] }

/** One half of a `claims` parameter: claim name to wish, where null means "in the default manner". */
export type RequestedClaims = Record<string, ClaimRequest | null>

/** A parsed `claims` parameter (OpenID Connect Core §5.5). */
export type ClaimsRequest = { id_token?: RequestedClaims; userinfo?: RequestedClaims }

const maxLength = 4096
const maxItems = 50

/** The `claims` parameter, members that are not understood left out, or undefined when it is malformed or too long (OpenID Connect Core §5.5). */
export function parseClaimsRequest(json: string): ClaimsRequest | undefined {
  if (json.length > maxLength) return undefined
  const parsed = parseJson(json)
  if (!isRecord(parsed)) return undefined
  const request: ClaimsRequest = {}
  for (const member of ['id_token', 'userinfo'] as const) {
    if (!Object.hasOwn(parsed, member) || parsed[member] === null) continue
    const requested = parseMember(parsed[member])
    if (requested === undefined) return undefined
    request[member] = requested
  }
  return request
}

/** The claims of `all` that the scopes release or the client named, without empty ones (OpenID Connect Core §5.3.2, §5.4, §5.5). */
export function pickClaims(
  all: Record<string, unknown>,
  scopes: readonly string[],
  requested: RequestedClaims = {},
): Record<string, unknown> {
  const names = new Set<string>()
  for (const [scope, released] of Object.entries(claimsOfScope))
    if (scopes.includes(scope)) for (const name of released) names.add(name)
  // Only standard claims can be named: whatever else a record about a person holds is not the client's to choose.
  for (const name of standardClaims)
    if (Object.hasOwn(requested, name) && fits(all[name], requested[name])) names.add(name)
  return Object.fromEntries([...names].filter((name) => isPresent(all, name)).map((name) => [name, all[name]]))
}

function isPresent(all: Record<string, unknown>, name: string): boolean {
  return Object.hasOwn(all, name) && all[name] !== undefined && all[name] !== null && all[name] !== ''
}

function fits(actual: unknown, wish: ClaimRequest | null | undefined): boolean {
  if (wish === null || wish === undefined) return true
  if (wish.value !== undefined && wish.value !== actual) return false
  return wish.values === undefined || wish.values.includes(actual)
}

function parseMember(member: unknown): RequestedClaims | undefined {
  if (!isRecord(member)) return undefined
  const entries = Object.entries(member)
  if (entries.length > maxItems) return undefined
  const claims: [string, ClaimRequest | null][] = []
  for (const [name, wish] of entries) {
    const claim = wish === null ? null : parseClaim(wish)
    if (claim === undefined) return undefined
    claims.push([name, claim])
  }
  // fromEntries defines members; an assignment would let a claim called __proto__ replace the prototype.
  return Object.fromEntries(claims)
}

function parseClaim(wish: unknown): ClaimRequest | undefined {
  if (!isRecord(wish)) return undefined
  const claim: ClaimRequest = {}
  if (Object.hasOwn(wish, 'essential')) {
    if (typeof wish['essential'] !== 'boolean') return undefined
    claim.essential = wish['essential']
  }
  if (Object.hasOwn(wish, 'value')) claim.value = wish['value']
  if (Object.hasOwn(wish, 'values')) {
    if (!Array.isArray(wish['values'])) return undefined
    claim.values = wish['values']
  }
  return claim
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json, requireText)
  } catch {
    return undefined
  }
}

/** Escapes can spell what PostgreSQL cannot store, in a request that is itself well formed. */
function requireText(name: string, value: unknown): unknown {
  if (!isWellFormedText(name) || (typeof value === 'string' && !isWellFormedText(value)))
    throw new SyntaxError('not text')
  return value
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
