import { AsyncLocalStorage } from 'node:async_hooks'
import type { CustomFetch } from 'openid-client'

/** One request and its answer, as the page shows them: secrets left out, tokens shortened. */
export interface Exchange {
  readonly method: string
  readonly url: string
  /** Headers and form fields worth seeing, by name. */
  readonly sent: readonly (readonly [name: string, value: string])[]
  readonly status: number
  readonly challenge: string | null
  /** Parsed when it is JSON. */
  readonly body: unknown
  readonly ms: number
}

const recording = new AsyncLocalStorage<Exchange[]>()

/** Runs `work` and adds every exchange that it has with the issuer or the API to `exchanges`, also when it fails. */
export const recordInto = <T>(exchanges: Exchange[], work: () => Promise<T>): Promise<T> =>
  recording.run(exchanges, work)

/** `fetch` for openid-client and for the API alike, which writes down what went over the wire. */
export const recordingFetch: CustomFetch = async (url, options) => {
  const { method, headers, body } = options
  const began = performance.now()
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the library declares its options more widely than `fetch` does
  const response = await fetch(url, options as RequestInit)
  const text = await response.clone().text()
  const ms = Math.round((performance.now() - began) * 10) / 10
  // Documents that a library reads now and then are no part of what a button does.
  if (!url.includes('/.well-known/'))
    recording.getStore()?.push({
      method,
      url,
      sent: [...shownHeaders(new Headers(headers)), ...shownFields(body)],
      status: response.status,
      challenge: response.headers.get('www-authenticate'),
      body: readBody(text),
      ms,
    })
  return response
}

/** A token as a page can show it: enough to tell two apart. Sentences and addresses stay whole. */
export function shorten(value: string): string {
  if (value.length <= 40 || /\s|:\/\//.test(value)) return value
  return `${value.slice(0, value.startsWith('flc_') ? 10 : 7)}…${value.slice(-8)}`
}

function shownHeaders(headers: Headers): [string, string][] {
  const authorization = headers.get('authorization')
  if (authorization === null) return []
  const [scheme = '', credentials = ''] = authorization.split(' ')
  const shown = scheme === 'Bearer' ? shorten(credentials) : '(client id and secret)'
  return [['Authorization', `${scheme} ${shown}`]]
}

function shownFields(body: unknown): [string, string][] {
  if (!(body instanceof URLSearchParams)) return []
  return [...body].map(([name, value]) => [name, shorten(value)])
}

function readBody(text: string): unknown {
  try {
    return JSON.parse(text, (_, value: unknown) => (typeof value === 'string' ? shorten(value) : value))
  } catch {
    return text
  }
}
