import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { createEventStreamParser, type ServerSentEvent } from './event-stream.ts'
import { type Exchange, UnexpectedAnswer } from './exchange.ts'
import type { FeedRequest } from './feed-state.ts'
import { type Frame, FrameRefused, maxFrameBytes, readFrame } from './frame.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import type { FeedMetadata } from './metadata.ts'

/** A frame, and the request that it answers. */
export interface Received {
  readonly frame: Frame
  readonly request: FeedRequest
  readonly bytes: number
}

export interface Hello {
  readonly instance: string
  readonly heartbeatMs: number
}

export interface StreamListener {
  onHello(hello: Hello): void
  /** The answer says whether the stream is still wanted. */
  onFrame(received: Received): boolean
}

/** The requests of docs/revocation-feed.md §1. Every frame that they give is verified. */
export interface FeedRequests {
  snapshot(feed: FeedMetadata, signal: AbortSignal): Promise<Received>
  delta(feed: FeedMetadata, cursor: Cursor, waitSeconds: number, signal: AbortSignal): Promise<Received>
  /** Until it ends, or is not wanted any more. */
  stream(feed: FeedMetadata, cursor: Cursor, signal: AbortSignal, listener: StreamListener): Promise<void>
  acknowledge(feed: FeedMetadata, position: number, signal: AbortSignal): Promise<void>
}

export interface Cursor {
  readonly position: number
  readonly epoch: string
}

/** The issuer does not know these positions (any more): only a snapshot helps. */
export class EpochChanged extends Error {
  override readonly name = 'EpochChanged'
}

export interface FeedRequestParts {
  readonly issuer: string
  readonly exchange: Exchange
  readonly keys: IssuerKeys
  /** Authorization, and the name by which this verifier acknowledges. */
  readonly headers: Readonly<Record<string, string>>
}

export function createFeedRequests({ issuer, exchange, keys, headers }: FeedRequestParts): FeedRequests {
  async function ask(url: string, signal: AbortSignal): Promise<Received> {
    const answer = await exchange.ask(url, { headers, signal }, maxFrameBytes)
    if (answer.status === 409) throw new EpochChanged('The epoch has changed')
    if (answer.status !== 200) throw new UnexpectedAnswer('The feed', answer)
    const signature = answer.headers['falconer-feed-signature']
    if (typeof signature !== 'string') throw new FrameRefused('The signature is missing')
    const frame = await readFrame(answer.text, signature, issuer, keys)
    return { frame, request: { sentMs: answer.sentMs, ...clockOf(answer.headers) }, bytes: answer.text.length }
  }

  return {
    snapshot: (feed, signal) => ask(feed.snapshot, signal),
    delta: (feed, cursor, waitSeconds, signal) =>
      ask(urlAfter(feed.delta, cursor, waitSeconds > 0 ? { wait: String(waitSeconds) } : {}), signal),
    stream: async (feed, cursor, signal, listener) => {
      const question = { headers: { ...headers, accept: 'text/event-stream' }, signal }
      const { response, sentMs } = await exchange.open(urlAfter(feed.stream, cursor), question)
      try {
        refuse(response)
        const parser = createEventStreamParser()
        let clock: FeedRequest['clock']
        for await (const chunk of response as AsyncIterable<Buffer>) {
          for (const event of parser.push(chunk)) {
            if (event.type === 'hello') {
              const { instance, ms, heartbeatMs } = parseHello(event)
              clock = { instance, ms }
              listener.onHello({ instance, heartbeatMs })
            } else if (event.type === 'message') {
              const [text = '', signature = ''] = event.data
              const frame = await readFrame(text, signature, issuer, keys)
              const request = { sentMs, ...(clock ? { clock } : {}) }
              if (!listener.onFrame({ frame, request, bytes: text.length })) return
            }
          }
        }
      } finally {
        response.destroy()
      }
    },
    acknowledge: async (feed, position, signal) => {
      const answer = await exchange.ask(feed.ack, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify({ position }),
        signal,
      })
      if (answer.status !== 204) throw new UnexpectedAnswer('The acknowledgement endpoint', answer)
    },
  }
}

function refuse({ statusCode: status = 0, headers }: IncomingMessage): void {
  if (status === 409) throw new EpochChanged('The epoch has changed')
  if (status !== 200) throw new UnexpectedAnswer('The stream', { status, headers })
  if (!headers['content-type']?.startsWith('text/event-stream')) throw new Error('The stream is not an event stream')
}

function urlAfter(endpoint: string, { position, epoch }: Cursor, more: Record<string, string> = {}): string {
  const url = new URL(endpoint)
  for (const [name, value] of Object.entries({ after: String(position), epoch, ...more }))
    url.searchParams.set(name, value)
  return url.href
}

/** Without a clock a frame is applied, and makes nothing fresh. */
function clockOf(headers: IncomingHttpHeaders): Pick<FeedRequest, 'clock'> {
  const [instance, text, ...rest] = String(headers['falconer-feed-clock'] ?? '').split(' ')
  const ms = text ? Number(text) : Number.NaN
  return instance && Number.isFinite(ms) && rest.length === 0 ? { clock: { instance, ms } } : {}
}

function parseHello({ data }: ServerSentEvent): { instance: string; ms: number; heartbeatMs: number } {
  const { in: instance, clock, heartbeat_ms } = JSON.parse(data.join('\n')) as Record<string, unknown>
  if (typeof instance !== 'string' || typeof clock !== 'number' || !Number.isFinite(clock))
    throw new Error('The hello of the stream has no clock')
  return {
    instance,
    ms: clock,
    heartbeatMs: typeof heartbeat_ms === 'number' && heartbeat_ms > 0 ? heartbeat_ms : 1000,
  }
}
