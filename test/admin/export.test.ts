import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'
import { byAdmin, hold } from './explaining.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

type Body = Record<string, unknown>
interface Export {
  readonly user: Body
  readonly sessions: Body[]
  readonly grants: Body[]
  readonly consents: Body[]
  readonly audit_events: Body[]
  readonly truncated: string[]
}

const exportOf = (id: string) => server.admin<Export>('GET', `/users/${id}/export`)

describe('the export of a user', () => {
  it('holds the profile, sessions and grants that live and that are over, consents, and what happened', async () => {
    const held = await hold(server, {
      client: { skip_consent: false, scope: 'openid profile offline_access' },
      parameters: { scope: 'openid profile offline_access', prompt: 'consent' },
    })
    const { id, username } = held.user
    await server.admin('DELETE', `/sessions/${held.sid}`)
    await held.app.tokens({ username })
    await hold(server) // somebody else
    const { status, body } = await exportOf(id)
    expect(status).toBe(200)
    expect(body.user).toMatchObject({ id, username })
    expect(body.sessions.map(({ alive }) => alive)).toEqual([true, false])
    expect(body.sessions.every(({ user_id }) => user_id === id)).toBe(true)
    expect(body.sessions[1]).toMatchObject({ sid: held.sid, end_reason: 'admin', user_agent: expect.any(String) })
    expect(body.grants.map(({ kind, alive }) => [kind, alive])).toEqual([
      ['online', true],
      ['offline', true],
    ])
    expect(body.consents).toMatchObject([{ client_id: held.app.clientId }])
    expect(body.consents[0]?.['scopes']).toEqual(expect.arrayContaining(['openid', 'profile', 'offline_access']))
    const types = body.audit_events.map(({ type }) => type)
    expect(types).toEqual(
      expect.arrayContaining(['user.created', 'session.created', 'session.ended', 'consent.granted']),
    )
    expect(body.audit_events.every(({ user_id }) => user_id === id)).toBe(true)
    expect(body.truncated).toEqual([])
    for (const secret of ['argon2', 'secret_hash', held.tokens.refresh_token])
      expect(JSON.stringify(body)).not.toContain(secret)
  })

  it('is an event of its own', async () => {
    const { id } = await server.createUser()
    const { body } = await exportOf(id)
    expect(body.audit_events[0]).toMatchObject({ type: 'user.exported', actor: byAdmin, target_id: id })
  })

  it.each(['nobody', '01a1fe9e-c886-79cd-b78b-9abc6782aa77'])('is refused for %s, and leaves no trace', async (id) => {
    expect((await exportOf(id)).status).toBe(404)
    expect(await server.db.query(`select from audit_events where target_id = $1`, [id])).toEqual([])
  })
})

describe('the erasure of a user', () => {
  it('removes what is personal, also in what was over, and keeps a trail under an id that leads to nobody', async () => {
    const held = await hold(server)
    const { id, username } = held.user
    await server.admin('PATCH', `/users/${id}`, { email: 'gone@example.com' })
    await server.admin('DELETE', `/sessions/${held.sid}`)
    await held.app.tokens({ username, parameters: { scope: 'openid offline_access' } })
    await server.db.query(
      `insert into audit_events (type, actor, user_id, ip, detail) values
       ('test', $1, $2, '192.0.2.1', '{"username": "x", "email": "gone@example.com", "user_agent": "y", "kept": 1}')`,
      [`user:${id}`, id],
    )
    expect((await server.admin('DELETE', `/users/${id}`)).status).toBe(204)

    expect(await server.db.query('select from users where id = $1', [id])).toEqual([])
    expect(await server.db.query('select from consents where user_id = $1', [id])).toEqual([])
    const sessions = await server.db.query(
      'select ip, last_ip, user_agent, revoked_at is null as alive from sessions where user_id = $1',
      [id],
    )
    expect(sessions).toEqual([1, 2].map(() => ({ ip: null, last_ip: null, user_agent: null, alive: false })))
    const events = await server.db.query<Body>(
      `select type, actor, ip, detail from audit_events where user_id = $1 or target_id = $1::text`,
      [id],
    )
    const types = events.map(({ type }) => type)
    expect(types).toEqual(expect.arrayContaining(['user.created', 'session.created', 'user.deleted', 'user.ended']))
    expect(events.find(({ type }) => type === 'test')?.['detail']).toEqual({ kept: 1 })
    // The address of whoever deleted stays: that is not the person's.
    for (const { type, actor, ip } of events)
      expect([type, ip !== null]).toEqual([
        type,
        actor === byAdmin && ['user.deleted', 'user.ended'].includes(String(type)),
      ])
    expect(JSON.stringify(events)).not.toMatch(/gone@example\.com|192\.0\.2\.1/)
    expect(JSON.stringify(events)).not.toContain(username)
  })

  it('ends all access, and a second one finds nothing', async () => {
    const held = await hold(server, { parameters: { scope: 'openid offline_access' } })
    const { id, username } = held.user
    for (const _ of [1, 2]) expect((await server.admin('DELETE', `/users/${id}`)).status).toBe(204)
    expect((await held.app.refresh(held.tokens.refresh_token)).body).toMatchObject({ error: 'invalid_grant' })
    expect((await held.app.post('/introspect', { token: held.tokens.access_token })).body).toEqual({ active: false })
    const page = await held.app.signIn({ username })
    expect(page.code).toBe('')
    expect((await exportOf(id)).status).toBe(404)
    const events = await server.db.query(`select from audit_events where user_id = $1 and type = 'user.deleted'`, [id])
    expect(events).toHaveLength(1)
  })
})
