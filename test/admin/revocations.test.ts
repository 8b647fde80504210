import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'

let server: TestServer
let client: TestClient
let user: { id: string; username: string }
let online: Tokens
let offline: Tokens

beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())
beforeEach(async () => {
  client = await server.createClient()
  user = await server.createUser()
  const { browser, ...tokens } = await client.tokens({ username: user.username })
  online = tokens
  offline = await client.tokens({ browser, username: user.username, parameters: { scope: 'openid offline_access' } })
})

type Body = Record<string, unknown>
const claimsOf = (token: string): Body => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
const revoke = (target: Body) => server.admin('POST', '/revocations', target)
const isActive = async ({ access_token }: Tokens) =>
  (await client.post('/introspect', { token: access_token })).body['active']
const refreshes = async ({ refresh_token }: Tokens) => (await client.refresh(refresh_token)).status === 200
const sid = () => String(claimsOf(online.id_token)['sid'])
const gid = () => String(claimsOf(offline.access_token)['gid'])
const rows = async () => {
  const counts = await server.db.query<{ n: number }>(
    `select count(*)::int as n from (select id from sessions where revoked_at is null union all select id from grants where revoked_at is null) x`,
  )
  return counts[0]?.n
}

describe('POST /revocations', () => {
  it.each<[string, () => Body, Body | null, [boolean, boolean]]>([
    ['a session: it and its online grants', () => ({ session_id: sid() }), { sessions: 1, grants: 1 }, [false, true]],
    ['a grant: only it', () => ({ grant_id: gid() }), { sessions: 0, grants: 1 }, [true, false]],
    ['a user: everything', () => ({ user_id: user.id }), { sessions: 1, grants: 2 }, [false, false]],
    [
      'a user at a client: the grants',
      () => ({ user_id: user.id, client_id: client.clientId }),
      { sessions: 0, grants: 2 },
      [false, false],
    ],
    ['a client: all of it, uncounted', () => ({ client_id: client.clientId }), null, [false, false]],
    ['all: everything, uncounted', () => ({ all: true }), null, [false, false]],
  ])('ends %s', async (_, target, ended, alive) => {
    const before = await rows()
    const preview = await revoke({ ...target(), dry_run: true })
    expect(preview.body).toMatchObject({
      dry_run: true,
      ended: ended ?? { sessions: expect.any(Number), grants: expect.any(Number) },
    })
    expect(await rows()).toBe(before)
    expect([await isActive(online), await isActive(offline)]).toEqual([true, true])

    const { status, body } = await revoke({ ...target(), reason: 'stolen laptop' })
    expect({ status, ended: body['ended'] }).toEqual({ status: 200, ended })
    expect(body['position']).toBeGreaterThan(Number(preview.body['position']))
    expect([await isActive(online), await isActive(offline)]).toEqual(alive)
    expect([await refreshes(online), await refreshes(offline)]).toEqual(alive)
    const [event] = await server.db.query<Body>('select actor, reason, detail from audit_events where position = $1', [
      body['position'],
    ])
    expect(event).toMatchObject({ actor: 'client:test-admin', reason: 'admin', detail: { note: 'stolen laptop' } })
  })

  it.each([
    ['bound', 'no verifier accepts it any more', 5],
    ['expired_by', 'also those know who only check exp', 3600],
  ])('says in %s by when %s', async (member, _, seconds) => {
    const { body } = await revoke({ session_id: sid() })
    const [clock] = await server.db.query<{ ms: number }>('select extract(epoch from clock_now())::float8 * 1000 as ms')
    const ahead = Date.parse(String(body[member])) - Number(clock?.ms)
    expect(ahead).toBeGreaterThan((seconds - 4) * 1000)
    expect(ahead).toBeLessThanOrEqual(seconds * 1000)
  })

  it('ends one token and nothing else', async () => {
    const { status, body } = await revoke({ jti: claimsOf(online.access_token)['jti'] })
    expect({ status, ended: body['ended'] }).toEqual({ status: 200, ended: { sessions: 0, grants: 0 } })
    expect([await isActive(online), await isActive(offline)]).toEqual([false, true])
    expect(await refreshes(online)).toBe(true)
  })

  it('answers with zeros and the position of now when it ended before', async () => {
    const first = await revoke({ session_id: sid() })
    const second = await revoke({ session_id: sid() })
    expect(second).toMatchObject({
      status: 200,
      body: { ended: { sessions: 0, grants: 0 }, position: first.body['position'] },
    })
  })

  it.each<[string, Body, number]>([
    ['nothing', {}, 400],
    [
      'two targets',
      { session_id: '01a1fc42-b65e-7103-9eba-1c7ec6884558', grant_id: '01a1fc42-b65e-7103-9eba-1c7ec6884558' },
      400,
    ],
    ['all and a user', { all: true, user_id: 'x' }, 400],
    ['all: false', { all: false }, 400],
    ['a jti that is none', { jti: 'x' }, 400],
    ['an unknown session', { session_id: '01a1fc42-b65e-7103-9eba-1c7ec6884558' }, 404],
    ['an unknown grant', { grant_id: 'x' }, 404],
    ['an unknown user', { user_id: 'x', client_id: 'test-admin' }, 404],
    ['an unknown client', { client_id: 'nobody' }, 404],
    ['an unknown key', { kid: 'k' }, 404],
  ])('refuses %s', async (_, target, status) => {
    expect((await revoke(target)).status).toBe(status)
    expect((await revoke({ ...target, dry_run: true })).status).toBe(status)
  })
})

