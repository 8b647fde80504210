import { flattenedVerify } from 'jose'
import { type Entry, parseEntry } from './entry.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { algorithms } from './signing-key.ts'

/** A frame of the feed (docs/revocation-feed.md §2), read and found well-formed. */
export interface Frame {
  readonly issuer: string
  readonly epoch: string
  readonly instance: string
  readonly from: number
  readonly to: number
  readonly entries: readonly Entry[]
  /** The instance's clock when the read began. Absent where there is more to come: such a frame says nothing about freshness. */
  readonly anchorMs?: number
  /** The database's clock at that read. */
  readonly asofSeconds?: number
  readonly hasMore: boolean
  readonly wantsAck: boolean
  readonly feedKey?: string
}

/** What makes a frame worth nothing. The message says why, and carries nothing of what is in it. */
export class FrameRefused extends Error {
  override readonly name = 'FrameRefused'
}

export const maxFrameBytes = 16 * 1024 * 1024

/** @throws {FrameRefused} */
export function parseFrame(text: string): Frame {
  const value = parseJson(text)
  const { iss, ep, in: instance, from, to, a, asof, more, ack, key } = value
  if (typeof iss !== 'string' || typeof ep !== 'string' || ep === '' || typeof instance !== 'string')
    throw new FrameRefused('iss, ep or in is missing')
  if (!isPosition(from) || !isPosition(to)) throw new FrameRefused('from or to is not a position')
  if (![a, asof].every((number) => number === undefined || Number.isFinite(number)))
    throw new FrameRefused('a or asof is not a number')
  if (key !== undefined && typeof key !== 'string') throw new FrameRefused('key is not a string')
  return {
    issuer: iss,
    epoch: ep,
    instance,
    from,
    to,
    entries: parseEntries(value['e']),
    ...(typeof a === 'number' && more !== true ? { anchorMs: a } : {}),
    ...(typeof asof === 'number' ? { asofSeconds: asof } : {}),
    hasMore: more === true,
    wantsAck: ack === true,
    ...(key === undefined ? {} : { feedKey: key }),
  }
}

/** A frame that the issuer has signed. @throws {FrameRefused} */
export async function readFrame(text: string, signature: string, issuer: string, keys: IssuerKeys): Promise<Frame> {
  const [head, middle, tail, ...rest] = signature.split('.')
  if (!head || middle !== '' || !tail || rest.length > 0) throw new FrameRefused('The signature is not a detached JWS')
  const payload = Buffer.from(text).toString('base64url')
  const verified = await flattenedVerify(
    { protected: head, payload, signature: tail },
    async (header) => {
      const key = typeof header?.kid === 'string' ? await keys.find(header.kid) : 'unknown'
      if (typeof key === 'string') throw new FrameRefused(`The signing key is ${key}`)
      if (key.alg !== header?.alg) throw new FrameRefused('The algorithm is not that of the key')
      return key.key
    },
    { algorithms: [...algorithms] },
  ).catch((error: unknown) => {
    throw error instanceof FrameRefused ? error : new FrameRefused('The signature does not fit')
  })
  if (verified.protectedHeader?.typ !== 'revfeed+jws') throw new FrameRefused('typ is not revfeed+jws')
  const frame = parseFrame(text)
  if (frame.issuer !== issuer) throw new FrameRefused('iss is not the issuer')
  return frame
}

const isPosition = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

function parseJson(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    throw new FrameRefused('A frame is not JSON')
  }
  throw new FrameRefused('A frame is not an object')
}

function parseEntries(value: unknown = []): Entry[] {
  if (!Array.isArray(value)) throw new FrameRefused('e is not an array')
  return value.map((one: unknown) => {
    const entry = parseEntry(one)
    if (!entry) throw new FrameRefused('An entry cannot be understood')
    return entry
  })
}
