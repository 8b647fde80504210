/** Per 64-bit key the greatest value (a position, or a not-before) and the last second at which it matters. */
export interface KeyTable {
  readonly size: number
  readonly bytes: number
  /** The greater value and the later `until` win. @returns whether the key is new; it is not added when that is not allowed */
  add(high: number, low: number, value: number, until: number, mayGrow: boolean): 'new' | 'known' | 'full'
  /** The value, or -1. Allocates nothing. */
  find(high: number, low: number): number
  /** Drops what is over, in one of the `segmentCount` parts. */
  forget(nowSeconds: number, part: number): void
}

/** Parts are rebuilt one by one, so that a million entries never stop the process for longer than a part takes. */
export const segmentCount = 64

/** Open addressing; a slot is free while its `until` is zero. */
interface Segment {
  readonly keys: Uint32Array
  readonly values: Float64Array
  readonly untils: Uint32Array
  used: number
}

const bytesPerSlot = 20
const leastSlots = 8
/** Parts that fill at the same pace must not all be rebuilt in the same moment. */
const fullAt = (part: number): number => 0.55 + (0.15 * part) / segmentCount
const slotsPerEntry = 2.2

const createSegment = (entries: number): Segment => {
  const slots = Math.max(leastSlots, Math.ceil(entries * slotsPerEntry))
  return { keys: new Uint32Array(2 * slots), values: new Float64Array(slots), untils: new Uint32Array(slots), used: 0 }
}

/** The slot of the key, or the free one where it belongs. */
function slotOf({ keys, untils }: Segment, high: number, low: number): number {
  const slots = untils.length
  let slot = low % slots
  while (untils[slot] !== 0 && (keys[2 * slot] !== high || keys[2 * slot + 1] !== low)) {
    slot++
    if (slot === slots) slot = 0
  }
  return slot
}

function put(segment: Segment, slot: number, high: number, low: number, value: number, until: number): void {
  segment.keys[2 * slot] = high
  segment.keys[2 * slot + 1] = low
  segment.values[slot] = value
  segment.untils[slot] = until
  segment.used++
}

/** Growing, shrinking and forgetting are the same: a new part with what still matters. */
function rebuild(old: Segment, nowSeconds: number): Segment {
  const { keys, values, untils } = old
  let live = 0
  for (const until of untils) if (until !== 0 && until >= nowSeconds) live++
  const segment = createSegment(live + 1)
  for (let slot = 0; slot < untils.length; slot++) {
    const until = untils[slot] ?? 0
    if (until === 0 || until < nowSeconds) continue
    const [high, low] = [keys[2 * slot] ?? 0, keys[2 * slot + 1] ?? 0]
    put(segment, slotOf(segment, high, low), high, low, values[slot] ?? 0, until)
  }
  return segment
}

export function createKeyTable(): KeyTable {
  const segments: (Segment | undefined)[] = Array.from({ length: segmentCount })
  let size = 0
  let over = 0

  const replace = (part: number, old: Segment, segment: Segment): Segment => {
    size += segment.used - old.used
    segments[part] = segment
    return segment
  }

  return {
    get size() {
      return size
    },
    get bytes() {
      return segments.reduce((sum, segment) => sum + (segment?.untils.length ?? 0) * bytesPerSlot, 0)
    },
    add: (high, low, value, until, mayGrow) => {
      // The first bits of a UUID's tail are always the same; these are random in a hash and in a UUID.
      const part = high % segmentCount
      let segment = (segments[part] ??= createSegment(1))
      let slot = slotOf(segment, high, low)
      if (segment.untils[slot] !== 0) {
        segment.values[slot] = Math.max(segment.values[slot] ?? 0, value)
        segment.untils[slot] = Math.max(segment.untils[slot] ?? 0, until)
        return 'known'
      }
      if (!mayGrow) return 'full'
      if (segment.used + 1 > segment.untils.length * fullAt(part)) {
        segment = replace(part, segment, rebuild(segment, over))
        slot = slotOf(segment, high, low)
      }
      put(segment, slot, high, low, value, until)
      size++
      return 'new'
    },
    find: (high, low) => {
      const segment = segments[high % segmentCount]
      if (segment === undefined) return -1
      const slot = slotOf(segment, high, low)
      return segment.untils[slot] === 0 ? -1 : (segment.values[slot] ?? -1)
    },
    forget: (nowSeconds, part) => {
      over = nowSeconds
      const segment = segments[part]
      if (!segment?.untils.some((until) => until !== 0 && until < nowSeconds)) return
      if (replace(part, segment, rebuild(segment, nowSeconds)).used === 0) segments[part] = undefined
    },
  }
}
