/** Kinds whose key is the end of a UUID. */
export const idKinds = ['s', 'g', 'j'] as const
/** Kinds whose key is a hash under the feed key. */
export const hashedKinds = ['u', 'c', 'k'] as const

export type HashedKind = (typeof hashedKinds)[number]
export type EntryKind = (typeof idKinds)[number] | HashedKind | 'a'

/** One ending (docs/revocation-feed.md §4), its key as two unsigned 32-bit halves. */
export interface Entry {
  readonly position: number
  readonly kind: EntryKind
  readonly high: number
  readonly low: number
  readonly until: number
  readonly notBefore?: number
}

const kinds: ReadonlySet<unknown> = new Set<EntryKind>([...idKinds, ...hashedKinds, 'a'])
/** What a slot can hold; in the year 2106 it will need more. */
const lastSecond = 2 ** 32 - 1

const isPosition = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
const isKind = (value: unknown): value is EntryKind => kinds.has(value)
const isFinite = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)

/** An entry out of a frame, or undefined: what cannot be read cannot be obeyed either, and the frame is refused. */
export function parseEntry(value: unknown): Entry | undefined {
  if (!Array.isArray(value) || value.length < 4) return undefined
  const [position, kind, key, until, notBefore] = value as unknown[]
  if (!isPosition(position) || !isKind(kind) || typeof key !== 'string' || !isFinite(until)) return undefined
  if (notBefore !== undefined && notBefore !== null && !isFinite(notBefore)) return undefined
  const bytes = Buffer.from(key, 'base64url')
  if (bytes.length !== 8 || until < 1 || until > lastSecond) return undefined
  return {
    position,
    kind,
    high: bytes.readUInt32BE(0),
    low: bytes.readUInt32BE(4),
    until: Math.ceil(until),
    ...(isFinite(notBefore) ? { notBefore } : {}),
  }
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export const isUuid = (value: unknown): value is string => typeof value === 'string' && uuid.test(value)

/** The last eight bytes of a UUID, as two halves: the first ones are the time. */
export const uuidTailHigh = (id: string): number => ((hex4(id, 19) << 16) | hex4(id, 24)) >>> 0
export const uuidTailLow = (id: string): number => ((hex4(id, 28) << 16) | hex4(id, 32)) >>> 0

/** Four digits, without a string in between: this runs for every token. */
const hex4 = (text: string, at: number): number =>
  (digit(text.charCodeAt(at)) << 12) |
  (digit(text.charCodeAt(at + 1)) << 8) |
  (digit(text.charCodeAt(at + 2)) << 4) |
  digit(text.charCodeAt(at + 3))

const digit = (code: number): number => (code < 58 ? code - 48 : (code | 32) - 87)
