import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { claimsOf, isActive, lastReason } from '../support/tokens.ts'

let server: TestServer
let shop: TestClient
beforeAll(async () => {
  server = await startServer()
  shop = await server.createClient()
})
afterAll(() => server.close())

const register = (metadata: object) =>
  server.admin('POST', '/clients', { redirect_uris: ['https://app.example.com/cb'], ...metadata })
const tokensOf = async (client: TestClient, scope = 'openid') => {
  const user = await server.createUser()
  return { user, ...(await client.tokens({ username: user.username, parameters: { scope } })) }
}
const refreshed = async (client: TestClient, { refresh_token: token }: Pick<Tokens, 'refresh_token'>) => {
  const { status, body } = await client.refresh(token)
  expect(status).toBe(200)
  return body
}
const expectReuse = async (client: TestClient, { refresh_token: token }: Pick<Tokens, 'refresh_token'>) => {
  expect((await client.refresh(token)).body).toMatchObject({ error: 'invalid_grant' })
  expect(lastReason(server)).toBe('reuse')
}

describe('reuse_revokes_session', () => {
  /** A person with this client and another one in a session, and with both of them in a second session. */
  async function scene(metadata: object, scope = 'openid') {
    const app = await server.createClient({ ...metadata })
    const { user, browser, ...mine } = await tokensOf(app, scope)
    const inSession = (client: TestClient, wanted: string) =>
      client.tokens({ browser, parameters: { prompt: 'none', scope: wanted } })
    const others = { online: await inSession(shop, 'openid'), offline: await inSession(shop, 'openid offline_access') }
    const elsewhere = await shop.tokens({ username: user.username })
    await refreshed(app, mine)
    await server.wait(11)
    await expectReuse(app, mine)
    return {
      sid: String(claimsOf(mine.id_token).sid),
      mine: await isActive(app, mine.access_token),
      session: (await shop.signIn({ browser, parameters: { prompt: 'none' } })).code !== '',
      online: await isActive(shop, others.online.refresh_token),
      offline: await isActive(shop, others.offline.refresh_token),
      elsewhere: await isActive(shop, elsewhere.refresh_token),
    }
  }

  it.each(['openid', 'openid offline_access'])(
    'ends the session too, with what hangs on it; other sessions and offline grants stay (%s)',
    async (scope) => {
      const { sid, ...alive } = await scene({ reuse_revokes_session: true }, scope)
      expect(alive).toEqual({ mine: false, session: false, online: false, offline: true, elsewhere: true })
      expect((await server.admin('GET', `/sessions/${sid}`)).body).toMatchObject({ alive: false, end_reason: 'reuse' })
    },
  )

  it('is off by default: the grant alone ends', async () => {
    const { sid: _, ...alive } = await scene({})
    expect(alive).toEqual({ mine: false, session: true, online: true, offline: true, elsewhere: true })
  })

  it('does not end a session by the retry of a lost answer, nor by a token that is presented by a stranger', async () => {
    const app = await server.createClient({ reuse_revokes_session: true })
    const { browser, ...tokens } = await tokensOf(app)
    await refreshed(app, tokens)
    await refreshed(app, tokens)
    await server.wait(11)
    expect((await shop.refresh(tokens.refresh_token)).status).toBe(400)
    expect(lastReason(server)).toBe('client_mismatch')
    expect((await shop.signIn({ browser, parameters: { prompt: 'none' } })).code).not.toBe('')
  })

  it('several reuses at once end it once, and all are refused', async () => {
    const app = await server.createClient({ reuse_revokes_session: true })
    const { browser, ...tokens } = await tokensOf(app)
    await refreshed(app, tokens)
    await server.wait(11)
    const answers = await Promise.all(Array.from({ length: 8 }, () => app.refresh(tokens.refresh_token)))
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(400))
    expect((await shop.signIn({ browser, parameters: { prompt: 'none' } })).code).toBe('')
    const events = await server.db.query(
      `select type from audit_events where reason = 'reuse' and target_id = any($1)`,
      [[claimsOf(tokens.access_token).gid, claimsOf(tokens.access_token).sid]],
    )
    expect(events).toEqual([{ type: 'session.ended' }])
  })
})

