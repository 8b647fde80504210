import { signDetached } from '../../crypto/jwt.ts'
import type { KeyRing } from '../keys/ring.ts'
import type { FeedLog } from './log.ts'
import type { Reading } from './reader.ts'

/** A frame as it travels (docs/revocation-feed.md §2): its JSON, and the detached signature of exactly that. */
export interface SignedFrame {
  readonly json: string
  readonly signature: string
  readonly to: number
  /** It covers all that its reading has shown, so it says how fresh that is. */
  readonly isLast: boolean
}

export interface Framer {
  /** The first frame of what came after a position. */
  first(from: number, reading: Reading, extra?: { key: string }): Promise<SignedFrame>
  /** All of it. Whoever asks for the same of one reading gets the same frames, signed once. */
  all(from: number, reading: Reading): Promise<readonly SignedFrame[]>
}

const mostEntries = 5000

export function createFramer(
  log: FeedLog,
  { issuer, instance, keys }: { issuer: string; instance: string; keys: KeyRing },
): Framer {
  const made = new WeakMap<Reading, Map<number, Promise<readonly SignedFrame[]>>>()

  const first: Framer['first'] = async (from, reading, extra) => {
    const { json: entries, last, isAll } = log.after(from, mostEntries)
    const { epoch, head, anchorMs, asofSeconds, awaited } = reading
    const to = isAll ? Math.max(head, last) : last
    // Rounded down: nothing may look younger than it is.
    const anchor = { a: Math.floor(anchorMs * 10) / 10, asof: asofSeconds, ...(awaited === null ? {} : { ack: true }) }
    const members = { iss: issuer, ep: epoch, in: instance, from, to, ...(isAll ? anchor : { more: true }), ...extra }
    const start = JSON.stringify(members)
    const json = entries.length === 0 ? start : `${start.slice(0, -1)},"e":[${entries.join(',')}]}`
    const signature = await signDetached(await keys.signer('ES256'), 'revfeed+jws', json)
    return { json, signature, to, isLast: isAll }
  }

  const makeAll = async (from: number, reading: Reading): Promise<readonly SignedFrame[]> => {
    const frames: SignedFrame[] = []
    for (let position = from; ; ) {
      const frame = await first(position, reading)
      frames.push(frame)
      if (frame.isLast) return frames
      position = frame.to
    }
  }

  return {
    first,
    all: (from, reading) => {
      const ofReading = made.get(reading) ?? new Map<number, Promise<readonly SignedFrame[]>>()
      made.set(reading, ofReading)
      const frames = ofReading.get(from) ?? makeAll(from, reading)
      ofReading.set(from, frames)
      return frames
    },
  }
}

/** The frame as a server-sent event: the frame, and beneath it the signature. */
export const eventOf = ({ json, signature, to }: SignedFrame): string =>
  `id: ${to}\ndata: ${json}\ndata: ${signature}\n\n`
