import { createHmac } from 'node:crypto'
import type { HashedKind } from './entry.ts'

/** The key of an id, as two unsigned 32-bit halves. */
export interface HashedId {
  readonly high: number
  readonly low: number
}

/** The first eight bytes of HMAC-SHA-256(feed key, kind ‖ id). */
export function hashId(feedKey: Buffer, kind: HashedKind, id: string): HashedId {
  const digest = createHmac('sha256', feedKey).update(kind).update(id).digest()
  return { high: digest.readUInt32BE(0), low: digest.readUInt32BE(4) }
}

/** Ids that are remembered for each kind: twice this, at most. */
const most = 10_000

/** Remembers hashes, because one costs more than everything else that is done for a token. Whoever was seen lately stays. */
export function createIdHash(feedKey: Buffer, kind: HashedKind): (id: string) => HashedId {
  let recent = new Map<string, HashedId>()
  let older = new Map<string, HashedId>()
  return (id) => {
    const known = recent.get(id)
    if (known) return known
    const hashed = older.get(id) ?? hashId(feedKey, kind, id)
    if (recent.size >= most) {
      older = recent
      recent = new Map()
    }
    recent.set(id, hashed)
    return hashed
  }
}
