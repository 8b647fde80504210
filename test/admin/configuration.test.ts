import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { beforeEach, describe, expect, it } from 'vitest'
import { adminClient, password, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeEach(async () => {
  server = await startServer()
  return () => server.close()
})

type Body = Record<string, unknown>
interface Entry {
  readonly section: string
  readonly id: string
  readonly action: string
  readonly changes?: Record<string, unknown>
  readonly ends?: { sessions: number; grants: number } | null
}
interface Plan {
  readonly digest: string
  readonly entries: readonly Entry[]
  readonly counts: Record<string, number>
}

const secret = 'the-secret-of-the-shop-0123456789abcdef'
const shop = {
  resources: [{ identifier: 'https://api.example.com', scopes: ['orders:read', 'orders:write'] }],
  clients: [
    {
      client_id: 'shop-web',
      redirect_uris: ['https://shop.example.com/callback'],
      client_secret: secret,
      grant_types: ['authorization_code', 'refresh_token'],
      scope: 'openid profile offline_access orders:read',
      default_resource: 'https://api.example.com',
    },
  ],
  users: [{ username: 'alice', email: 'alice@example.com', password }],
}
const plan = (body: Body) => server.admin<Plan>('POST', '/configuration/plan', body)
const apply = (body: Body) => server.admin<Plan>('POST', '/configuration/apply', body)
/** Whoever has to wait for the other for longer than a statement may take is told 503, and asks again. */
async function persistently(at: TestServer, body: Body): ReturnType<typeof apply> {
  for (;;) {
    const answer = await at.admin<Plan>('POST', '/configuration/apply', body)
    if (answer.status !== 503) return answer
  }
}
const exported = async (): Promise<Record<string, Body[]>> =>
  (await server.admin<Record<string, Body[]>>('GET', '/configuration')).body
const snapshot = () =>
  server.db.query(
    `select (select jsonb_agg(c order by c.id) from clients c) as clients, (select jsonb_agg(s order by s.id) from client_secrets s) as secrets,
       (select jsonb_agg(u order by u.id) from users u) as users, (select jsonb_agg(r order by identifier) from resources r) as resources,
       (select seq from feed_head) as head, (select count(*) from audit_events) as events, (select count(*) from feed_entries) as entries`,
  )

describe('a plan', () => {
  it('tells what would be created, and changes nothing', async () => {
    const before = await snapshot()
    const { status, body } = await plan(shop)
    expect(status).toBe(200)
    expect(body.counts).toEqual({ create: 3, change: 0, delete: 0, keep: 0 })
    expect(body.entries).toMatchObject([
      { section: 'resources', id: 'https://api.example.com', action: 'create' },
      { section: 'clients', id: 'shop-web', action: 'create', changes: { client_secret: 'changed' } },
      {
        section: 'users',
        id: 'alice',
        action: 'create',
        changes: { password: 'changed', email: { from: null, to: 'alice@example.com' } },
      },
    ])
    expect(JSON.stringify(body)).not.toContain(secret)
    expect(JSON.stringify(body)).not.toContain(password)
    expect(await snapshot()).toEqual(before)
  })

  it('names each setting that changes, and what holds instead of what', async () => {
    const declared = { settings: { SESSION_IDLE_SECONDS: 600, REFRESH_IDLE_SECONDS: 300, MAX_SESSIONS_PER_USER: 0 } }
    const { body } = await plan(declared)
    expect(body.entries).toEqual([
      {
        section: 'settings',
        id: 'server',
        action: 'change',
        changes: {
          SESSION_IDLE_SECONDS: { from: 1800, to: 600 },
          REFRESH_IDLE_SECONDS: { from: null, to: 300 },
          // From now on whatever the environment says.
          MAX_SESSIONS_PER_USER: { from: 0, to: 0 },
        },
      },
    ])
    await apply(declared)
    expect((await plan(declared)).body.counts).toEqual({ create: 0, change: 0, delete: 0, keep: 1 })
  })

  it('names each member that changes, with both values, and of a secret only that it does', async () => {
    await apply(shop)
    const other = {
      resources: [{ identifier: 'https://api.example.com', scopes: ['orders:read'] }],
      clients: [{ client_id: 'shop-web', client_secret: `${secret}-new`, client_name: 'Shop' }],
      users: [{ username: 'Alice', email: 'alice@example.org', password: 'another password' }],
    }
    const { body } = await plan(other)
    expect(body.counts).toEqual({ create: 0, change: 3, delete: 0, keep: 0 })
    expect(body.entries.map(({ changes }) => changes)).toEqual([
      { scopes: { from: ['orders:read', 'orders:write'], to: ['orders:read'] } },
      { client_name: { from: null, to: 'Shop' }, client_secret: 'changed' },
      {
        username: { from: 'alice', to: 'Alice' },
        email: { from: 'alice@example.com', to: 'alice@example.org' },
        password: 'changed',
      },
    ])
    expect((await plan(shop)).body.counts).toEqual({ create: 0, change: 0, delete: 0, keep: 3 })
  })

  it('says how many sessions and grants would end', async () => {
    await apply(shop)
    const client = await server.createClient({ client_id: 'other' })
    await client.tokens({ username: 'alice' })
    await client.tokens({ username: 'alice' })
    const ending = {
      resources: shop.resources,
      clients: [...shop.clients.map((entry) => ({ ...entry, disabled: true })), { client_id: adminClient.id }],
      users: [{ username: 'alice', password: 'another password' }],
      prune: true,
    }
    const before = await snapshot()
    const { body } = await plan(ending)
    expect(body.entries.filter(({ ends }) => ends)).toMatchObject([
      { id: 'shop-web', action: 'change', ends: { sessions: 0, grants: 0 } },
      { id: 'alice', action: 'change', ends: { sessions: 2, grants: 2 } },
      { id: 'other', action: 'delete', ends: { sessions: 0, grants: 2 } },
    ])
    expect(await snapshot()).toEqual(before)
    const applied = await apply({ ...ending, expected: body.digest })
    expect(applied.body.entries.filter(({ ends }) => ends !== undefined)).toMatchObject([
      { id: 'shop-web', ends: null },
      { id: 'alice', ends: { sessions: 2, grants: 2 } },
      { id: 'other', ends: null },
    ])
    const entries = await server.db.query<{ kind: string }>('select kind from feed_entries order by seq')
    expect(entries.map(({ kind }) => kind)).toEqual(['u', 'c', 'c'])
  })
})

describe('an application', () => {
  it('is done once: the second time nothing changes', async () => {
    const { status, body } = await apply(shop)
    expect([status, body.counts]).toEqual([200, { create: 3, change: 0, delete: 0, keep: 0 }])
    const before = await snapshot()
    expect((await apply(shop)).body.counts).toEqual({ create: 0, change: 0, delete: 0, keep: 3 })
    expect(await snapshot()).toEqual(before)
    const events = await server.admin<{ items: Body[] }>('GET', '/audit-events?type=configuration.applied')
    expect(events.body.items).toMatchObject([{ actor: `client:${adminClient.id}`, detail: { create: 3 } }])
  })

  it('is refused when the state is not that of the plan', async () => {
    await apply(shop)
    const wanted = { clients: [{ client_id: 'shop-web', client_name: 'Shop' }] }
    const { digest } = (await plan(wanted)).body
    expect((await plan(wanted)).body.digest).toBe(digest)
    await server.admin('PATCH', '/clients/shop-web', { client_name: 'Something else' })
    const refused = await apply({ ...wanted, expected: digest })
    expect(refused).toMatchObject({
      status: 409,
      body: { type: 'urn:falconer:problem:conflict', pointer: '/expected' },
    })
    expect((await exported())['clients']).toContainEqual(expect.objectContaining({ client_name: 'Something else' }))
    const again = (await plan(wanted)).body.digest
    expect((await apply({ ...wanted, expected: again })).status).toBe(200)
  })

  it.each<[string, Body, string, RegExp]>([
    [
      'an unknown member',
      { clients: [{ client_id: 'a', client_secret: secret, colour: 'red' }] },
      '/clients/0/colour',
      /^clients\.0\.colour is not known$/,
    ],
    [
      'a bad item',
      { resources: [{ identifier: 'x', scopes: ['a', 'b c'] }] },
      '/resources/0/scopes/1',
      /^resources\.0\.scopes\.1 must be one scope$/,
    ],
    [
      'a client without its secret',
      { clients: [{ client_id: 'a', grant_types: [] }] },
      '/clients/0/client_secret',
      /is required/,
    ],
    [
      'a secret that is none',
      { clients: [{ client_id: 'a', client_secret: { env: 'X' } }] },
      '/clients/0/client_secret',
      /must be a text$/,
    ],
    [
      'a short password',
      { users: [{ username: 'bob', password: 'short' }] },
      '/users/0/password',
      /^users\.0\.password must have at least 8 characters$/,
    ],
    [
      'an entry without its name',
      { users: [{ email: 'bob@example.com' }] },
      '/users/0/username',
      /^users\.0\.username is required$/,
    ],
    [
      'an entry that is there twice',
      { users: [{ username: 'bob' }, { username: 'BOB' }] },
      '/users/1/username',
      /is there twice$/,
    ],
    [
      'an address that is taken',
      { users: [{ username: 'bob', email: 'alice@example.com' }] },
      '/users/0/email',
      /^users\.0\.email is taken$/,
    ],
    [
      'an unknown resource',
      { clients: [{ client_id: 'shop-web', default_resource: 'https://nowhere.example' }] },
      '/clients/0/default_resource',
      /registered resource$/,
    ],
    ['an unknown section', { realms: [] }, '/realms', /is not known$/],
    ['an entry that is none', { users: ['bob'] }, '/users/0', /./],
  ])('refuses %s as a plan does, and says where', async (_, body, pointer, detail) => {
    await apply(shop)
    const before = await snapshot()
    for (const answer of [await plan(body), await apply(body)]) {
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.status).toBeLessThan(500)
      expect(answer.body).toMatchObject({ pointer, detail: expect.stringMatching(detail) })
    }
    expect(await snapshot()).toEqual(before)
  })

  it('does not bring back a setting that somebody has changed since the plan, or changes meanwhile', async () => {
    const wanted = { settings: { SESSION_IDLE_SECONDS: 600 } }
    const { digest } = (await plan(wanted)).body
    await server.admin('PATCH', '/settings', { MAX_SESSIONS_PER_USER: 7 })
    expect((await apply({ ...wanted, expected: digest })).status).toBe(409)
    for (let round = 1; round <= 30; round++) {
      const [applied, patched] = await Promise.all([
        apply({ ...shop, settings: { SESSION_IDLE_SECONDS: 600 + round } }),
        server.admin('PATCH', '/settings', { SESSION_MAX_SECONDS: 7000 + round }),
      ])
      expect([applied.status, patched.status]).toEqual([200, 200])
      const { settings } = await exported()
      expect(settings).toMatchObject({ SESSION_IDLE_SECONDS: 600 + round, SESSION_MAX_SECONDS: 7000 + round })
    }
  })

  it('may be larger than other requests', async () => {
    const clients = Array.from({ length: 400 }, (_, i) => ({
      client_id: `many-${i}`,
      token_endpoint_auth_method: 'none',
      redirect_uris: [`https://app${i}.example.com/callback`],
      client_name: 'x'.repeat(200),
    }))
    expect(JSON.stringify({ clients }).length).toBeGreaterThan(100_000)
    expect((await apply({ clients })).body.counts).toMatchObject({ create: 400 })
    expect((await apply({ clients })).body.counts).toMatchObject({ create: 0, change: 0, keep: 400 })
    const tooLarge = await apply({ clients: [{ client_id: 'x'.repeat(1024 * 1024) }] })
    expect(tooLarge.status).toBe(413)
  })

  it('prunes clients and resources, but no users and not the client that asks', async () => {
    await apply(shop)
    await server.createUser({ username: 'bob' })
    await apply({ resources: [{ identifier: 'https://other.example.com' }] })
    const { body } = await apply({ clients: [{ client_id: 'shop-web', default_resource: null }], prune: true })
    expect(body.entries.filter(({ action }) => action === 'delete').map(({ id }) => id)).toEqual([
      'https://api.example.com',
      'https://other.example.com',
    ])
    const left = await exported()
    expect(left['clients']?.map((client) => client['client_id'])).toEqual(['shop-web', adminClient.id])
    expect(left['users']?.map((user) => user['username'])).toEqual(['alice', 'bob'])
  })

  it('does not prune the resource that a client names', async () => {
    await apply(shop)
    const refused = await apply({ clients: [{ client_id: 'shop-web' }], prune: true })
    expect(refused).toMatchObject({ status: 409, body: { detail: expect.stringContaining('https://api.example.com') } })
  })

  it('needs the scope admin', async () => {
    const { clientId, secret: own = '' } = await server.createClient({
      grant_types: ['client_credentials'],
      scope: 'clients:write users:write',
    })
    const token = await server.post(
      '/token',
      { grant_type: 'client_credentials' },
      { authorization: `Basic ${btoa(`${clientId}:${own}`)}` },
    )
    const authorization = `Bearer ${String(token.body['access_token'])}`
    for (const path of ['/configuration/plan', '/configuration/apply'])
      expect((await server.admin('POST', path, {}, { authorization })).status).toBe(403)
    expect((await server.admin('GET', '/configuration', undefined, { authorization })).status).toBe(403)
  })
})

