/** An answer, its body parsed when it is JSON. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: Readonly<Record<string, unknown>>
  readonly text: string
}

/** Who sends: a client with its secret, or the holder of a token. */
export type Credentials = { readonly id: string; readonly secret: string } | { readonly token: string }

/** Sends a request over a real connection and follows nothing. */
export async function send(method: string, url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { ...init, method, redirect: 'manual', signal: AbortSignal.timeout(10_000) })
  const text = await response.text()
  const isJson = /^application\/(\w+\+)?json/.test(response.headers.get('content-type') ?? '')
  const body = isJson && text !== '' ? (JSON.parse(text) as Record<string, unknown>) : {}
  return { status: response.status, headers: response.headers, body, text }
}

export const get = (url: string, credentials?: Credentials): Promise<Answer> =>
  send('GET', url, { headers: authorization(credentials) })

/** POST of a form, as the endpoints of the protocol take it. */
export const postForm = (url: string, fields: Record<string, string>, credentials?: Credentials): Promise<Answer> =>
  send('POST', url, { headers: authorization(credentials), body: new URLSearchParams(fields) })

export const sendJson = (
  method: string,
  url: string,
  body: unknown,
  credentials: Credentials,
  headers: Record<string, string> = {},
): Promise<Answer> =>
  send(method, url, {
    headers: { ...authorization(credentials), 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

function authorization(credentials: Credentials | undefined): Record<string, string> {
  if (!credentials) return {}
  if ('token' in credentials) return { authorization: `Bearer ${credentials.token}` }
  // RFC 6749 §2.3.1: both are form-encoded before they are joined.
  const pair = [credentials.id, credentials.secret].map((part) => encodeURIComponent(part)).join(':')
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}
