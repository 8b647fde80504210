import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let second: TestServer
let app: TestClient
const everything =
  'openid admin clients:read users:read users:write sessions:read sessions:revoke keys:read keys:write settings:read audit:read not-before:write'
beforeAll(async () => {
  server = await startServer()
  second = await server.another()
  app = await server.createClient({ scope: everything, skip_consent: true })
})
afterAll(async () => {
  await second.close()
  await server.close()
})

interface Problem {
  type: string
  confirmation?: string
}
interface Said {
  status: number
  body: Problem & Record<string, unknown>
  headers: Headers
}

/** Calls the admin API with the token of a person. */
async function call(token: string, method: string, path: string, body?: unknown, headers = {}): Promise<Said> {
  const answer = await fetch(`${server.url}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? {} : JSON.parse(text), headers: answer.headers }
}

const tokenOf = async (username: string, scope = 'admin') =>
  (await app.tokens({ username, parameters: { scope } })).access_token
const grant = (id: string, role: string) => server.admin('PUT', `/administrators/${id}`, { role })

async function administrator(role: string, scope?: string) {
  const user = await server.createUser()
  await grant(user.id, role)
  return { ...user, token: await tokenOf(user.username, scope) }
}

describe('a person at the admin API', () => {
  it('may nothing without a role, and what the role allows with one, until it is taken away', async () => {
    const { id, username } = await server.createUser()
    const token = await tokenOf(username)
    expect((await call(token, 'GET', '/users')).status).toBe(403)
    await grant(id, 'viewer')
    expect((await call(token, 'GET', '/users')).status).toBe(200)
    await server.admin('DELETE', `/administrators/${id}`)
    expect((await call(token, 'GET', '/users')).status).toBe(403)
  })

  it.each<[string, string, string, number]>([
    ['viewer', 'GET', '/sessions', 200],
    ['viewer', 'GET', '/audit-events', 200],
    ['viewer', 'DELETE', '/sessions/nothing', 403],
    ['viewer', 'POST', '/users', 403],
    ['responder', 'DELETE', '/sessions/nothing', 204],
    ['responder', 'POST', '/users', 403],
    ['responder', 'POST', '/keys/rotate', 403],
    ['admin', 'POST', '/users', 400],
    ['admin', 'GET', '/configuration', 200],
  ])('as %s gets for %s %s %i', async (role, method, path, status) => {
    const { token } = await administrator(role)
    expect((await call(token, method, path, method === 'POST' ? {} : undefined)).status).toBe(status)
  })

  it('gets no more by a role than the token says', async () => {
    const { token } = await administrator('admin', 'users:read')
    expect((await call(token, 'GET', '/users')).status).toBe(200)
    expect((await call(token, 'GET', '/sessions')).status).toBe(403)
  })

  it('is named in the audit trail', async () => {
    const { id, token } = await administrator('admin')
    const made = await call(token, 'POST', '/users', { username: `made-by-${id}` })
    expect(made.status).toBe(201)
    const events = await server.admin<{ items: unknown[] }>('GET', `/audit-events?user_id=${String(made.body['id'])}`)
    expect(events.body.items).toMatchObject([{ type: 'user.created', actor: `user:${id}` }])
  })

  it('has to sign in again before it changes anything, five minutes later (RFC 9470)', async () => {
    const grantTypes = { grant_types: ['authorization_code', 'refresh_token'], access_token_ttl_seconds: 900 }
    const lasting = await server.createClient({ scope: everything, skip_consent: true, ...grantTypes })
    const { id, username } = await server.createUser()
    await grant(id, 'responder')
    const { access_token: token } = await lasting.tokens({ username, parameters: { scope: 'admin' } })
    await server.wait(301)
    expect((await call(token, 'GET', '/sessions')).status).toBe(200)
    for (const [method, path] of [
      ['DELETE', '/sessions/nothing'],
      ['GET', `/users/${id}/export`],
    ] as const) {
      const refused = await call(token, method, path)
      expect(refused.status).toBe(401)
      expect(refused.body.type).toBe('urn:falconer:problem:reauthentication-required')
      expect(refused.headers.get('www-authenticate')).toContain(
        'error="insufficient_user_authentication", max_age="300"',
      )
    }
    const { access_token: fresh } = await lasting.tokens({ username, parameters: { scope: 'admin', max_age: '300' } })
    expect((await call(fresh, 'DELETE', '/sessions/nothing')).status).toBe(204)
  })
})

describe('what ends everybody, asked for by a person', () => {
  const acts: [string, string, unknown, unknown][] = [
    ['POST', '/revocations', { all: true, reason: 'drill' }, { all: true, reason: 'another' }],
    ['PUT', '/not-before', { scope: 'server', not_before: 1 }, { scope: 'server', not_before: 2 }],
    ['PATCH', '/settings', { REFRESH_GRACE_SECONDS: 10 }, { REFRESH_GRACE_SECONDS: 11 }],
  ]

  it.each(acts)(
    '%s %s %j is confirmed by a second request, which must be the same',
    async (method, path, body, other) => {
      const { token, username } = await administrator('admin')
      const first = await call(token, method, path, body)
      expect(first.status).toBe(409)
      expect(first.body.type).toBe('urn:falconer:problem:confirmation-required')
      const confirmation = first.body.confirmation ?? ''
      // Another request, another person, a code that nobody made.
      for (const wrong of [
        await call(token, method, path, other, { confirmation }),
        await call((await administrator('admin')).token, method, path, body, { confirmation }),
        await call(token, method, path, body, { confirmation: `${confirmation.slice(0, -4)}AAAA` }),
      ])
        expect(wrong.status).toBe(409)
      expect((await call(token, method, path, body, { confirmation })).status).toBe(200)
      if (method === 'POST') expect((await call(token, 'GET', '/users')).status).toBe(401)
      expect((await call(await tokenOf(username), 'GET', '/users')).status).toBe(200)
    },
  )

  it('is good for two minutes', async () => {
    const { token } = await administrator('admin')
    const body = { scope: 'server', not_before: 1 }
    const { body: problem } = await call(token, 'PUT', '/not-before', body)
    await server.wait(121)
    const late = await call(token, 'PUT', '/not-before', body, { confirmation: problem.confirmation })
    expect(late.status).toBe(409)
  })

  it.each([{ prune: true }, { settings: { REFRESH_GRACE_SECONDS: 10 } }])(
    'so is a configuration with %j',
    async (body) => {
      const { token } = await administrator('admin')
      const before = await call(token, 'GET', '/configuration')
      const first = await call(token, 'POST', '/configuration/apply', body)
      expect(first.body.type).toBe('urn:falconer:problem:confirmation-required')
      expect((await call(token, 'GET', '/configuration')).body).toEqual(before.body)
      expect((await call(token, 'POST', '/configuration/plan', body)).status).toBe(200)
      expect((await call(token, 'POST', '/configuration/apply', {})).status).toBe(200)
    },
  )

  it('needs no confirmation to be counted, nor from a client in its own name', async () => {
    const { token } = await administrator('admin')
    expect((await call(token, 'POST', '/revocations', { all: true, dry_run: true })).status).toBe(200)
    const line = { scope: 'server', not_before: 1 }
    expect((await server.admin('PUT', '/not-before', line)).status).toBe(200)
  })
})

describe('an account that may administer', () => {
  it.each<[string, string, unknown]>([
    ['POST', '/password', { password: 'a password of the attacker' }],
    ['PATCH', '', { email: 'attacker@example.com' }],
    ['POST', '/disable', undefined],
    ['POST', '/enable', undefined],
    ['DELETE', '', undefined],
  ])('is out of reach for who may only change users: %s %s', async (method, path, body) => {
    const { id } = await administrator('viewer')
    const client = await server.createClient({ grant_types: ['client_credentials'], scope: 'users:write' })
    const form = { grant_type: 'client_credentials', scope: 'users:write' }
    const { body: tokens } = await client.post('/token', form)
    const token = String(tokens['access_token'])
    const refused = await call(token, method, `/users/${id}${path}`, body)
    expect(refused.status).toBe(403)
    expect(refused.headers.get('www-authenticate')).toContain('scope="admin"')
    const { id: somebody } = await server.createUser()
    expect((await call(token, method, `/users/${somebody}${path}`, body)).status).toBeLessThan(300)
  })

  it('is not made by who may only change users', async () => {
    const { id, token } = await administrator('responder')
    expect((await call(token, 'PUT', `/administrators/${id}`, { role: 'admin' })).status).toBe(403)
    expect((await call(token, 'POST', '/setup-links', {})).status).toBe(403)
  })
})

describe('a set-up link', () => {
  const link = async (role?: string) => {
    const made = await server.admin<{ url: string }>('POST', '/setup-links', role ? { role } : {})
    expect(made.status).toBe(201)
    return new URL(made.body.url)
  }
  const use = (code: string, username: string, on = server, given = password) =>
    fetch(`${on.url}/setup`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: server.url },
      body: new URLSearchParams({ code, username, new_password: given, repeat_password: given }),
    })
  let count = 0
  const name = () => `first-admin-${++count}`

  it('leads to a page, and makes one account with its role', async () => {
    const url = await link('responder')
    expect(url.pathname).toBe('/setup')
    const page = await fetch(new URL(url.pathname, server.url))
    expect(page.status).toBe(200)
    expect(await page.text()).not.toContain(url.hash.slice(1))
    const username = name()
    expect((await use(url.hash.slice(1), username)).status).toBe(200)
    const { body } = await server.admin<{ items: { username: string; role: string }[] }>(
      'GET',
      '/administrators?limit=200',
    )
    expect(body.items.find((one) => one.username === username)?.role).toBe('responder')
    expect((await call(await tokenOf(username), 'GET', '/users')).status).toBe(200)
    expect((await use(url.hash.slice(1), name())).status).toBe(400)
  })

  it('makes one account, however many use it at once on two instances', async () => {
    const code = (await link()).hash.slice(1)
    const before = (await server.db.query('select 1 from administrators')).length
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => use(code, name(), i % 2 === 0 ? server : second)),
    )
    expect(answers.map(({ status }) => status).sort((a, b) => a - b)).toEqual([200, ...Array<number>(7).fill(400)])
    expect((await server.db.query('select 1 from administrators')).length).toBe(before + 1)
  })

  it('is not used up by a name that is taken, or a password that will not do', async () => {
    const code = (await link()).hash.slice(1)
    const { username } = await server.createUser()
    const taken = await use(code, username)
    expect(taken.status).toBe(400)
    expect(await taken.text()).toContain('There is an account of that name already')
    expect((await use(code, name(), server, 'short')).status).toBe(400)
    expect((await use(code, name())).status).toBe(200)
  })

  it('runs out after a quarter of an hour, and is nowhere in clear', async () => {
    const code = (await link()).hash.slice(1)
    expect(JSON.stringify(await server.db.query('select * from setup_links'))).not.toContain(code)
    expect(JSON.stringify(await server.db.query('select * from audit_events'))).not.toContain(code)
    await server.wait(901)
    expect((await use(code, name())).status).toBe(400)
    expect(JSON.stringify(server.log)).not.toContain(code)
  })

  it('does not let another site use it', async () => {
    const code = (await link()).hash.slice(1)
    const answer = await fetch(`${server.url}/setup`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://evil.example' },
      body: new URLSearchParams({ code, username: name(), new_password: password, repeat_password: password }),
    })
    expect(answer.status).toBe(400)
  })
})

describe('a client that may only change clients', () => {
  const scope = 'clients:write clients:read'
  const tokenOfClient = async () => {
    const client = await server.createClient({ grant_types: ['client_credentials'], scope })
    const { body } = await client.post('/token', { grant_type: 'client_credentials', scope })
    return String(body['access_token'])
  }
  const service = (wanted: string) => ({ grant_types: ['client_credentials'], scope: wanted })

  it('gives no scope of this API on that it has not itself', async () => {
    const token = await tokenOfClient()
    expect((await call(token, 'POST', '/clients', service('admin'))).status).toBe(403)
    expect((await call(token, 'POST', '/clients', service('users:write'))).status).toBe(403)
    expect((await call(token, 'POST', '/clients', service('clients:read'))).status).toBe(201)
    const made = await call(token, 'POST', '/clients', service('reports'))
    const path = `/clients/${String(made.body['client_id'])}`
    expect((await call(token, 'PATCH', path, { scope: 'reports keys:write' })).status).toBe(403)
    expect((await call(token, 'PATCH', path, { scope: 'reports other' })).status).toBe(200)
  })

  it.each<[string, string, unknown]>([
    ['POST', '/secrets', {}],
    ['PATCH', '', { token_endpoint_auth_method: 'client_secret_post' }],
    ['DELETE', '', undefined],
  ])('does not get hold of one that may more: %s %s', async (method, path, body) => {
    const { clientId } = await server.createClient(service('sessions:revoke'))
    const refused = await call(await tokenOfClient(), method, `/clients/${clientId}${path}`, body)
    expect(refused.status).toBe(403)
    expect(refused.headers.get('www-authenticate')).toContain('scope="sessions:revoke"')
  })
})