describe('the export', () => {
  it('has no secrets, no defaults, an order, and changes nothing when it is applied', async () => {
    await apply(shop)
    await server.createClient({
      client_id: 'aaa',
      token_endpoint_auth_method: 'none',
      single_flight: true,
      application_type: 'native',
      redirect_uris: ['com.example.app:/cb'],
    })
    await server.createClient({
      client_id: 'bbb',
      refresh_grace_seconds: 0,
      post_logout_redirect_uris: ['https://app.example.com/'],
    })
    await server.createClient({
      client_id: 'ccc',
      grant_types: ['client_credentials'],
      scope: '',
      redirect_uris: [],
      disabled: true,
    })
    await server.admin('POST', '/resources', { identifier: 'https://b.example.com', signing_alg: 'EdDSA', name: 'B' })
    await server.createUser({
      username: 'bob',
      email: 'b@example.com',
      email_verified: true,
      address: { country: 'DE' },
    })
    await server.admin('PATCH', '/settings', { SESSION_MAX_SECONDS: 7200, SESSION_IDLE_SECONDS: 600 })
    const text = JSON.stringify(await exported())
    expect(text).not.toMatch(/secret|password|hash/)
    const all = JSON.parse(text) as Record<string, Body[]>
    expect(all['clients']?.map((client) => client['client_id'])).toEqual([
      'aaa',
      'bbb',
      'ccc',
      'shop-web',
      adminClient.id,
    ])
    const { client_secret: _, ...declared } = shop.clients[0] ?? { client_secret: '' }
    expect(all['clients']?.[3]).toEqual(declared)
    expect(all['clients']?.[0]).toEqual({
      client_id: 'aaa',
      client_name: 'Test App',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      redirect_uris: ['com.example.app:/cb'],
      skip_consent: true,
      single_flight: true,
    })
    expect(all['settings']).toEqual({ SESSION_IDLE_SECONDS: 600, SESSION_MAX_SECONDS: 7200 })
    expect(all['resources']).toEqual([
      shop.resources[0],
      { identifier: 'https://b.example.com', name: 'B', scopes: [], signing_alg: 'EdDSA' },
    ])
    const before = await snapshot()
    const { counts } = (await apply({ ...all, prune: true })).body
    expect(counts).toMatchObject({ create: 0, change: 0, delete: 0 })
    expect(await snapshot()).toEqual(before)
    expect(JSON.stringify(await exported())).toBe(text)
    expect((await server.admin<Record<string, Body[]>>('GET', '/configuration?users=false')).body['users']).toEqual([])
  })

  it('makes the same elsewhere', async () => {
    await apply({ ...shop, settings: { SESSION_IDLE_SECONDS: 600 } })
    const { clients = [], ...rest } = await exported()
    const there = await startServer()
    try {
      const secrets = clients.map((client) => ({ ...client, client_secret: secret }))
      expect((await there.admin('POST', '/configuration/apply', { ...rest, clients: secrets })).status).toBe(200)
      expect((await there.admin('GET', '/configuration')).body).toEqual({ clients, ...rest })
    } finally {
      await there.close()
    }
  })
})

