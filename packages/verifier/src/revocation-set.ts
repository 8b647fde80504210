import { type Entry, type EntryKind, type HashedKind, hashedKinds, uuidTailHigh, uuidTailLow } from './entry.ts'
import { createIdHash, type HashedId } from './id-hash.ts'
import { createKeyTable, type KeyTable, segmentCount } from './key-table.ts'

/** What of a token an entry can match. */
export interface TokenFacts {
  readonly sid: string | undefined
  readonly gid: string | undefined
  readonly jti: string | undefined
  readonly sub: string | undefined
  readonly clientId: string | undefined
  readonly kid: string | undefined
  readonly rvp: number
  /** `auth_time`, or `iat` where the token has none. */
  readonly authTime: number
}

/** All entries that still matter (docs/revocation-feed.md §4 and §6). */
export interface RevocationSet {
  readonly size: number
  readonly bytes: number
  /** Entries that come from now on are under this key; those that are there stay under theirs. */
  useFeedKey(feedKey: string): void
  readonly hasFeedKey: boolean
  add(entry: Entry): void
  isRevoked(token: TokenFacts): boolean
  isSigningKeyRevoked(kid: string): boolean
  /** False while an entry that found no room may still matter. */
  readonly isComplete: boolean
  /** Drops everything that is over; with `gradually`, one part at a time. */
  forget(nowSeconds: number, gradually?: 'gradually'): void
}

/** The entries of one kind: those that compare positions, and those that compare the time of authentication. */
interface KindTables {
  readonly positions: KeyTable
  readonly notBefores: KeyTable
}

/** The entries of one kind under one feed key. */
interface HashedTables extends KindTables {
  readonly hash: (id: string) => HashedId
}

interface FeedKeyTables {
  readonly feedKey: string
  readonly tables: Readonly<Record<HashedKind, HashedTables>>
}

const createTables = (): KindTables => ({ positions: createKeyTable(), notBefores: createKeyTable() })

function createFeedKeyTables(feedKey: string): FeedKeyTables {
  const bytes = Buffer.from(feedKey, 'base64url')
  const of = (kind: HashedKind): HashedTables => ({ ...createTables(), hash: createIdHash(bytes, kind) })
  return { feedKey, tables: { u: of('u'), c: of('c'), k: of('k') } }
}

const isEmpty = ({ positions, notBefores }: KindTables): boolean => positions.size === 0 && notBefores.size === 0

const ends = ({ positions, notBefores }: KindTables, high: number, low: number, token: TokenFacts): boolean =>
  positions.find(high, low) > token.rvp || notBefores.find(high, low) > token.authTime

const endsId = (tables: KindTables, id: string | undefined, token: TokenFacts): boolean =>
  id !== undefined && !isEmpty(tables) && ends(tables, uuidTailHigh(id), uuidTailLow(id), token)

function endsHashed(tables: HashedTables, id: string | undefined, token: TokenFacts): boolean {
  // Without entries of a kind, nothing is hashed for it.
  if (id === undefined || isEmpty(tables)) return false
  const { high, low } = tables.hash(id)
  return ends(tables, high, low, token)
}

function hasKey({ positions, hash }: HashedTables, id: string | undefined): boolean {
  if (id === undefined || positions.size === 0) return false
  const { high, low } = hash(id)
  return positions.find(high, low) >= 0
}

export function createRevocationSet(maxEntries: number): RevocationSet {
  const own = { a: createTables(), s: createTables(), g: createTables(), j: createTables() }
  /** Newest first. There is one, unless the server has changed its feed key within the last hour. */
  let hashed: FeedKeyTables[] = []
  let horizon = 0
  let sweptAt = 0
  let lostUntil = 0
  let part = 0

  const all = (): KindTables[] => [...Object.values(own), ...hashed.flatMap(({ tables }) => Object.values(tables))]
  const sum = (of: (table: KeyTable) => number) =>
    all().reduce((total, { positions, notBefores }) => total + of(positions) + of(notBefores), 0)
  let size = 0

  const tablesOf = (kind: EntryKind): KindTables | undefined =>
    kind === 'u' || kind === 'c' || kind === 'k' ? hashed[0]?.tables[kind] : own[kind]

  function forgetPart(one: number): void {
    for (const { positions, notBefores } of all()) {
      positions.forget(horizon, one)
      notBefores.forget(horizon, one)
    }
    hashed = hashed.filter(({ tables }, index) => index === 0 || hashedKinds.some((kind) => !isEmpty(tables[kind])))
    size = sum((table) => table.size)
  }

  function forgetAll(): void {
    sweptAt = horizon
    for (let one = 0; one < segmentCount; one++) forgetPart(one)
  }

  return {
    get size() {
      return size
    },
    get bytes() {
      return sum((table) => table.bytes)
    },
    get hasFeedKey() {
      return hashed.length > 0
    },
    useFeedKey: (feedKey) => {
      if (hashed[0]?.feedKey === feedKey) return
      const known = hashed.find((tables) => tables.feedKey === feedKey)
      hashed = [known ?? createFeedKeyTables(feedKey), ...hashed.filter((tables) => tables !== known)]
    },
    add: ({ kind, high, low, position, until, notBefore }) => {
      const tables = tablesOf(kind)
      if (!tables) throw new Error(`An entry of kind ${kind} before the feed key`)
      if (until < horizon) return
      if (size >= maxEntries && sweptAt < horizon) forgetAll()
      // A token, or a key, is revoked as such: nothing is compared.
      const isLine = notBefore !== undefined && kind !== 'j' && kind !== 'k'
      const outcome = isLine
        ? tables.notBefores.add(high, low, notBefore, until, size < maxEntries)
        : tables.positions.add(high, low, position, until, size < maxEntries)
      if (outcome === 'new') size++
      if (outcome === 'full') lostUntil = Math.max(lostUntil, until)
    },
    isRevoked: (token) => {
      if (!isEmpty(own.a) && ends(own.a, 0, 0, token)) return true
      if (endsId(own.s, token.sid, token) || endsId(own.g, token.gid, token)) return true
      const { jti, kid } = token
      if (jti !== undefined && own.j.positions.size > 0)
        if (own.j.positions.find(uuidTailHigh(jti), uuidTailLow(jti)) >= 0) return true
      for (const { tables } of hashed) {
        if (endsHashed(tables.u, token.sub, token) || endsHashed(tables.c, token.clientId, token)) return true
        if (hasKey(tables.k, kid)) return true
      }
      return false
    },
    isSigningKeyRevoked: (kid) => hashed.some(({ tables }) => hasKey(tables.k, kid)),
    get isComplete() {
      return lostUntil < horizon || lostUntil === 0
    },
    forget: (nowSeconds, gradually) => {
      horizon = Math.max(horizon, Math.floor(nowSeconds))
      if (!gradually) return forgetAll()
      part = (part + 1) % segmentCount
      return forgetPart(part)
    },
  }
}