describe('admin: sessions and grants', () => {
  it('are listed while they live, without a secret', async () => {
    const sessions = await server.admin<{ items: Body[] }>(
      'GET',
      `/sessions?user_id=${user.id}&client_id=${client.clientId}`,
    )
    expect(sessions.body.items).toMatchObject([
      { sid: sid(), user_id: user.id, username: user.username, alive: true, ended_at: null },
    ])
    const list = (query: string) =>
      server.admin<{ items: Body[] }>('GET', `/grants?client_id=${client.clientId}${query}`)
    expect((await list('')).body.items).toHaveLength(2)
    expect((await list('&kind=offline')).body.items).toMatchObject([
      { gid: gid(), kind: 'offline', client_id: client.clientId },
    ])
    expect((await list(`&kind=online&user_id=${user.id}`)).body.items).toMatchObject([{ kind: 'online', sid: sid() }])
    expect(JSON.stringify([sessions.body, (await list('')).body])).not.toMatch(/hash|secret|nonce/)
    expect((await server.admin('GET', '/sessions?client_id=nobody')).body).toEqual({ items: [], next_cursor: null })
  })

  it('are shown with the reason when they are over', async () => {
    for (const _ of [1, 2]) expect((await server.admin('DELETE', `/sessions/${sid()}`)).status).toBe(204)
    expect((await server.admin('GET', `/sessions/${sid()}`)).body).toMatchObject({
      alive: false,
      end_reason: 'admin',
      ended_at: expect.any(String),
    })
    expect((await server.admin('GET', `/sessions?user_id=${user.id}`)).body).toMatchObject({ items: [] })
    for (const _ of [1, 2]) expect((await server.admin('DELETE', `/grants/${gid()}`)).status).toBe(204)
    expect((await server.admin('GET', `/grants/${gid()}`)).body).toMatchObject({ alive: false, end_reason: 'admin' })
    expect((await server.admin('DELETE', '/sessions/none')).status).toBe(204)
  })

  it('are not listed when they have expired', async () => {
    await server.wait(1801)
    expect((await server.admin('GET', `/sessions?user_id=${user.id}`)).body).toMatchObject({ items: [] })
    expect((await server.admin('GET', `/grants?user_id=${user.id}`)).body).toMatchObject({
      items: [{ kind: 'offline' }],
    })
  })
})

