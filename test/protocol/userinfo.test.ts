import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { claimsOf, lastReason, sendBytes } from '../support/front-channel.ts'
import { startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'

let server: TestServer
let app: TestClient
let user: { id: string; username: string }

beforeAll(async () => {
  server = await startServer()
  await server.admin('POST', '/resources', { identifier: 'https://api.example.com', scopes: ['orders:read'] })
  app = await server.createClient({ scope: 'openid profile email address phone offline_access orders:read' })
  user = await server.createUser({
    email: 'alice@example.com',
    email_verified: true,
    name: 'Alice Example',
    given_name: 'Alice',
    phone_number: '+43 1 234',
    address: { locality: 'Vienna', country: 'AT' },
  })
})
afterAll(() => server.close())

const tokens = (scope = 'openid', parameters: Record<string, string> = {}) =>
  app.tokens({ username: user.username, parameters: { scope, ...parameters } })
const ask = async (token?: string, init: { method?: string; body?: string; headers?: Record<string, string> } = {}) => {
  const headers = { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...init.headers }
  const response = await fetch(`${server.url}/userinfo`, { ...init, headers })
  const text = await response.text()
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate'),
    headers: response.headers,
    body: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>,
  }
}
const form = { 'content-type': 'application/x-www-form-urlencoded' }

describe('OpenID Connect Core §5.4: scopes release claims', () => {
  const profile = {
    name: 'Alice Example',
    given_name: 'Alice',
    preferred_username: expect.any(String),
    updated_at: expect.any(Number),
  }
  it.each<[string, Record<string, unknown>]>([
    ['openid', {}],
    ['openid profile', profile],
    ['openid email', { email: 'alice@example.com', email_verified: true }],
    ['openid phone', { phone_number: '+43 1 234' }],
    ['openid address', { address: { locality: 'Vienna', country: 'AT' } }],
    ['openid profile email', { ...profile, email: 'alice@example.com', email_verified: true }],
  ])('%s', async (scope, claims) => {
    const { access_token: token } = await tokens(scope)
    const { status, body, headers } = await ask(token)
    expect(status).toBe(200)
    expect(headers.get('content-type')).toMatch(/^application\/json/)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(body).toEqual({ sub: user.id, ...claims })
  })

  it('a claims parameter releases one by name', async () => {
    const claims = JSON.stringify({ userinfo: { email: { essential: true }, nickname: null, password_hash: null } })
    const { access_token: token } = await tokens('openid', { claims })
    expect((await ask(token)).body).toEqual({ sub: user.id, email: 'alice@example.com' })
  })

  it('sub is the one of the ID token', async () => {
    const { access_token: token, id_token: idToken } = await tokens()
    expect((await ask(token)).body['sub']).toBe(claimsOf(idToken)['sub'])
  })

  it('shows what is true now, not when the token was made', async () => {
    const other = await server.createUser({ name: 'Before' })
    const { access_token: token } = await app.tokens({
      username: other.username,
      parameters: { scope: 'openid profile' },
    })
    await server.admin('PATCH', `/users/${other.id}`, { name: 'After' })
    expect((await ask(token)).body['name']).toBe('After')
  })
})

