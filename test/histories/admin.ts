import { basic } from '../support/tokens.ts'
import { patienceMs, type Reply, read } from './wire.ts'

export const operator = { id: 'operator', secret: 'a-secret-of-an-operator-with-32-characters' }

/** The admin API at some instance, as a service with every scope. */
export interface Admin {
  call(instance: string, method: string, path: string, body?: object): Promise<Reply>
}

/** Keeps one token and gets another when everything was ended, itself too. */
export function createAdmin(): Admin {
  let token: string | undefined
  const authenticate = async (instance: string): Promise<string> => {
    const response = await fetch(`${instance}/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...basic(operator.id, operator.secret) },
      body: 'grant_type=client_credentials&scope=admin',
      signal: AbortSignal.timeout(patienceMs),
    })
    const { status, body } = await read(response)
    if (typeof body['access_token'] !== 'string') throw new TypeError(`fetch failed: no admin token (${status})`)
    return body['access_token']
  }
  return {
    call: async (instance, method, path, body) => {
      token ??= await authenticate(instance)
      const response = await fetch(`${instance}/admin/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(patienceMs),
      })
      if (response.status === 401) token = undefined
      return read(response)
    },
  }
}
