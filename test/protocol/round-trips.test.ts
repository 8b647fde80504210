import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { claimsOf, userinfo } from '../support/tokens.ts'

let server: TestServer
let app: TestClient
beforeAll(async () => {
  // One connection, so that its statistics are complete when it reports them.
  server = await startServer({ DATABASE_POOL_SIZE: '1' })
  app = await server.createClient({
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    scope: 'openid offline_access reports',
  })
})
afterAll(() => server.close())

const tokensOf = async (scope = 'openid') =>
  app.tokens({ username: (await server.createUser()).username, parameters: { scope } })

/** The statements that go to the database meanwhile. */
async function statements(work: () => Promise<unknown>): Promise<string[]> {
  const spy = vi.spyOn(Client.prototype, 'query')
  try {
    await work()
    return spy.mock.calls.map((values) => {
      const [query] = values as unknown as [string | { name?: string; text: string }]
      if (typeof query === 'string') return query
      return query.name ?? /^\/\* (\w+) \*\//.exec(query.text)?.[1] ?? query.text
    })
  } finally {
    spy.mockRestore()
  }
}
/** The client and the keys are remembered for some seconds: this is what a busy server does. */
const warm = async () => {
  await app.post('/token', { grant_type: 'client_credentials' })
  await app.refresh('nothing')
  const { access_token } = await tokensOf()
  await userinfo(server.url, access_token)
}

describe('what a request costs: statements, each its own commit when there is no begin', () => {
  it('a refresh: 1', async () => {
    const { refresh_token } = await tokensOf()
    await warm()
    expect(await statements(() => app.refresh(refresh_token))).toEqual(['refresh'])
  })

  it('a refresh that names scope and resource: 1', async () => {
    await server.admin('POST', '/resources', { identifier: 'https://api.example.com', scopes: [] })
    const { refresh_token } = await tokensOf()
    await warm()
    const named = { scope: 'openid', resource: 'https://api.example.com' }
    await app.refresh('nothing', named)
    const { refresh_token: other } = await tokensOf()
    await app.refresh(other, named)
    expect(await statements(() => app.refresh(refresh_token, named))).toEqual(['refresh'])
  })

  it('a retry of it: 1; a token of another client: 1; one that was ended: 1', async () => {
    const { refresh_token } = await tokensOf()
    const thief = await server.createClient()
    await thief.refresh('nothing')
    await warm()
    await app.refresh(refresh_token)
    expect(await statements(() => app.refresh(refresh_token))).toEqual(['refresh'])
    expect(await statements(() => thief.refresh(refresh_token))).toEqual(['refresh'])
    await app.post('/revoke', { token: refresh_token })
    expect(await statements(() => app.refresh(refresh_token))).toEqual(['refresh'])
  })

  it('reuse: 2, the second of which ends the grant', async () => {
    const { refresh_token } = await tokensOf()
    await app.refresh(refresh_token)
    await server.wait(11)
    await warm()
    expect(await statements(() => app.refresh(refresh_token))).toEqual(['refresh', 'end_grant'])
  })

  it('a sign-in, whose requests are three: 7; the next client in the same browser: 3', async () => {
    const { username } = await server.createUser()
    const browser = server.browser()
    await warm()
    const asks = ['read_client', 'begin_login_transaction', 'read_login_transaction']
    const signsIn = ['read_login_transaction', 'begin_login_attempt', 'create_session', 'issue_code']
    expect(await statements(() => app.signIn({ username, browser }))).toEqual([...asks, ...signsIn])
    expect(await statements(() => app.signIn({ username, browser }))).toEqual([
      'read_client',
      'read_session',
      'issue_code',
    ])
  })

  it('a code exchange: 1; its replay: 2', async () => {
    const { code, verifier } = await app.signIn({ username: (await server.createUser()).username })
    await warm()
    expect(await statements(() => app.exchange(code, verifier))).toEqual(['exchange'])
    expect(await statements(() => app.exchange(code, verifier))).toEqual(['exchange', 'end_grant'])
  })

  it('client_credentials: 1', async () => {
    await warm()
    expect(await statements(() => app.post('/token', { grant_type: 'client_credentials' }))).toEqual([
      'client_credentials',
    ])
  })

  it('introspection: 1, of either kind of token; userinfo: 1', async () => {
    const { access_token, refresh_token } = await tokensOf()
    await warm()
    expect(await statements(() => app.post('/introspect', { token: access_token }))).toEqual(['introspect'])
    expect(await statements(() => app.post('/introspect', { token: refresh_token }))).toEqual([
      'introspect_refresh_token',
    ])
    expect(await statements(() => userinfo(server.url, access_token))).toEqual(['introspect'])
  })

  it('a revocation: 2 for a refresh token, whose owner is asked for first; 1 for an access token', async () => {
    const [held, other] = [await tokensOf(), await tokensOf()]
    await warm()
    expect(await statements(() => app.post('/revoke', { token: held.refresh_token }))).toEqual([
      'owner_of_refresh_token',
      'end_grant',
    ])
    expect(await statements(() => app.post('/revoke', { token: other.access_token }))).toEqual(['end_jti'])
  })

  it('forged tokens and codes: 0', async () => {
    const { refresh_token, access_token } = await tokensOf()
    await warm()
    const forged = await statements(async () => {
      await app.refresh(refresh_token.replace(/_.{6}$/, '_000000'))
      await app.exchange(`flc_ac_${'A'.repeat(43)}_000000`, 'v'.repeat(43))
      await app.post('/introspect', { token: `${access_token.slice(0, -8)}AAAAAAAA` })
      await app.post('/revoke', { token: refresh_token.replace(/_.{6}$/, '_000000') })
      await userinfo(server.url, 'x.y.z')
    })
    expect(forged).toEqual([])
  })

  it('discovery and JWKS: 0 while the keys are remembered', async () => {
    await warm()
    const documents = await statements(async () => {
      await fetch(`${server.url}/.well-known/openid-configuration`)
      await fetch(`${server.url}/.well-known/jwks.json`)
    })
    expect(documents).toEqual([])
  })
})

