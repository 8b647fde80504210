import { createHmac } from 'node:crypto'
import { equalBytes } from './equal.ts'
import { sha256 } from './hash.ts'

/** What a seal says, besides the events that are under it. */
export interface SealFacts {
  readonly n: number
  /** Microseconds since 1970. */
  readonly atMicros: string
  /** `YYYY-MM-DD`, the first of the month. */
  readonly month: string
  readonly events: number
  readonly rowsHash: Buffer
}

/** The hashes of the audit chain. Who does not have its key can neither make one nor tell whether one is right. */
export interface AuditChain {
  /** Of an event at its place under a seal; the fields in a fixed order. */
  eventMac(seal: number, place: number, fields: readonly (string | null)[]): Buffer
  rowsHash(macs: readonly Buffer[]): Buffer
  /** Binds a seal to the one before it; `before` is empty for the first. */
  sealMac(facts: SealFacts, before: Buffer): Buffer
  isSame(a: Buffer, b: Buffer): boolean
}

/** Half of HMAC-SHA-256, the least that HMAC may be cut to: there is one for each event. */
const eventMacBytes = 16

export function createAuditChain(key: Buffer): AuditChain {
  const mac = (what: string, values: readonly unknown[]) =>
    // JSON sets the values off from each other, so no two lists of them are the same text.
    createHmac('sha256', key).update(what).update(JSON.stringify(values)).digest()
  return {
    eventMac: (seal, place, fields) => mac('event', [seal, place, ...fields]).subarray(0, eventMacBytes),
    rowsHash: (macs) => sha256(Buffer.concat([...macs])),
    sealMac: ({ n, atMicros, month, events, rowsHash }, before) =>
      mac('seal', [n, atMicros, month, events, rowsHash.toString('hex'), before.toString('hex')]),
    isSame: equalBytes,
  }
}

/** The hash that takes the place of an event's personal part. Where that was erased nothing but this is left. */
export const personalHash = (salt: string | null, personal: string): Buffer =>
  sha256(Buffer.concat([Buffer.from((salt ?? '').replaceAll('-', ''), 'hex'), Buffer.from(personal)]))