describe('PUT /not-before', () => {
  const put = (line: Body) => server.admin('PUT', '/not-before', line)
  const now = async () => {
    const [row] = await server.db.query<{ s: number }>('select extract(epoch from clock_now())::int as s')
    return Number(row?.s)
  }

  it.each<[string, () => Body]>([
    ['server', () => ({ scope: 'server' })],
    ['client', () => ({ scope: 'client', id: client.clientId })],
    ['user', () => ({ scope: 'user', id: user.id })],
  ])('"now" ends everything of a %s', async (scope, line) => {
    const { status, body } = await put({ ...line(), not_before: 'now' })
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { scope, not_before: expect.any(Number), position: expect.any(Number) },
    })
    expect([await isActive(online), await isActive(offline)]).toEqual([false, false])
    expect([await refreshes(online), await refreshes(offline)]).toEqual([false, false])
    // What begins after it lives.
    expect(await isActive(await client.tokens({ username: user.username }))).toBe(true)
    const [event] = await server.db.query<Body>('select reason from audit_events where position = $1', [
      body['position'],
    ])
    expect(event).toEqual({ reason: 'not_before' })
  })

  it('kills what was authenticated before an instant, and only moves forward', async () => {
    await server.wait(100)
    const line = { scope: 'user', id: user.id, not_before: (await now()) - 50 }
    const { body } = await put(line)
    expect(body).toMatchObject(line)
    expect([await isActive(online), await isActive(offline)]).toEqual([false, false])
    const back = await put({ ...line, not_before: 1 })
    expect(back.body).toMatchObject({ not_before: line.not_before, position: body['position'] })
    const [event] = await server.db.query<Body>('select type, user_id from audit_events where position = $1', [
      body['position'],
    ])
    expect(event).toEqual({ type: 'not_before.moved', user_id: user.id })
    expect((await server.admin('GET', `/not-before?scope=user&id=${user.id}`)).body).toMatchObject({
      not_before: line.not_before,
    })
  })

  it('shows the lines of clients under their public names', async () => {
    await put({ scope: 'client', id: client.clientId, not_before: (await now()) - 10_000 })
    const { body } = await server.admin<{ clients: Body }>('GET', '/not-before')
    expect(body.clients).toHaveProperty([client.clientId])
    const [event] = await server.db.query<Body>(
      `select target_id, client_id from audit_events where type = 'not_before.moved' and target_kind = 'client' order by id desc limit 1`,
    )
    expect(event).toEqual({ target_id: client.clientId, client_id: client.clientId })
  })

  it('refuses the future, and names that are unknown', async () => {
    expect((await put({ scope: 'server', not_before: (await now()) + 5 })).body).toMatchObject({
      status: 400,
      pointer: '/not_before',
    })
    expect((await put({ scope: 'server', id: 'x', not_before: 1 })).body).toMatchObject({ status: 400, pointer: '/id' })
    expect((await put({ scope: 'client', not_before: 1 })).body).toMatchObject({ status: 400, pointer: '/id' })
    expect((await put({ scope: 'client', id: 'nobody', not_before: 1 })).status).toBe(404)
    expect((await put({ scope: 'user', id: 'nobody', not_before: 'now' })).status).toBe(404)
    expect((await put({ scope: 'user', id: user.id, not_before: 'later' })).status).toBe(400)
  })
})

describe('admin: keys and audit', () => {
  it('publishes new keys that sign later', async () => {
    const before = await server.admin<{ items: Body[] }>('GET', '/keys')
    expect(before.body.items.map(({ state }) => state)).toEqual(['active', 'active', 'active'])
    const { body } = await server.admin<{ items: Body[]; activate_at: string }>('POST', '/keys/rotate')
    expect(body.items.map(({ alg }) => alg)).toEqual(['ES256', 'RS256', 'EdDSA'])
    const after = await server.admin<{ items: Body[] }>('GET', '/keys')
    expect(after.body.items.filter(({ state }) => state === 'published')).toHaveLength(3)
    expect(JSON.stringify(after.body)).not.toContain('private')
    const jwks = await (await fetch(`${server.url}/.well-known/jwks.json`)).json()
    expect(jwks.keys).toHaveLength(6)
  })

  it('tells what happened, page by page', async () => {
    await revoke({ session_id: sid(), reason: 'test' })
    const all: Body[] = []
    let cursor = ''
    do {
      const { body } = await server.admin<{ items: Body[]; next_cursor: string | null }>(
        'GET',
        `/audit-events?user_id=${user.id}&limit=1${cursor}`,
      )
      all.push(...body.items)
      cursor = body.next_cursor === null ? '' : `&cursor=${body.next_cursor}`
    } while (cursor)
    const types = all.map((event) => event['type'])
    expect(types.at(-1)).toBe('user.created')
    expect(types[0]).toBe('session.ended')
    expect(new Set(all.map((event) => event['id'])).size).toBe(all.length)
    const filtered = await server.admin<{ items: Body[] }>(
      'GET',
      `/audit-events?user_id=${user.id}&type=user.created&to=2000-01-01T00:00:00Z`,
    )
    expect(filtered.body.items).toEqual([])
    expect((await server.admin('GET', '/audit-events?from=yesterday')).body).toMatchObject({
      status: 400,
      pointer: '/from',
    })
  })
})
