import { Failure } from './command.ts'
import type { Credentials } from './credentials.ts'
import { request } from './http.ts'
import { howToAllow } from './refusal.ts'

/** Access tokens for the admin API, one for each scope or set of scopes, kept in memory only. */
export interface TokenSource {
  /** With this scope, or with `admin` where the client has only that. @throws {Failure} */
  get(scope: string): Promise<string>
  /** The same; undefined when the client does not have the scope. */
  getIfAllowed(scope: string): Promise<string | undefined>
  forget(scope: string): void
}

export function createTokenSource(credentials: Credentials, signal: AbortSignal): TokenSource {
  const { url, clientId, clientSecret, from } = credentials
  const tokens = new Map<string, string>()

  async function ask(scope: string): Promise<string | undefined> {
    // RFC 6749 §2.3.1: both are form-encoded first.
    const basic = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`).toString('base64')
    const form = new URLSearchParams({ grant_type: 'client_credentials', scope })
    const init = { method: 'POST', headers: { authorization: `Basic ${basic}` }, body: form }
    const { status, headers, body } = await request(`${url}/token`, init, { signal })
    const { access_token: token, error, error_description: description } = (body ?? {}) as Record<string, unknown>
    if (status === 200 && typeof token === 'string') return token
    if (error === 'invalid_scope') return undefined
    if (error === 'invalid_client') throw new Failure(refusedClient())
    if (error === 'unauthorized_client')
      throw new Failure(`The client ${clientId} may not use client_credentials: its grant_types must have it.`)
    if (status === 429 || status === 503) {
      const seconds = headers.get('retry-after')
      throw new Failure(`${url} cannot answer now. Try again${seconds ? ` in ${seconds} seconds` : ' in a moment'}.`)
    }
    if (typeof error === 'string') throw new Failure(`${url} gives no token: ${error} (${String(description)})`)
    throw new Failure(`${url} is not a Falconer server: /token answers ${status}, and not in JSON.`)
  }

  const refusedClient = (): string =>
    from === 'FALCONER_CLIENT_SECRET'
      ? `${url} refuses the client ${clientId}: FALCONER_CLIENT_SECRET is wrong, or there is no such client, or it is disabled.`
      : `${url} refuses the client of ${from}. Start the server again: it brings the two in line.`

  async function getIfAllowed(scope: string): Promise<string | undefined> {
    const known = tokens.get(scope)
    if (known !== undefined) return known
    const token = await ask(scope)
    if (token !== undefined) tokens.set(scope, token)
    return token
  }

  return {
    getIfAllowed,
    forget: (scope) => {
      tokens.delete(scope)
      tokens.delete('admin')
    },
    get: async (scope) => {
      const token = (await getIfAllowed(scope)) ?? (scope === 'admin' ? undefined : await getIfAllowed('admin'))
      if (token !== undefined) return token
      throw new Failure(
        `The client ${clientId} has not the scope ${scope.replaceAll(' ', ' and ')}. ${howToAllow(clientId, scope)}`,
      )
    },
  }
}