describe('RFC 6750 §2: how the token comes', () => {
  it('in the header, by GET or POST, in any case of the scheme', async () => {
    const { access_token: token } = await tokens()
    expect((await ask(token)).status).toBe(200)
    expect((await ask(token, { method: 'POST' })).status).toBe(200)
    expect((await ask(undefined, { headers: { authorization: `bearer ${token}` } })).status).toBe(200)
  })

  it('in a form body', async () => {
    const { access_token: token } = await tokens()
    const body = new URLSearchParams({ access_token: token }).toString()
    expect((await ask(undefined, { method: 'POST', headers: form, body })).status).toBe(200)
  })

  it('in one place only', async () => {
    const { access_token: token } = await tokens()
    const body = new URLSearchParams({ access_token: token }).toString()
    expect((await ask(token, { method: 'POST', headers: form, body })).body).toMatchObject({ error: 'invalid_request' })
    const header = `authorization: Bearer ${token}\r\n`
    const request = `GET /userinfo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${header}${header}\r\n`
    expect((await sendBytes(server.url, request)).text).toMatch(/^HTTP\/1\.1 400 /)
  })

  it('never in the query, which ends up in logs', async () => {
    const { access_token: token } = await tokens()
    const response = await fetch(`${server.url}/userinfo?access_token=${token}`)
    expect(response.status).toBe(401)
    expect(JSON.stringify(server.log)).not.toContain(token)
  })

  it('not as JSON', async () => {
    const body = JSON.stringify({ access_token: 'x' })
    const headers = { 'content-type': 'application/json' }
    expect((await ask(undefined, { method: 'POST', headers, body })).status).toBe(415)
  })
})

describe('RFC 6750 §3: what is refused', () => {
  it('without a token: a bare challenge', async () => {
    const answer = await ask()
    expect(answer).toMatchObject({ status: 401, challenge: 'Bearer', body: {} })
  })

  const dead: [string, (all: Tokens) => Promise<string> | string, string][] = [
    ['garbage', () => 'garbage', 'bad_signature'],
    ['a token with a changed signature', (all) => `${all.access_token.slice(0, -8)}AAAAAAAA`, 'bad_signature'],
    ['an ID token', (all) => all.id_token, 'bad_signature'],
    ['a refresh token', (all) => all.refresh_token, 'bad_signature'],
    [
      'one that has expired',
      async (all) => {
        await server.wait(301)
        return all.access_token
      },
      'expired',
    ],
    [
      'one of a grant that has ended',
      async (all) => {
        await app.post('/revoke', { token: all.refresh_token })
        return all.access_token
      },
      'revoked',
    ],
    [
      'one that was revoked itself',
      async (all) => {
        await app.post('/revoke', { token: all.access_token })
        return all.access_token
      },
      'revoked',
    ],
    [
      'one of a session that has ended',
      async (all) => {
        await server.admin('DELETE', `/sessions/${String(claimsOf(all.id_token)['sid'])}`)
        return all.access_token
      },
      'revoked',
    ],
  ]
  it.each(dead)('%s', async (_, token, reason) => {
    const { status, challenge, body } = await ask(await token(await tokens()))
    expect(status).toBe(401)
    expect(body).toEqual({ error: 'invalid_token', error_description: 'The access token is not valid' })
    expect(challenge).toBe('Bearer error="invalid_token", error_description="The access token is not valid"')
    expect(lastReason(server)).toBe(reason)
  })

  it('one of a user who is disabled', async () => {
    const other = await server.createUser()
    const { access_token: token } = await app.tokens({ username: other.username })
    await server.admin('POST', `/users/${other.id}/disable`)
    expect((await ask(token)).status).toBe(401)
  })

  it('one for another audience', async () => {
    const { access_token: token } = await tokens('orders:read', { resource: 'https://api.example.com' })
    expect((await ask(token)).status).toBe(401)
    expect(lastReason(server)).toBe('wrong_audience')
  })

  it('one for an API and, through openid, for this server is fine', async () => {
    const { access_token: token } = await tokens('openid orders:read', { resource: 'https://api.example.com' })
    expect((await ask(token)).body).toEqual({ sub: user.id })
  })

  it('one without openid: insufficient_scope', async () => {
    const { access_token: token } = await tokens('profile')
    const { status, challenge, body } = await ask(token)
    expect(status).toBe(403)
    expect(body).toMatchObject({ error: 'insufficient_scope' })
    expect(challenge).toMatch(/^Bearer error="insufficient_scope"/)
  })

  it('one of a client in its own name, which is nobody', async () => {
    const service = await server.createClient({ grant_types: ['client_credentials'], scope: 'introspect:any' })
    const { body } = await service.post('/token', { grant_type: 'client_credentials' })
    expect((await ask(String(body['access_token']))).status).toBe(403)
  })
})
