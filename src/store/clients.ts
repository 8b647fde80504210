import { LRUCache } from 'lru-cache'
import type { Client } from '../domain/client.ts'
import { combined, inPlace } from './combiner.ts'
import type { Database, Queries, Statement } from './database.ts'

/** What the server itself reads of a client's metadata. It was validated when it was written. */
interface StoredMetadata {
  client_name?: string
  client_uri?: string
  logo_uri?: string
  policy_uri?: string
  tos_uri?: string
  application_type?: Client['applicationType']
  token_endpoint_auth_method?: Client['authMethod']
  redirect_uris?: string[]
  post_logout_redirect_uris?: string[]
  require_pkce?: boolean
  access_token_ttl_seconds?: number
  default_max_age?: number
  id_token_signed_response_alg?: Client['idTokenSignedResponseAlg']
  default_resource?: string
  allowed_resources?: string[]
  allowed_cors_origins?: string[]
  resource_server_for?: string[]
}

/** A row of `clientColumns`. */
export interface ClientRow {
  id: string
  client_id: string
  metadata: StoredMetadata
  grant_types: string[]
  scopes: string[]
  skip_consent: boolean
  rotates: boolean
  disabled_at: Date | null
  hashes: string[] | null
}

/** Of the client `c`, with the hashes of its secrets; what `clientFrom` reads. */
export const clientColumns = `c.id, c.client_id, c.metadata, c.grant_types, c.scopes, c.skip_consent, c.rotates, c.disabled_at,
  (select array_agg(encode(k.hash, 'hex')) from client_secrets k where k.client = c.id and (k.expires_at is null or k.expires_at > clock_now())) as hashes`

const read: Statement = {
  name: 'read_client',
  text: `
select p.place::int, ${clientColumns}
from unnest($1::text[]) with ordinality as p (client_id, place) join clients c on c.client_id = p.client_id`,
}

/** The client as it is now: for /authorize, where a removed redirect URI must count at once. Read with those that are asked for at the same moment. */
export const findClient = combined<string, Client | undefined>({
  concurrency: 2,
  run: async (db, clientIds) => {
    const rows = await db.run<ClientRow & { readonly place: number }>(read, [clientIds])
    return inPlace(rows, clientIds.length).map((row) => row && clientFrom(row))
  },
})

/** Finds a client by its id; may be a few seconds old. */
export type FindClient = (clientId: string) => Promise<Client | undefined>

/**
 * A short memory of clients, so that a refresh costs one round trip. It decides nothing that must hold at once: the statements read
 * `disabled` themselves, and a client that is not found is asked for again.
 */
export function createClientCache(db: Database, ttlSeconds: number): { find: FindClient; forget: () => void } {
  const cache = new LRUCache<string, Client>({ max: 1000, ttl: ttlSeconds * 1000 })
  const find: FindClient = async (clientId) => {
    const known = cache.get(clientId)
    if (known) return known
    const client = await findClient(db, clientId)
    if (client) cache.set(clientId, client)
    return client
  }
  return { find, forget: () => cache.clear() }
}

const origin: Statement = {
  name: 'origin_is_registered',
  text: `select 1 from clients where origins_of(metadata) @> array[$1::text] and disabled_at is null limit 1`,
}

/** Whether a web origin belongs to any client: then its pages may read what the token endpoint answers them. */
export async function isRegisteredOrigin(db: Queries, webOrigin: string): Promise<boolean> {
  return (await db.run(origin, [webOrigin])).length > 0
}

export function clientFrom({ metadata: m, ...row }: ClientRow): Client {
  return {
    id: row.id,
    clientId: row.client_id,
    ...present({
      name: m.client_name,
      clientUri: m.client_uri,
      logoUri: m.logo_uri,
      policyUri: m.policy_uri,
      tosUri: m.tos_uri,
      accessTokenTtlSeconds: m.access_token_ttl_seconds,
      defaultMaxAgeSeconds: m.default_max_age,
      defaultResource: m.default_resource,
      allowedResources: m.allowed_resources,
    }),
    applicationType: m.application_type ?? 'web',
    authMethod: m.token_endpoint_auth_method ?? 'client_secret_basic',
    secretHashes: (row.hashes ?? []).map((hash) => Buffer.from(hash, 'hex')),
    redirectUris: m.redirect_uris ?? [],
    postLogoutRedirectUris: m.post_logout_redirect_uris ?? [],
    grantTypes: row.grant_types,
    scopes: row.scopes,
    requirePkce: m.require_pkce ?? true,
    skipConsent: row.skip_consent,
    rotatesRefreshTokens: row.rotates,
    idTokenSignedResponseAlg: m.id_token_signed_response_alg ?? 'RS256',
    allowedCorsOrigins: m.allowed_cors_origins ?? [],
    resourceServerFor: m.resource_server_for ?? [],
    isDisabled: row.disabled_at !== null,
  }
}

/** The members that have a value. */
const present = <T extends object>(members: T): { [K in keyof T]?: NonNullable<T[K]> } =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined && value !== null)) as {
    [K in keyof T]?: NonNullable<T[K]>
  }