describe('what a request writes', () => {
  interface Counts {
    written: number
    updated: number
    hot: number
  }
  /** What the server's connection has written so far, by table or in all. */
  const counts = async (table = '%'): Promise<Counts> => {
    const { db } = server.server.tools
    await db.run({ name: 'flush_statistics', text: 'select pg_stat_force_next_flush()' }, [])
    await db.run({ name: 'flush_statistics_now', text: 'select 1' }, [])
    const [row] = await server.db.query<{ written: number; updated: number; hot: number }>(
      `select sum(n_tup_ins + n_tup_upd + n_tup_del)::int as written, sum(n_tup_upd)::int as updated, sum(n_tup_hot_upd)::int as hot
       from pg_stat_user_tables where relname like $1 and relname <> 'test_clock'`,
      [table],
    )
    if (!row) throw new Error('no statistics')
    return row
  }

  it('looking writes nothing: introspection, userinfo, retries, refusals, client_credentials', async () => {
    const { refresh_token } = await tokensOf()
    const { body } = await app.refresh(refresh_token)
    await server.wait(5)
    await warm()
    const before = await counts()
    for (let i = 0; i < 10; i++) {
      await app.post('/introspect', { token: body.access_token })
      await app.post('/introspect', { token: body.refresh_token })
      await userinfo(server.url, body.access_token)
      expect((await app.refresh(refresh_token)).status).toBe(200)
      await app.post('/token', { grant_type: 'client_credentials' })
      await app.post('/token', {
        grant_type: 'refresh_token',
        refresh_token: body.refresh_token,
        scope: 'openid reports',
      })
    }
    expect(await counts()).toEqual(before)
  })

  it('a rotation writes one row, in place (HOT): no index grows (keycloak#51900, keycloak#37093, keycloak#45462)', async () => {
    const held = await Promise.all(Array.from({ length: 5 }, () => tokensOf()))
    await warm()
    const all = await counts()
    const chain = held.map(({ refresh_token }) => refresh_token)
    const shares: number[] = []
    // A transaction of anybody, in any database of the cluster, keeps what was replaced from being cleared away, and pages fill up. The databases
    // of other tests are in it, too: it has to be true of some part of the time.
    while (shares.length < 40 && !shares.some((share) => share >= 0.95)) {
      const before = await counts('grants')
      for (let round = 0; round < 8; round++)
        for (const [i, token] of chain.entries()) chain[i] = (await app.refresh(token)).body.refresh_token
      const after = await counts('grants')
      expect(after.updated - before.updated).toBe(40)
      shares.push((after.hot - before.hot) / 40)
    }
    expect((await counts()).written - all.written).toBe(40 * shares.length)
    expect(Math.max(...shares)).toBeGreaterThanOrEqual(0.95)
  })

  const lastSeen = async (sid: unknown) =>
    (await server.admin<{ last_seen_at: string }>('GET', `/sessions/${String(sid)}`)).body.last_seen_at

  it('each rotation is a use of the session, whose row it does not write', async () => {
    const { refresh_token, access_token } = await tokensOf()
    const { sid } = claimsOf(access_token)
    await warm()
    const before = await counts('sessions')
    let current = refresh_token
    const seen = new Set([await lastSeen(sid)])
    for (let i = 0; i < 5; i++) {
      await server.wait(10)
      current = (await app.refresh(current)).body.refresh_token
      seen.add(await lastSeen(sid))
    }
    expect(seen.size).toBe(6)
    expect(await counts('sessions')).toEqual(before)
  })

  it('what a browser does is written to its session at most once a minute, also in place', async () => {
    const { browser, access_token } = await tokensOf()
    const { sid } = claimsOf(access_token)
    await warm()
    const before = await counts('sessions')
    const seen = new Set([await lastSeen(sid)])
    for (let minute = 0; minute < 5; minute++) {
      await server.wait(61)
      for (let i = 0; i < 4; i++) await app.signIn({ browser, parameters: { prompt: 'none' } })
      seen.add(await lastSeen(sid))
    }
    expect(seen.size).toBe(6)
    const after = await counts('sessions')
    expect([after.updated - before.updated, after.hot - before.hot]).toEqual([5, 5])
  })
})
