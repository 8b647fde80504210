import { type AuditChain, personalHash } from '../crypto/audit-chain.ts'
import type { ChainedEvent, SealedEvent, StoredSeal } from '../store/audit-seals.ts'

/** Where the chain is broken first. */
export interface Break {
  readonly kind:
    | 'missing_event'
    | 'changed_event'
    | 'unknown_event'
    | 'missing_seal'
    | 'changed_seal'
    /** The head that was noted is not in the chain: its end was cut off, or all of it made anew. */
    | 'unknown_head'
  readonly seal: number
  /** `YYYY-MM-DD`, the first of the month that the events of the seal are of. */
  readonly month: string | null
  readonly place: number | null
  readonly eventId: string | null
}

const broken = (kind: Break['kind'], seal: number, rest: Partial<Break> = {}): Break => ({
  kind,
  seal,
  month: null,
  place: null,
  eventId: null,
  ...rest,
})

/** What binds an event to its place. Its personal part only by a hash, so that it can go. */
export function macOf(chain: AuditChain, n: number, place: number, event: ChainedEvent): Buffer {
  const personal = event.personalHash ?? personalHash(event.salt, event.personal)
  return chain.eventMac(n, place, [...event.fields, personal.toString('hex')])
}

/** Whether a seal follows the one before it. */
export function checkSeal(
  chain: AuditChain,
  before: { readonly n: number; readonly mac: Buffer },
  seal: StoredSeal,
): Break | undefined {
  if (seal.n !== before.n + 1) return broken('missing_seal', before.n + 1)
  const isRight = chain.isSame(chain.sealMac(seal, before.mac), seal.mac)
  return isRight ? undefined : broken('changed_seal', seal.n, { month: seal.month })
}

/** What was found under a seal that is right itself. */
export interface CheckedEvents {
  readonly broken?: Break
  readonly present: number
  readonly gone: number
  readonly erased: number
  readonly late: number
}

const lateMs = 3_600_000

/** Compares the events under a seal with it. Where the retention may have dropped its month, they may be gone. */
export function checkEvents(
  chain: AuditChain,
  seal: StoredSeal,
  events: readonly SealedEvent[],
  mayBeGone: boolean,
): CheckedEvents {
  const found = new Map<number, SealedEvent>()
  const at = (kind: Break['kind'], place: number | null, event?: SealedEvent) =>
    broken(kind, seal.n, { month: seal.month, place, eventId: event?.id ?? null })
  const none = { present: 0, gone: 0, erased: 0, late: 0 }
  for (const event of events) {
    const { place, mac } = event
    if (place === null || place < 1 || place > seal.events)
      return { ...none, broken: at('unknown_event', place, event) }
    const isRight =
      mac !== null &&
      chain.isSame(macOf(chain, seal.n, place, event), mac) &&
      !(event.personalHash && event.hasPersonal) &&
      event.month === seal.month
    if (!isRight) {
      // Where two are at one place, the one that is not right has been put there.
      const isDoubled = events.some((other) => other !== event && other.place === place)
      return { ...none, broken: at(isDoubled ? 'unknown_event' : 'changed_event', place, event) }
    }
    found.set(place, event)
  }
  const gone = seal.events - found.size
  if (gone > 0 && !mayBeGone) {
    const missing = Array.from({ length: seal.events }, (_, index) => index + 1).find((place) => !found.has(place))
    return { ...none, broken: at('missing_event', missing ?? null) }
  }
  const macs = events.flatMap((event) => event.mac ?? [])
  if (gone === 0 && !chain.isSame(chain.rowsHash(macs), seal.rowsHash))
    return { ...none, broken: at('changed_seal', null) }
  return {
    present: found.size,
    gone,
    erased: events.filter((event) => event.personalHash !== null).length,
    late: events.filter((event) => seal.at.getTime() - event.atMs > lateMs).length,
  }
}
