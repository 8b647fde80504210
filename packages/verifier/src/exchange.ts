import http from 'node:http'
import https from 'node:https'
import type { Clock } from './clock.ts'

export interface Question {
  readonly method?: 'GET' | 'POST'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
}

/** An answer whose body has not been read, and when its request was sent. */
export interface OpenAnswer {
  readonly response: http.IncomingMessage
  readonly sentMs: number
}

export interface Answer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
  readonly sentMs: number
}

/** The one way in which this package speaks HTTP. Redirects are not followed: they would carry credentials elsewhere. */
export interface Exchange {
  open(url: string, question: Question): Promise<OpenAnswer>
  ask(url: string, question: Question, maxBytes?: number): Promise<Answer>
  close(): void
}

export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer'
  readonly status: number
  readonly retryAfterSeconds: number

  constructor(what: string, { status, headers }: Pick<Answer, 'status' | 'headers'>) {
    super(`${what} answered ${status}`)
    this.status = status
    const seconds = Number(headers['retry-after'])
    this.retryAfterSeconds = Number.isFinite(seconds) && seconds > 0 ? seconds : 0
  }
}

const usualBytes = 1024 * 1024

export function createExchange(clock: Clock): Exchange {
  const agents = { 'http:': new http.Agent({ keepAlive: true }), 'https:': new https.Agent({ keepAlive: true }) }

  const open: Exchange['open'] = (url, { method = 'GET', headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const isPlain = url.startsWith('http:')
      const { request } = isPlain ? http : https
      const sentMs = clock.monotonicMs()
      const outgoing = request(url, { method, headers, signal, agent: agents[isPlain ? 'http:' : 'https:'] })
      // Whoever waits for something keeps the process alive; a connection of ours must not.
      outgoing.on('socket', (socket) => socket.unref())
      outgoing.on('response', (response) => resolve({ response, sentMs }))
      outgoing.on('error', reject)
      outgoing.end(body)
    })

  return {
    open,
    ask: async (url, question, maxBytes = usualBytes) => {
      // An idle connection may have been closed at the other end at this very moment.
      const { response, sentMs } = await open(url, question).catch((error: unknown) => {
        if (question.signal.aborted || !isReset(error)) throw error
        return open(url, question)
      })
      const text = await readText(response, maxBytes)
      return { status: response.statusCode ?? 0, headers: response.headers, text, sentMs }
    },
    close: () => {
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

const isReset = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ECONNRESET' || error.code === 'EPIPE')

async function readText(response: http.IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    // Leaving the loop closes the connection.
    if (length > maxBytes) throw new Error(`The answer has more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** RFC 6749 §2.3.1: both are form-encoded before they are joined. */
export function basicCredentials(clientId: string, clientSecret: string): string {
  const encode = (text: string) => new URLSearchParams([['', text]]).toString().slice(1)
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`
}

/** Whether a URL may carry credentials: https, or http to this very machine. */
export function isSafeUrl(text: unknown): text is string {
  if (typeof text !== 'string' || !URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username || password) return false
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname))
}

const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
