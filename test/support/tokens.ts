import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import type { Answer, TestClient, TestServer, Tokens } from './server.ts'

/** The claims of a JWT, unchecked. */
export interface Claims {
  readonly iss: string
  readonly sub: string
  readonly aud: string | string[]
  readonly exp: number
  readonly iat: number
  readonly jti: string
  readonly client_id: string
  readonly rvp: number
  readonly scope?: string
  readonly sid?: string
  readonly gid?: string
  readonly auth_time?: number
  readonly acr?: string
  readonly amr?: string[]
  readonly nonce?: string
  readonly at_hash?: string
}

const part = (token: string, index: number): unknown =>
  JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString())

export const claimsOf = (token: string): Claims => part(token, 1) as Claims
export const headerOf = (token: string) => part(token, 0) as { alg: string; typ: string; kid: string }

/** An Authorization header, with the id and the secret as they are. */
export const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})

/** Why the last refusal happened: what the log says and the client is not told. */
export const lastReason = (server: TestServer): string | undefined =>
  server.log.findLast((line) => line.msg === 'refused')?.reason

/** The same client, talking to another instance. */
export function at(server: Pick<TestServer, 'post'>, client: TestClient) {
  const post = (path: string, form: Record<string, string>): Promise<Answer> =>
    client.secret === undefined
      ? server.post(path, { client_id: client.clientId, ...form })
      : server.post(path, form, basic(client.clientId, client.secret))
  return {
    post,
    refresh: async (refreshToken: string, extra: Record<string, string> = {}) =>
      (await post('/token', {
        grant_type: 'refresh_token',
        refresh_token: refreshToken,
        ...extra,
      })) as unknown as Answer<Tokens>,
    introspect: async (token: string) => (await post('/introspect', { token })).body,
    isActive: async (token: string) => (await post('/introspect', { token })).body['active'] as boolean,
  }
}

/** Whether introspection calls a token alive, asked by its own client. */
export const isActive = async (client: TestClient, token: string): Promise<boolean> => {
  const { status, body } = await client.post('/introspect', { token })
  if (status !== 200) throw new Error(`introspection refused: ${status} ${JSON.stringify(body)}`)
  return body['active'] as boolean
}

/** The userinfo endpoint, as the holder of an access token sees it. */
export const userinfo = (url: string, token: string): Promise<Response> =>
  fetch(`${url}/userinfo`, { headers: { authorization: `Bearer ${token}` } })

/** Every way to change one character of a text, to leave its beginning out or its end. */
export const damaged = (text: string): string[] =>
  Array.from({ length: text.length }, (_, i) => [
    text.slice(0, i) + (text[i] === 'A' ? 'B' : 'A') + text.slice(i + 1),
    text.slice(0, i),
    text.slice(i + 1),
  ]).flat()

/**
 * What a request is answered when it meets an ending that is under way: the statement has run and is not committed yet. Also whether the
 * request waited for it.
 */
export async function during<T>(
  server: TestServer,
  [text, ...values]: [string, ...unknown[]],
  request: () => Promise<T>,
): Promise<{ answer: T; waited: boolean }> {
  const client = new Client({ connectionString: server.db.url })
  await client.connect()
  try {
    await client.query('begin')
    await client.query(text, values)
    let isAnswered = false
    const answering = request().finally(() => {
      isAnswered = true
    })
    await sleep(250)
    const waited = !isAnswered
    await client.query('commit')
    return { answer: await answering, waited }
  } finally {
    await client.end()
  }
}
