import { basic, claimsOf } from '../support/tokens.ts'
import { clientSecret } from './clients.ts'
import type { Returned } from './event.ts'
import { type Completion, hashOf } from './recorder.ts'

/** What a client holds after a token response. Stays in memory and between the processes of a run; files get hashes. */
export interface Held {
  readonly client: string
  readonly refreshToken: string
  readonly accessToken: string
  readonly idToken: string
  readonly facts: Returned
}

export interface Reply {
  readonly status: number
  readonly body: Record<string, unknown>
}

/** Longer than the server itself waits for its database: an answer that is late is rare, and means the worst. */
export const patienceMs = 9000

export async function postForm(url: string, form: Record<string, string>, client: string): Promise<Reply> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...basic(client, clientSecret) },
    body: new URLSearchParams(form).toString(),
    signal: AbortSignal.timeout(patienceMs),
  })
  return read(response)
}

export async function read(response: Response): Promise<Reply> {
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') === true && text !== ''
  return { status: response.status, body: (isJson ? JSON.parse(text) : {}) as Record<string, unknown> }
}

/** 2xx happened, 4xx did not, 5xx may have. */
export function completionOf({ status, body }: Reply): Completion {
  if (status < 300) return { outcome: 'ok' }
  if (status >= 500) return { outcome: 'info', error: String(status) }
  const error = body['error'] ?? body['code'] ?? status
  return { outcome: 'fail', error: typeof error === 'string' ? error : String(status) }
}

/** The tokens of an answer, if it has any. */
export function heldOf({ status, body }: Reply, client: string): Held | undefined {
  if (status !== 200) return undefined
  const [accessToken, refreshToken, idToken] = ['access_token', 'refresh_token', 'id_token'].map((name) =>
    String(body[name]),
  ) as [string, string, string]
  const claims = claimsOf(accessToken)
  const identity = claimsOf(idToken)
  const facts: Returned = {
    refresh: hashOf(refreshToken),
    access: hashOf(accessToken),
    gid: claims.gid ?? '',
    // Access tokens of offline grants do not name the session, ID tokens always do.
    sid: identity.sid ?? '',
    sub: claims.sub,
    client: claims.client_id,
    scope: claims.scope ?? '',
    offline: claims.sid === undefined,
    rvp: claims.rvp,
    authTime: claims.auth_time ?? 0,
    iat: claims.iat,
    exp: claims.exp,
    jti: claims.jti,
  }
  return { client, refreshToken, accessToken, idToken, facts }
}
