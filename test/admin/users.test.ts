import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let client: TestClient
beforeAll(async () => {
  server = await startServer()
  client = await server.createClient()
})
afterAll(() => server.close())

type Body = Record<string, unknown>

describe('admin: users', () => {
  it('are made from standard claims', async () => {
    const wanted = {
      username: 'Åsa',
      email: 'Asa@Example.com',
      email_verified: true,
      name: 'Åsa B',
      profile: 'https://example.com/asa',
      birthdate: '1990-01-02',
      phone_number: '+46 1',
      phone_number_verified: true,
      address: { formatted: 'A 1\nB', country: 'SE' },
    }
    const { status, body } = await server.admin('POST', '/users', { ...wanted, password: 'long enough' })
    expect(status).toBe(201)
    expect(body).toMatchObject({ ...wanted, has_password: true, disabled: false })
    expect(JSON.stringify(body)).not.toContain('argon2')
    const { access_token } = await client
      .tokens({ username: 'åsa', parameters: { scope: 'openid profile email' } })
      .catch(() => ({ access_token: '' }))
    expect(access_token).toBe('') // the password of the harness is another
    expect((await server.admin('GET', `/users/${String(body['id'])}`)).body).toEqual(body)
  })

  it.each([
    ['username', { username: 'ÅSA' }],
    ['email', { username: 'another', email: 'asa@example.com' }],
  ])('share no %s, however it is written', async (member, given) => {
    expect((await server.admin('POST', '/users', given)).body).toMatchObject({ status: 409, pointer: `/${member}` })
  })

  it.each<[string, Body]>([
    ['/password', { username: 'p', password: 'short' }],
    ['/password', { username: 'p', password: 'ä'.repeat(513) }],
    ['/email', { username: 'p', email: 'nobody' }],
    ['/email_verified', { username: 'p', email_verified: true }],
    ['/picture', { username: 'p', picture: 'javascript:alert(1)' }],
    ['/address/planet', { username: 'p', address: { planet: 'Mars' } }],
    ['/sub', { username: 'p', sub: 'x' }],
  ])('refuses %s in %j', async (pointer, given) => {
    expect((await server.admin('POST', '/users', given)).body).toMatchObject({ status: 400, pointer })
  })

  it('are not verified any more when their address changes', async () => {
    const { body } = await server.admin('POST', '/users', {
      username: 'moving',
      email: 'a@example.com',
      email_verified: true,
      nickname: 'M',
    })
    const path = `/users/${String(body['id'])}`
    expect((await server.admin('PATCH', path, { email: 'A@example.com' })).body).toMatchObject({ email_verified: true })
    expect((await server.admin('PATCH', path, { email: 'b@example.com', nickname: null })).body).toMatchObject({
      email: 'b@example.com',
      email_verified: false,
    })
    const removed = await server.admin('PATCH', path, { email: null })
    expect(removed.body).not.toHaveProperty('email')
    expect(removed.body).not.toHaveProperty('nickname')
    expect((await server.admin('PATCH', path, { username: 'Åsa' })).body).toMatchObject({
      status: 409,
      pointer: '/username',
    })
  })

  it('are found by the beginning of their name or address, once', async () => {
    await server.admin('POST', '/users', { username: 'Needle_%', email: 'thread@haystack.example' })
    await server.admin('POST', '/users', { username: 'need', email: 'NEEDLE_@haystack.example' })
    const found = async (query: string) => {
      const { body } = await server.admin<{ items: Body[] }>('GET', `/users?query=${encodeURIComponent(query)}`)
      return body.items.map(({ username }) => username)
    }
    expect(await found('NEEDLE_%')).toEqual(['Needle_%'])
    expect(await found('Thread@')).toEqual(['Needle_%'])
    expect(await found('need')).toEqual(['need', 'Needle_%'])
    expect(await found('needle_')).toEqual(['Needle_%', 'need'])
    expect(await found('eedle')).toEqual([])
    expect(await found('%')).toEqual([])
    expect((await server.admin('GET', '/users?query=%E2%80%8B')).body).toMatchObject({ status: 400, pointer: '/query' })
  })

  it.each<[string, (path: string) => Promise<unknown>, string]>([
    ['are disabled', (path) => server.admin('POST', `${path}/disable`), 'disabled'],
    [
      'get a new password',
      (path) => server.admin('POST', `${path}/password`, { password: 'another password' }),
      'password_reset',
    ],
    ['are deleted', (path) => server.admin('DELETE', path), 'deleted'],
  ])('lose every session and grant when they %s', async (_, act, reason) => {
    const { id, username } = await server.createUser()
    const { refresh_token, access_token } = await client.tokens({
      username,
      parameters: { scope: 'openid offline_access' },
    })
    await act(`/users/${id}`)
    expect((await client.refresh(refresh_token)).body).toMatchObject({ error: 'invalid_grant' })
    expect((await client.post('/introspect', { token: access_token })).body).toEqual({ active: false })
    const ends = await server.db.query<Body>(
      'select revoke_reason from sessions where user_id = $1 union all select revoke_reason from grants where user_id = $1',
      [id],
    )
    expect(ends).toEqual([{ revoke_reason: reason }, { revoke_reason: reason }])
    const types = await server.db.query<Body>('select type from audit_events where user_id = $1 order by id', [id])
    expect(types.map((row) => row['type'])).toContain(`user.${reason}`)
    expect(types.map((row) => row['type'])).toContain('user.ended')
  })

  it('are disabled and enabled as often as one likes', async () => {
    const { id } = await server.createUser()
    for (const [act, disabled] of [
      ['disable', true],
      ['disable', true],
      ['enable', false],
      ['enable', false],
    ] as const)
      expect((await server.admin('POST', `/users/${id}/${act}`)).body).toMatchObject({ disabled })
    const events = await server.db.query<Body>(
      `select type from audit_events where user_id = $1 and type like 'user.%abled'`,
      [id],
    )
    expect(events).toHaveLength(2)
  })

  it('leave nothing personal behind when they are deleted', async () => {
    const { id, username } = await server.createUser({ email: 'gone@example.com' })
    await client.tokens({ username })
    for (const _ of [1, 2]) expect((await server.admin('DELETE', `/users/${id}`)).status).toBe(204)
    expect(await server.db.query('select 1 from users where id = $1', [id])).toEqual([])
    expect(await server.db.query('select ip, user_agent from sessions where user_id = $1', [id])).toEqual([
      { ip: null, user_agent: null },
    ])
    expect((await server.admin('POST', '/users', { username, email: 'gone@example.com' })).status).toBe(201)
  })
})
