import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { at, basic, claimsOf, isActive } from '../support/tokens.ts'

const orders = 'https://orders.example.com'
let server: TestServer
let app: TestClient
/** An API that serves `orders`. */
let api: TestClient
beforeAll(async () => {
  server = await startServer()
  await server.admin('POST', '/resources', { identifier: orders, scopes: ['orders:read'] })
  app = await server.createClient({ scope: 'openid profile offline_access orders:read' })
  api = await service({ resource_server_for: [orders] })
  await api.post('/token', { grant_type: 'client_credentials', resource: orders })
})
afterAll(() => server.close())

const service = (metadata: Record<string, unknown> = {}) =>
  server.createClient({ grant_types: ['client_credentials'], redirect_uris: [], scope: '', ...metadata })
const tokensOf = async (scope = 'orders:read', client = app) => {
  const user = await server.createUser()
  return { user, ...(await client.tokens({ username: user.username, parameters: { scope } })) }
}
const ask = async (client: TestClient, token: string) => (await client.post('/introspect', { token })).body

describe('RFC 7662 §2: who may ask', () => {
  it.each<[string, (token: string) => Promise<{ status: number; body: Record<string, unknown> }>]>([
    ['nobody', (token) => server.post('/introspect', { token })],
    ['a wrong secret', (token) => server.post('/introspect', { token }, basic(app.clientId, 'x'.repeat(40)))],
    ['an unknown client', (token) => server.post('/introspect', { token }, basic('nobody', 'x'.repeat(40)))],
    ['a bearer that is no token', (token) => server.post('/introspect', { token }, { authorization: 'Bearer x' })],
    [
      'the token itself as bearer',
      (token) => server.post('/introspect', { token }, { authorization: `Bearer ${token}` }),
    ],
  ])('%s: an error, never active: false (frappe#42693)', async (_, call) => {
    const { access_token } = await tokensOf()
    const { status, body } = await call(access_token)
    expect(status).toBe(401)
    expect(body).not.toHaveProperty('active')
  })

  it('a public client: 401, even about its own token', async () => {
    const spa = await server.createClient({ token_endpoint_auth_method: 'none' })
    const { access_token } = await tokensOf('openid', spa)
    expect(await spa.post('/introspect', { token: access_token })).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    })
  })

  it('a disabled API: 401 at once, also on an instance that remembers it', async () => {
    const other = await server.another()
    const { access_token } = await tokensOf()
    const gone = await service({ resource_server_for: [orders] })
    expect(await at(other, gone).isActive(access_token)).toBe(true)
    await server.admin('PATCH', `/clients/${gone.clientId}`, { disabled: true })
    expect((await at(other, gone).post('/introspect', { token: access_token })).status).toBe(401)
    await other.close()
  })

  it('by POST only, with a token in the body, and the answer is kept by no cache', async () => {
    expect((await fetch(`${server.url}/introspect?token=x`)).status).toBe(405)
    expect(await app.post('/introspect', {})).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    const { headers } = await app.post('/introspect', { token: 'x' })
    expect(headers.get('cache-control')).toBe('no-store')
  })
})

describe('RFC 7662 §2.2: who sees what', () => {
  it('the client that a token was issued to, and the API that it is for, see all of its claims', async () => {
    const { access_token } = await tokensOf()
    const expected = { active: true, token_type: 'Bearer', ...claimsOf(access_token) }
    expect(await ask(app, access_token)).toEqual(expected)
    expect(await ask(api, access_token)).toEqual(expected)
  })

  it('everybody else gets exactly the answer for a dead token (thunderid#4911, idpy-oidc#52)', async () => {
    const { access_token } = await tokensOf()
    const strangers = [
      await server.createClient(),
      await service(),
      await service({ resource_server_for: ['https://billing.example.com'] }),
      await service({ resource_server_for: ['https://orders.example.com/'] }),
    ]
    for (const stranger of strangers) expect(await ask(stranger, access_token)).toEqual({ active: false })
  })

  it('an API for one audience does not see a token of its neighbour', async () => {
    const { access_token } = await tokensOf('openid')
    expect(claimsOf(access_token).aud).toBe(server.url)
    expect(await ask(api, access_token)).toEqual({ active: false })
  })

  it('introspect:any, registered on the client or carried by a bearer, sees every access token', async () => {
    const { access_token } = await tokensOf()
    const judge = await service({ scope: 'introspect:any' })
    expect(await ask(judge, access_token)).toMatchObject({ active: true })
    const { body } = await judge.post('/token', { grant_type: 'client_credentials' })
    const bearer = { authorization: `Bearer ${String(body['access_token'])}` }
    expect((await server.post('/introspect', { token: access_token }, bearer)).body).toMatchObject({ active: true })
  })

  it('a bearer without that scope: 403', async () => {
    const { access_token } = await tokensOf()
    const { body } = await (await service({ scope: 'revocations:read' })).post('/token', {
      grant_type: 'client_credentials',
    })
    const bearer = { authorization: `Bearer ${String(body['access_token'])}` }
    const answer = await server.post('/introspect', { token: access_token }, bearer)
    expect(answer).toMatchObject({ status: 403, body: { error: 'insufficient_scope' } })
  })

  it('token_type_hint is a hint: a wrong one changes nothing', async () => {
    const { access_token, refresh_token } = await tokensOf()
    const hint = (token: string, token_type_hint: string) => app.post('/introspect', { token, token_type_hint })
    expect((await hint(access_token, 'refresh_token')).body['active']).toBe(true)
    expect((await hint(refresh_token, 'access_token')).body['active']).toBe(true)
    expect((await hint(access_token, 'nonsense')).body['active']).toBe(true)
  })
})

