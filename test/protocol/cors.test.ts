import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fetchRaw } from '../support/front-channel.ts'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: TestClient
const own = 'https://spa.example.com'
const extra = 'https://tools.example.com:8443'

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient({
    token_endpoint_auth_method: 'none',
    redirect_uris: [`${own}/callback`, 'http://127.0.0.1:5173/callback'],
    allowed_cors_origins: [extra],
  })
})
afterAll(() => server.close())

const readable = ['/token', '/userinfo', '/revoke']
const allowedFor = async (path: string, origin: string, method = 'POST') => {
  const headers = { origin, 'content-type': 'application/x-www-form-urlencoded' }
  const response = await fetchRaw(server.url + path, { method, headers, ...(method === 'POST' ? { body: 'x=1' } : {}) })
  expect(response.headers.get('access-control-allow-credentials')).toBeNull()
  return response.headers.get('access-control-allow-origin')
}

describe.each(readable)('%s may be read by the pages of registered clients', (path) => {
  it.each([own, 'http://127.0.0.1:5173', extra])('of %s, by exactly this name', async (origin) => {
    expect(await allowedFor(path, origin)).toBe(origin)
  })

  it.each([
    'null',
    'https://evil.example',
    `${own}.evil.example`,
    'https://evil-spa.example.com',
    'http://spa.example.com',
    `${own}:444`,
    'https://SPA.example.com',
    `${own}/`,
    'http://127.0.0.1:5174',
    'https://tools.example.com',
    `${own}, https://evil.example`,
    '*',
    `https://${'a'.repeat(500)}.example`,
  ])('not of %s', async (origin) => {
    expect(await allowedFor(path, origin)).toBeNull()
  })

  it('says to caches that the answer depends on the origin', async () => {
    const response = await fetch(server.url + path, { method: 'POST', headers: { origin: own } })
    expect(response.headers.get('vary')).toMatch(/\bOrigin\b/i)
  })

  it('answers a preflight', async () => {
    const headers = {
      origin: own,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization',
    }
    const response = await fetch(server.url + path, { method: 'OPTIONS', headers })
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-origin')).toBe(own)
    expect(response.headers.get('access-control-allow-methods')).toContain('POST')
    expect(response.headers.get('access-control-allow-headers')).toContain('authorization')
    expect(response.headers.get('access-control-allow-credentials')).toBeNull()
    const foreign = await fetch(server.url + path, {
      method: 'OPTIONS',
      headers: { ...headers, origin: 'https://evil.example' },
    })
    expect(foreign.headers.get('access-control-allow-origin')).toBeNull()
  })

  it('lets an error be read too, or a page could not tell what went wrong', async () => {
    const response = await fetch(server.url + path, { method: 'POST', headers: { origin: own } })
    expect(response.status).toBeGreaterThanOrEqual(400)
    expect(response.headers.get('access-control-allow-origin')).toBe(own)
  })
})

it('an origin stops to count when its client is disabled', async () => {
  const origin = 'https://short-lived.example.com'
  const client = await server.createClient({ redirect_uris: [`${origin}/callback`] })
  expect(await allowedFor('/token', origin)).toBe(origin)
  await server.admin('PATCH', `/clients/${client.clientId}`, { disabled: true })
  expect(await allowedFor('/token', origin)).toBeNull()
})

it.each([
  '/authorize',
  '/login',
  '/consent',
  '/logout',
  '/logout/confirm',
  '/introspect',
  '/admin/v1/users',
  '/',
  '/readyz',
  '/nothing',
])('%s is never readable by another site, not even by a client', async (path) => {
  for (const method of ['GET', 'POST', 'OPTIONS']) {
    for (const origin of [own, 'null', server.url]) expect(await allowedFor(path, origin, method)).toBeNull()
  }
})

it('documents are readable by everybody', async () => {
  for (const path of ['openid-configuration', 'oauth-authorization-server', 'jwks.json'])
    expect(await allowedFor(`/.well-known/${path}`, 'https://anybody.example', 'GET')).toBe('*')
})

it('a page of a client can redeem its code', async () => {
  const { username } = await server.createUser()
  const { code, verifier } = await app.signIn({ username })
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    client_id: app.clientId,
    code,
    code_verifier: verifier,
    redirect_uri: app.redirectUri,
  })
  const response = await fetch(`${server.url}/token`, { method: 'POST', headers: { origin: own }, body })
  expect(response.status).toBe(200)
  expect(response.headers.get('access-control-allow-origin')).toBe(own)
})