describe('single_flight', () => {
  it.each<[string, object, object]>([
    ['true means no grace', { single_flight: true }, { single_flight: true, refresh_grace_seconds: 0 }],
    ['no grace means true', { refresh_grace_seconds: 0 }, { single_flight: true, refresh_grace_seconds: 0 }],
    ['false may have a grace', { single_flight: false, refresh_grace_seconds: 5 }, { single_flight: false }],
  ])('%s', async (_, given, shown) => {
    const { status, body } = await register(given)
    expect(status).toBe(201)
    expect(body).toMatchObject(shown)
  })

  it('false without grace is refused at the registration and by PATCH, with the member named', async () => {
    const { status, body } = await register({ single_flight: false, refresh_grace_seconds: 0 })
    expect(status).toBe(400)
    expect(JSON.stringify(body)).toContain('single_flight')
    const { clientId } = await server.createClient()
    const patch = { single_flight: false, refresh_grace_seconds: 0 }
    expect((await server.admin('PATCH', `/clients/${clientId}`, patch)).status).toBe(400)
  })

  it.each([{ single_flight: true }, { refresh_grace_seconds: 0 }])(
    '%j: the immediate predecessor is reuse at once, and ends the grant',
    async (metadata) => {
      const client = await server.createClient(metadata)
      const tokens = await tokensOf(client)
      const next = await refreshed(client, tokens)
      await expectReuse(client, tokens)
      expect((await client.refresh(next.refresh_token)).status).toBe(400)
    },
  )

  it('set on a client that has grants, it holds for them at once', async () => {
    const client = await server.createClient()
    const tokens = await tokensOf(client)
    await refreshed(client, tokens)
    await refreshed(client, tokens)
    expect((await server.admin('PATCH', `/clients/${client.clientId}`, { single_flight: true })).status).toBe(200)
    await expectReuse(client, tokens)
  })

  it('can be given up again in one PATCH', async () => {
    const client = await server.createClient({ single_flight: true })
    const patch = { single_flight: false, refresh_grace_seconds: null }
    expect((await server.admin('PATCH', `/clients/${client.clientId}`, patch)).status).toBe(200)
    const tokens = await tokensOf(client)
    await refreshed(client, tokens)
    await refreshed(client, tokens)
  })
})

describe('REFRESH_GRACE_SECONDS', () => {
  const setPolicy = async (changed: Record<string, string> = {}) => (await server.another(changed)).close()

  it('0: the predecessor is reuse, for clients without a grace of their own', async () => {
    const [client, own] = [await server.createClient(), await server.createClient({ refresh_grace_seconds: 10 })]
    const [tokens, ownTokens] = [await tokensOf(client), await tokensOf(own)]
    await refreshed(client, tokens)
    await refreshed(own, ownTokens)
    await setPolicy({ REFRESH_GRACE_SECONDS: '0' })
    await refreshed(own, ownTokens)
    await expectReuse(client, tokens)
    await setPolicy()
  })
})

describe('lost_response_window_seconds', () => {
  it('takes the predecessor later than the grace, with the same successor', async () => {
    const client = await server.createClient({ lost_response_window_seconds: 600 })
    const tokens = await tokensOf(client)
    const next = await refreshed(client, tokens)
    await server.wait(590)
    expect((await refreshed(client, tokens)).refresh_token).toBe(next.refresh_token)
    await server.wait(11)
    await expectReuse(client, tokens)
  })

  it('never takes one that is two generations back, and that ends the grant', async () => {
    const client = await server.createClient({ lost_response_window_seconds: 600 })
    const tokens = await tokensOf(client)
    const second = await refreshed(client, tokens)
    const third = await refreshed(client, second)
    await expectReuse(client, tokens)
    expect((await client.refresh(third.refresh_token)).status).toBe(400)
  })

  it('works without grace', async () => {
    const client = await server.createClient({ lost_response_window_seconds: 600, single_flight: true })
    const tokens = await tokensOf(client)
    const next = await refreshed(client, tokens)
    await server.wait(300)
    expect((await refreshed(client, tokens)).refresh_token).toBe(next.refresh_token)
  })
})