describe('every term of liveness (gravitee#6396)', () => {
  type Context = Awaited<ReturnType<typeof tokensOf>> & { client: TestClient }
  const sid = ({ id_token }: Context) => claimsOf(id_token).sid
  const gid = ({ access_token }: Context) => claimsOf(access_token).gid
  const revoke = (target: object) => server.admin('POST', '/revocations', target)
  const now = () =>
    server.db
      .query('select floor(extract(epoch from clock_now()))::float8 as now')
      .then(([row]) => Number(row?.['now']))
  const before = async (scope: string, id?: string) => {
    await server.wait(10)
    const { status } = await server.admin('PUT', '/not-before', {
      scope,
      ...(id ? { id } : {}),
      not_before: (await now()) - 5,
    })
    return expect(status).toBe(200)
  }

  // [what happens, a token of an online grant is alive, one of an offline grant, one of client_credentials]
  it.each<[string, boolean, boolean, boolean, (c: Context) => Promise<unknown>]>([
    ['nothing', true, true, true, async () => undefined],
    ['the session is ended', false, true, true, (c) => revoke({ session_id: sid(c) })],
    ['the grant is ended', false, false, true, (c) => revoke({ grant_id: gid(c) })],
    [
      'the token itself is revoked by its jti',
      false,
      false,
      true,
      (c) => revoke({ jti: claimsOf(c.access_token).jti }),
    ],
    ['the user is ended', false, false, true, (c) => revoke({ user_id: c.user.id })],
    [
      'the user at this client is ended',
      false,
      false,
      true,
      (c) => revoke({ user_id: c.user.id, client_id: c.client.clientId }),
    ],
    ['the user is disabled', false, false, true, (c) => server.admin('POST', `/users/${c.user.id}/disable`)],
    ['the user is deleted', false, false, true, (c) => server.admin('DELETE', `/users/${c.user.id}`)],
    [
      'the password is reset',
      false,
      false,
      true,
      (c) => server.admin('POST', `/users/${c.user.id}/password`, { password: 'a new and long enough one' }),
    ],
    ['the client is ended', false, false, false, (c) => revoke({ client_id: c.client.clientId })],
    [
      'the client is disabled',
      false,
      false,
      false,
      (c) => server.admin('PATCH', `/clients/${c.client.clientId}`, { disabled: true }),
    ],
    ['the client is deleted', false, false, false, (c) => server.admin('DELETE', `/clients/${c.client.clientId}`)],
    ['everything is ended', false, false, false, () => revoke({ all: true })],
    ['not-before of the server moves past it', false, false, false, () => before('server')],
    ['not-before of the client moves past it', false, false, false, (c) => before('client', c.client.clientId)],
    ['not-before of the user moves past it', false, false, true, (c) => before('user', c.user.id)],
    ['its time is over', false, false, false, () => server.wait(301)],
    [
      'only the user row says disabled',
      false,
      false,
      true,
      (c) => server.db.query('update users set disabled_at = now() where id = $1', [c.user.id]),
    ],
    [
      'only the client row says disabled',
      false,
      false,
      false,
      (c) => server.db.query('update clients set disabled_at = now() where client_id = $1', [c.client.clientId]),
    ],
    [
      'only the session row is past its end',
      false,
      true,
      true,
      (c) => server.db.query(`update sessions set expires_at = clock_now() where id = $1`, [sid(c)]),
    ],
    [
      'only the session row is past its idle time',
      false,
      true,
      true,
      (c) => server.db.query(`update sessions set idle_s = -1 where id = $1`, [sid(c)]),
    ],
    [
      'only the grant row is past its end',
      false,
      false,
      true,
      (c) => server.db.query('update grants set expires_at = clock_now() where id = $1', [gid(c)]),
    ],
    [
      'only the session row is gone',
      false,
      true,
      true,
      (c) => server.db.query('delete from sessions where id = $1', [sid(c)]),
    ],
    [
      'only the grant row is gone',
      false,
      false,
      true,
      (c) => server.db.query('delete from grants where id = $1', [gid(c)]),
    ],
  ])('%s', async (_, online, offline, own, act) => {
    const judge = await service({ scope: 'introspect:any' })
    const outcomes = []
    for (const scope of ['openid', 'openid offline_access']) {
      const client = await server.createClient()
      const tokens = { client, ...(await tokensOf(scope, client)) }
      expect(await isActive(judge, tokens.access_token)).toBe(true)
      await act(tokens)
      outcomes.push(await isActive(judge, tokens.access_token))
    }
    const client = await server.createClient({
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      scope: 'openid reports',
    })
    const ownToken = String((await client.post('/token', { grant_type: 'client_credentials' })).body['access_token'])
    const tokens = { client, ...(await tokensOf('openid', client)) }
    await act(tokens)
    outcomes.push(await isActive(judge, ownToken))
    expect(outcomes).toEqual([online, offline, own])
  })

  it('the signing key is compromised', async () => {
    const { access_token } = await tokensOf()
    await server.db.query(`update signing_keys set compromised_at = clock_now() where alg = 'ES256'`)
    // Also on an instance that still remembers the key.
    expect(await isActive(app, access_token)).toBe(false)
    await server.db.query('update signing_keys set compromised_at = null')
    expect(await isActive(app, access_token)).toBe(true)
  })

  it('a dead token is answered with active: false and no other member', async () => {
    const { access_token, refresh_token, user } = await tokensOf()
    await server.admin('POST', '/revocations', { user_id: user.id })
    for (const token of [access_token, refresh_token, 'x', 'a.b.c', 'flc_rt_x'])
      expect(await ask(app, token)).toEqual({ active: false })
  })

  it('an ID token and a code are no tokens to ask about', async () => {
    const { id_token } = await tokensOf('openid')
    expect(await ask(app, id_token)).toEqual({ active: false })
    const { code } = await app.signIn({ username: (await server.createUser()).username })
    expect(await ask(app, code)).toEqual({ active: false })
  })
})

