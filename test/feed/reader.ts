import { randomBytes } from 'node:crypto'
import { createRemoteJWKSet, flattenedVerify, type JWTVerifyGetKey } from 'jose'
import type { TestServer } from '../support/server.ts'

export type Entry = [number, string, string, number, number?]

/** A frame as its signature says it is. */
export interface Frame {
  iss: string
  ep: string
  in: string
  from: number
  to: number
  a?: number
  asof?: number
  e?: Entry[]
  more?: true
  ack?: true
  key?: string
}

export interface Hello {
  in: string
  clock: number
  heartbeat_ms: number
}

/** Reads the feed of a server without the verifier: what the wire says. */
export interface FeedReader {
  readonly name: string
  get(path: string, headers?: Record<string, string>): Promise<Response>
  /** The frame of an answer, its signature checked. */
  frame(path: string): Promise<Frame>
  ack(position: unknown): Promise<Response>
  stream(cursor: { after: number; epoch?: string }, headers?: Record<string, string>): Promise<FeedStream>
}

export interface FeedStream {
  readonly response: Response
  readonly hello: Hello
  /** The next frame, its signature checked; undefined when the stream has ended. */
  next(): Promise<Frame | undefined>
  /** Frames up to the first that has this. */
  until(holds: (frame: Frame) => boolean): Promise<Frame>
  close(): Promise<void>
}

export const basic = (id: string, secret: string | undefined) =>
  `Basic ${Buffer.from(`${id}:${secret ?? ''}`).toString('base64')}`

export function readerOf(
  server: TestServer,
  authorization: string,
  name = randomBytes(9).toString('base64url'),
): FeedReader {
  const keys = createRemoteJWKSet(new URL(`${server.url}/.well-known/jwks.json`))
  const send = (path: string, init: RequestInit = {}, headers: Record<string, string> = {}) =>
    fetch(`${server.url}/revocations${path}`, {
      ...init,
      headers: { authorization, 'falconer-verifier': name, ...headers },
    })
  return {
    name,
    get: (path, headers) => send(path, {}, headers),
    frame: async (path) => {
      const response = await send(path)
      const text = await response.text()
      if (response.status !== 200) throw new Error(`${response.status} ${text}`)
      return verified(text, response.headers.get('falconer-feed-signature') ?? '', keys)
    },
    ack: (position) =>
      send('/ack', { method: 'POST', body: JSON.stringify({ position }) }, { 'content-type': 'application/json' }),
    stream: async ({ after, epoch }, headers) => {
      const response = await send(`/stream?after=${after}${epoch ? `&epoch=${epoch}` : ''}`, {}, headers)
      if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
      return readStream(response, keys)
    },
  }
}

async function readStream(response: Response, keys: JWTVerifyGetKey): Promise<FeedStream> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  const nextEvent = async (): Promise<Map<string, string[]> | undefined> => {
    for (let end = text.indexOf('\n\n'); ; end = text.indexOf('\n\n')) {
      if (end >= 0) {
        const fields = new Map<string, string[]>()
        for (const line of text.slice(0, end).split('\n')) {
          const [name = '', ...rest] = line.split(': ')
          fields.set(name, [...(fields.get(name) ?? []), rest.join(': ')])
        }
        text = text.slice(end + 2)
        return fields
      }
      const { done, value } = await reader.read()
      if (done) return undefined
      text += value
    }
  }
  const first = await nextEvent()
  const next = async () => {
    const event = await nextEvent()
    const [json = '', signature = ''] = event?.get('data') ?? []
    return event && verified(json, signature, keys)
  }
  return {
    response,
    hello: JSON.parse(first?.get('data')?.[0] ?? '{}') as Hello,
    next,
    until: async (holds) => {
      for (;;) {
        const frame = await next()
        if (!frame) throw new Error('the stream ended')
        if (holds(frame)) return frame
      }
    },
    close: () => reader.cancel(),
  }
}

/** A frame whose signature is right. */
async function verified(json: string, signature: string, keys: JWTVerifyGetKey): Promise<Frame> {
  const [head = '', , tail = ''] = signature.split('.')
  const jws = { protected: head, payload: Buffer.from(json).toString('base64url'), signature: tail }
  const { protectedHeader } = await flattenedVerify(jws, keys as Parameters<typeof flattenedVerify>[1])
  if (protectedHeader?.['typ'] !== 'revfeed+jws') throw new Error(`typ is ${String(protectedHeader?.['typ'])}`)
  return JSON.parse(json) as Frame
}
