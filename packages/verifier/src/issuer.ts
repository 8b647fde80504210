import { createBackoff } from './backoff.ts'
import type { Clock } from './clock.ts'
import { type Report, reasonOf } from './events.ts'
import { type Exchange, UnexpectedAnswer } from './exchange.ts'
import { createIssuerKeys, type IssuerKeys } from './issuer-keys.ts'
import { type FeedMetadata, fetchMetadata, type Metadata } from './metadata.ts'
import { createGate, pause } from './waiting.ts'

/** Metadata and keys of the issuer, fetched until they are there and refreshed from then on. */
export interface Issuer {
  readonly keys: IssuerKeys
  /** The latest that is known. */
  readonly metadata: Metadata | undefined
  /** Waits for the metadata. @throws when the issuer has no feed */
  findFeed(): Promise<FeedMetadata>
}

export interface IssuerParts {
  readonly issuer: string
  readonly exchange: Exchange
  readonly report: Report
  readonly clock: Clock
  readonly isKeyRevoked: (kid: string) => boolean
  readonly closed: AbortSignal
  readonly onMetadata: (metadata: Metadata) => void
}

const refreshMs = 300_000
const requestMs = 10_000

export function createIssuer(parts: IssuerParts): Issuer {
  const { issuer, exchange, report, closed } = parts
  const known = createGate()
  let metadata: Metadata | undefined
  const keys = createIssuerKeys(fetchJwks, parts.clock, parts.isKeyRevoked)
  const limit = () => AbortSignal.any([closed, AbortSignal.timeout(requestMs)])

  async function fetchJwks(): Promise<string> {
    if (!metadata) throw new Error('The metadata is not known yet')
    const answer = await exchange.ask(metadata.jwksUri, { signal: limit() })
    if (answer.status !== 200) throw new UnexpectedAnswer('The JWKS endpoint', answer)
    return answer.text
  }

  async function refresh(what: 'metadata' | 'keys', load: () => Promise<void>): Promise<boolean> {
    try {
      await load()
      return true
    } catch (error) {
      if (!closed.aborted) report({ type: 'failed', what, reason: reasonOf(error) })
      return false
    }
  }

  async function loadMetadata(): Promise<void> {
    metadata = await fetchMetadata(issuer, exchange, limit())
    parts.onMetadata(metadata)
    known.open()
  }

  async function run(): Promise<void> {
    const backoff = createBackoff()
    while (!closed.aborted) {
      const isDone = (await refresh('metadata', loadMetadata)) && (await refresh('keys', () => keys.refresh()))
      if (isDone) backoff.reset()
      // Not in step with all the others that started together.
      await pause(isDone ? refreshMs * (0.9 + 0.2 * Math.random()) : backoff.nextMs(), closed)
    }
    known.open()
  }

  void run()
  return {
    keys,
    get metadata() {
      return metadata
    },
    findFeed: async () => {
      await known.promise
      if (!metadata?.feed) throw new Error('The metadata of the issuer names no revocation feed')
      return metadata.feed
    },
  }
}