describe('refresh tokens', () => {
  it('are shown to their own client only: not to the API, not to introspect:any', async () => {
    const { refresh_token, user } = await tokensOf()
    expect(await ask(app, refresh_token)).toEqual({
      active: true,
      iss: server.url,
      sub: user.id,
      client_id: app.clientId,
      scope: 'orders:read',
      iat: expect.any(Number),
      exp: expect.any(Number),
    })
    const judge = await service({ scope: 'introspect:any' })
    const bearer = {
      authorization: `Bearer ${String((await judge.post('/token', { grant_type: 'client_credentials' })).body['access_token'])}`,
    }
    for (const client of [api, judge, await server.createClient()])
      expect(await ask(client, refresh_token)).toEqual({ active: false })
    expect((await server.post('/introspect', { token: refresh_token }, bearer)).body).toEqual({ active: false })
  })

  it('only the current one is active, and asking about an old one ends nothing', async () => {
    const { refresh_token } = await tokensOf()
    const { body } = await app.refresh(refresh_token)
    await server.wait(60)
    expect(await ask(app, refresh_token)).toEqual({ active: false })
    expect((await ask(app, body.refresh_token))['active']).toBe(true)
    expect((await app.refresh(body.refresh_token)).status).toBe(200)
  })

  it('exp is when it ends unless it is used: never after its session', async () => {
    const { refresh_token, access_token } = await tokensOf('openid')
    await server.db.query(`update sessions set expires_at = clock_now() + interval '100 seconds' where id = $1`, [
      claimsOf(access_token).sid,
    ])
    const { exp } = (await ask(app, refresh_token)) as { exp: number }
    expect(exp - claimsOf(access_token).iat).toBeLessThanOrEqual(101)
  })
})

describe('looking is not using', () => {
  it('asking moves neither the session nor the grant, so both still end on time (KEYCLOAK-18982)', async () => {
    const { access_token, refresh_token } = await tokensOf('openid')
    const { sid, gid } = claimsOf(access_token)
    const rows = async () => [
      await server.db.query('select xmin, ctid, * from sessions where id = $1', [sid]),
      await server.db.query('select xmin, ctid, * from grants where id = $1', [gid]),
    ]
    const before = await rows()
    await server.wait(200)
    expect(await isActive(app, access_token)).toBe(true)
    expect(await isActive(app, refresh_token)).toBe(true)
    await fetch(`${server.url}/userinfo`, { headers: { authorization: `Bearer ${access_token}` } })
    expect(await rows()).toEqual(before)
  })
})
