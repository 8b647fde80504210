import type { SigningAlg } from '../domain/signing-key.ts'
import type { Queries, Statement } from './database.ts'

/** An API that access tokens are issued for (RFC 8707). */
export interface Resource {
  readonly identifier: string
  readonly scopes: readonly string[]
  readonly accessTokenTtlSeconds: number | null
  readonly signingAlg: SigningAlg
}

const list: Statement = {
  name: 'list_resources_for_tokens',
  text: `select identifier, scopes, access_token_ttl_seconds as "accessTokenTtlSeconds", signing_alg as "signingAlg" from resources`,
}

/** The registered resources by identifier; pass those that must be known. */
export type FindResources = (wanted?: readonly string[]) => Promise<ReadonlyMap<string, Resource>>

/** A short memory of the few rows of `resources`, for the same reason as that of clients. An unknown identifier is asked for again. */
export function createResourceCache(db: Queries, ttlSeconds: number): { find: FindResources; forget: () => void } {
  let known: ReadonlyMap<string, Resource> = new Map()
  let readAt = Number.NEGATIVE_INFINITY
  const find: FindResources = async (wanted = []) => {
    const isFresh = performance.now() - readAt < ttlSeconds * 1000
    if (isFresh && wanted.every((identifier) => known.has(identifier))) return known
    const rows = await db.run<Resource>(list, [])
    known = new Map(rows.map((row) => [row.identifier, row]))
    readAt = performance.now()
    return known
  }
  return {
    find,
    forget: () => {
      readAt = Number.NEGATIVE_INFINITY
    },
  }
}
