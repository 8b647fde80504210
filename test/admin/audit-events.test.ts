import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'
import { claimsOf } from '../support/tokens.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

interface Event {
  readonly id: string
  readonly type: string
  readonly outcome: string
  readonly actor: string
  readonly target_id: string | null
  readonly client_id: string | null
  readonly user_id: string | null
  readonly request_id: string | null
  readonly reason: string | null
  readonly ip: string | null
  readonly detail: Record<string, unknown> | null
}
const events = async (query: string): Promise<readonly Event[]> => {
  const { status, body } = await server.admin<{ items: Event[] }>('GET', `/audit-events?${query}`)
  expect(status).toBe(200)
  return body.items
}
const basic = (id: string, secret: string) => ({ authorization: `Basic ${btoa(`${id}:${secret}`)}` })

describe('the list of audit events', () => {
  it('is filtered by session, grant, target, actor, request, outcome and the beginning of a type', async () => {
    const client = await server.createClient()
    const { id, username } = await server.createUser()
    const tokens = await client.tokens({ username })
    const { sid = '', gid = '' } = claimsOf(tokens.access_token)
    await server.admin('DELETE', `/grants/${gid}`)
    await server.admin('DELETE', `/sessions/${sid}`)
    expect((await events(`session_id=${sid}`)).map(({ type }) => type)).toEqual(['session.ended', 'session.created'])
    const [ended] = await events(`grant_id=${gid}`)
    expect(ended).toMatchObject({ type: 'grant.ended', target_id: gid, actor: 'client:test-admin' })
    expect(await events(`target_id=${id}`)).toMatchObject([{ type: 'user.created' }])
    const own = await events(`actor=${encodeURIComponent(`user:${id}`)}`)
    expect(own.map(({ type }) => type)).toEqual(['session.created'])
    expect(await events(`request_id=${ended?.request_id ?? ''}`)).toEqual([ended])
    await client.signIn({ username: `${username}-nobody` })
    const failed = await events('type=login.*&outcome=failure')
    expect(failed).toMatchObject([{ type: 'login.failed', outcome: 'failure' }])
    expect(await events('type=login.*&outcome=success')).toEqual([])
    expect(await events('type=login')).toEqual([])
    for (const wrong of ['session_id=x', 'grant_id=x', 'outcome=maybe', `session_id=${sid}&grant_id=${gid}`])
      expect((await server.admin('GET', `/audit-events?${wrong}`)).status).toBe(400)
  })

  it('is read with an index by user and by target, whatever the number of others', async () => {
    for (const condition of [`user_id = new_id()`, `target_id = 'x'`]) {
      const plan = await server.db.query<Record<string, string>>(
        `explain select from audit_events where ${condition.replace('new_id()', `'00000000-0000-7000-8000-000000000001'`)} order by at desc, id desc limit 50`,
      )
      expect(plan.map((row) => row['QUERY PLAN']).join('\n')).not.toContain('Seq Scan')
    }
  })
})

describe('failures and reads', () => {
  it('of a client that cannot prove itself are written once, with a count, and with no id that somebody typed', async () => {
    const client = await server.createClient()
    const form = { grant_type: 'client_credentials' }
    for (let i = 0; i < 3; i++) await server.post('/token', form, basic(client.clientId, 'wrong'))
    await server.post('/token', form, basic('my-secret-in-the-wrong-field', 'x'))
    await server.server.tools.flushAudit()
    const failed = await events('type=client_auth.failed')
    expect(failed).toHaveLength(2)
    expect(failed).toContainEqual(
      expect.objectContaining({ client_id: client.clientId, reason: 'wrong_secret', detail: { count: 3 } }),
    )
    expect(failed).toContainEqual(
      expect.objectContaining({ client_id: null, reason: 'unknown_client', detail: { count: 1 } }),
    )
    expect(JSON.stringify(failed)).not.toContain('wrong-field')
    expect(failed.every(({ ip, outcome }) => ip !== null && outcome === 'failure')).toBe(true)
  })

  it('of a flood fill a bounded number of rows, and all of them are counted', async () => {
    const { tools } = server.server
    const count = async () => (await server.db.query(`select from audit_events where type = 'flood.failed'`)).length
    for (let i = 0; i < 5000; i++)
      tools.noteAudit({
        type: 'flood.failed',
        outcome: 'failure',
        actor: { id: 'anonymous', ip: `192.0.2.${i % 250}` },
        reason: 'x',
      })
    tools.noteAudit({ type: 'other.failed', outcome: 'failure', actor: { id: 'anonymous' } })
    await tools.flushAudit()
    expect(await count()).toBe(21)
    const [all] = await server.db.query<{ sum: number }>(
      `select sum((detail ->> 'count')::int)::int as sum from audit_events where type = 'flood.failed'`,
    )
    expect(all?.sum).toBe(5000)
    expect(await events('type=other.failed')).toHaveLength(1)
    await tools.flushAudit()
    expect(await count()).toBe(21)
  })

  it('stay for the next time when they cannot be written', async () => {
    const { tools } = server.server
    tools.noteAudit({ type: 'kept.failed', actor: { id: 'anonymous' } })
    await server.db.query('alter table audit_events rename to audit_events_elsewhere')
    tools.noteAudit({ type: 'kept.failed', actor: { id: 'anonymous' } })
    await expect(tools.flushAudit()).rejects.toThrow(/audit_events/)
    await server.db.query('alter table audit_events_elsewhere rename to audit_events')
    await tools.flushAudit()
    expect(await events('type=kept.failed')).toMatchObject([{ detail: { count: 2 } }])
  })

  it('are written when the server stops', async () => {
    const other = await server.another()
    other.server.tools.noteAudit({ type: 'last.failed', actor: { id: 'anonymous' } })
    await other.close()
    expect(await events('type=last.failed')).toHaveLength(1)
  })

  it('tell who has read the trail, and about whom', async () => {
    const { id } = await server.createUser()
    await events(`user_id=${id}`)
    await events(`user_id=${id}`)
    await server.server.tools.flushAudit()
    const [read] = await events(`type=audit.read&user_id=${id}`)
    expect(read).toMatchObject({ actor: 'client:test-admin', detail: { count: 2 } })
  })

  it('tell of a client that asks for the tokens of others', async () => {
    const asking = await server.createClient()
    const client = await server.createClient()
    const { username } = await server.createUser()
    const { access_token: token } = await client.tokens({ username })
    expect((await asking.post('/introspect', { token })).body).toEqual({ active: false })
    expect((await client.post('/introspect', { token })).body).toMatchObject({ active: true })
    await server.server.tools.flushAudit()
    const denied = await events('type=introspection.denied')
    expect(denied).toMatchObject([{ client_id: asking.clientId, outcome: 'failure', detail: { count: 1 } }])
  })
})

describe('a person who is asked for consent', () => {
  it('is written down once when they refuse, with what they refused', async () => {
    const client = await server.createClient({ skip_consent: false })
    const { id, username } = await server.createUser()
    const { page } = await client.signIn({ username, approve: false })
    expect(page.location?.searchParams.get('error')).toBe('access_denied')
    expect(await events(`user_id=${id}&type=consent.*`)).toMatchObject([
      { type: 'consent.denied', actor: `user:${id}`, client_id: client.clientId, detail: { scopes: ['openid'] } },
    ])
  })
})