describe('two at once', () => {
  it('end in one of the two states', async () => {
    const other = await server.another()
    try {
      const names = Array.from({ length: 12 }, (_, i) => i)
      const state = (word: string) => ({
        resources: names.map((i) => ({
          identifier: `https://api${i}.example.com`,
          name: word,
          scopes: [`${word}:${i}`],
        })),
        settings: { SESSION_IDLE_SECONDS: 600 + word.length, SESSION_MAX_SECONDS: 7000 + word.length },
        clients: names.map((i) => ({
          client_id: `client-${i}`,
          client_name: word,
          client_secret: secret,
          grant_types: ['client_credentials'],
        })),
        users: names.slice(0, 3).map((i) => ({ username: `user-${i}`, name: word, password: `${word} ${password}` })),
      })
      for (let round = 0; round < 5; round++) {
        const [left, right] = await Promise.all([
          persistently(server, state(`left${round}`)),
          persistently(other, state(`right${round}`)),
        ])
        // Whose passwords were compared with what the other has replaced meanwhile begins anew.
        expect([left.status, right.status]).toEqual([200, 200])
        const all = await exported()
        const words = new Set([
          ...(all['resources'] ?? []).map((entry) => entry['name']),
          ...(all['clients'] ?? [])
            .filter((entry) => entry['client_id'] !== adminClient.id)
            .map((entry) => entry['client_name']),
          ...(all['users'] ?? []).map((entry) => entry['name']),
        ])
        expect([...words]).toHaveLength(1)
        const won = state(String([...words][0]))
        expect((await plan(won)).body.counts).toMatchObject({ create: 0, change: 0, keep: 28 })
      }
    } finally {
      await other.close()
    }
  })

  it('take the head after every other lock: whoever holds a session can end it', async () => {
    const client = await server.createClient()
    const users = [await server.createUser(), await server.createUser()]
    for (const { username } of users) await client.tokens({ username })
    const holder = new Client({ connectionString: server.db.url, options: '-c lock_timeout=2s' })
    await holder.connect()
    try {
      await holder.query('begin')
      await holder.query('select from sessions where user_id = $1 for no key update', [users[1]?.id])
      const applying = apply({ users: users.map(({ username }) => ({ username, password: `new ${password}` })) })
      const isWaiting = async () =>
        (
          await server.db.query(
            `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
          )
        ).length > 0
      while (!(await isWaiting())) await sleep(10)
      await holder.query('update feed_head set seq = seq where id = 1')
      await holder.query('commit')
      expect((await applying).status).toBe(200)
    } finally {
      await holder.end()
    }
  })
})
