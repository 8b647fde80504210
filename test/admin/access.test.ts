import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adminClient, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

type Init = Omit<RequestInit, 'headers'> & { headers?: Record<string, string> }

const tokenFor = async (scope: string) => {
  const basic = Buffer.from(`${adminClient.id}:${adminClient.secret}`).toString('base64')
  const form = { grant_type: 'client_credentials', scope }
  const { body } = await server.post('/token', form, { authorization: `Basic ${basic}` })
  return String(body['access_token'])
}
const call = (path: string, init: Init = {}) => fetch(`${server.url}/admin/v1${path}`, init)
const withScope = async (scope: string, path: string, init: Init = {}) =>
  call(path, { ...init, headers: { authorization: `Bearer ${await tokenFor(scope)}`, ...init.headers } })

describe('the admin API: who may call it (RFC 6750)', () => {
  it('asks for a token, and names no error to who has none', async () => {
    const response = await call('/clients')
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="admin"')
    expect(response.headers.get('content-type')).toContain('application/problem+json')
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it('refuses a token that is not one, before it reads the body', async () => {
    const init = {
      method: 'POST',
      headers: { authorization: 'Bearer a.b.c', 'content-type': 'application/json' },
      body: '{',
    }
    const response = await call('/clients', init)
    expect(response.status).toBe(401)
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"')
  })

  it('refuses a token for another audience', async () => {
    const client = await server.createClient({ grant_types: ['client_credentials'], scope: '' })
    const { body } = await client.post('/token', { grant_type: 'client_credentials' })
    const response = await call('/clients', { headers: { authorization: `Bearer ${String(body['access_token'])}` } })
    expect(response.status).toBe(401)
  })

  it('names the scope that a token lacks', async () => {
    const response = await withScope('clients:read', '/users')
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toContain('error="insufficient_scope", scope="users:read"')
  })

  it.each([
    ['clients:read', '/clients'],
    ['clients:read', '/resources'],
    ['users:read', '/users'],
    ['sessions:read', '/sessions'],
    ['sessions:read', '/grants'],
    ['not-before:write', '/not-before'],
    ['keys:read', '/keys'],
    ['audit:read', '/audit-events'],
  ])('lets %s read %s, and admin everything', async (scope, path) => {
    expect((await withScope(scope, path)).status).toBe(200)
    expect((await withScope('admin', path)).status).toBe(200)
  })

  it('ends everything only for admin', async () => {
    const json = { 'content-type': 'application/json' }
    const all = { method: 'POST', headers: json, body: JSON.stringify({ all: true, dry_run: true }) }
    expect((await withScope('sessions:revoke', '/revocations', all)).status).toBe(403)
    expect((await withScope('admin', '/revocations', all)).status).toBe(200)
    const line = { method: 'PUT', headers: json, body: JSON.stringify({ scope: 'server', not_before: 1 }) }
    expect((await withScope('not-before:write', '/not-before', line)).status).toBe(403)
  })

  it('refuses the token of a person, whatever its scopes', async () => {
    const grant_types = ['authorization_code', 'client_credentials']
    const client = await server.createClient({ grant_types, scope: 'openid admin' })
    const { username } = await server.createUser()
    const { access_token } = await client.tokens({ username, parameters: { scope: 'admin' } })
    const response = await call('/clients', { headers: { authorization: `Bearer ${access_token}` } })
    expect(response.status).toBe(403)
  })
})

describe('the admin API: what it reads', () => {
  it.each<[string, string, Init, number, string | undefined]>([
    ['a broken body', '/clients', { method: 'POST', body: '{' }, 400, undefined],
    [
      'a form',
      '/clients',
      { method: 'POST', body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      415,
      undefined,
    ],
    ['a NUL', '/users', { method: 'POST', body: JSON.stringify({ username: 'a\0' }) }, 400, undefined],
    ['half of a surrogate pair', '/users', { method: 'POST', body: '{"username":"\\ud800"}' }, 400, undefined],
    ['a NUL in a query', '/users?query=%00', {}, 400, undefined],
    ['a NUL in a path', '/users/%00', {}, 400, undefined],
    ['a poisoned prototype', '/users', { method: 'POST', body: '{"username":"a","__proto__":{}}' }, 400, undefined],
    ['no body', '/revocations', { method: 'POST', body: '' }, 400, undefined],
    ['an unknown member', '/users', { method: 'POST', body: '{"username":"a","colour":"red"}' }, 400, '/colour'],
    ['a member of another type', '/users', { method: 'POST', body: '{"username":7}' }, 400, '/username'],
    ['a member that is missing', '/users', { method: 'POST', body: '{}' }, 400, '/username'],
    ['an unknown parameter', '/users?colour=red', {}, 400, '/colour'],
    ['a repeated parameter', '/users?limit=1&limit=2', {}, 400, '/limit'],
    ['a limit over 200', '/users?limit=201', {}, 400, '/limit'],
    ['a limit of 0', '/users?limit=0', {}, 400, '/limit'],
    ['a cursor of nobody', '/users?cursor=abc', {}, 400, '/cursor'],
    ['a deep body', '/users', { method: 'POST', body: '['.repeat(30_000) + ']'.repeat(30_000) }, 400, ''],
    ['a path that is not there', '/nothing', {}, 404, undefined],
    ['an id that is none', '/users/1', {}, 404, undefined],
  ])('refuses %s', async (_, path, init, status, pointer) => {
    const token = await tokenFor('admin')
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...init.headers }
    const response = await call(path, {
      ...init,
      headers: init.body === undefined ? { authorization: `Bearer ${token}` } : headers,
    })
    const problem = await response.json()
    expect({ status: response.status, pointer: problem.pointer }).toEqual({ status, pointer })
    expect(problem).toMatchObject({
      type: expect.stringMatching(/^urn:falconer:problem:/),
      title: expect.any(String),
      status,
    })
  })
})
