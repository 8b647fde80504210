import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answerOf } from '../support/front-channel.ts'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'
import { at, basic, claimsOf, during, isActive, lastReason } from '../support/tokens.ts'

// Failures of other servers that no other file tests in this shape. docs/specs.md has all of them, with their tests.

let server: TestServer
let app: TestClient
beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
})
afterAll(() => server.close())

const tokensOf = async (client = app, scope = 'openid') => {
  const user = await server.createUser()
  return { user, ...(await client.tokens({ username: user.username, parameters: { scope } })) }
}

describe('a refresh or an exchange is under way when an ending comes: the ending takes what it makes', () => {
  type Held = Awaited<ReturnType<typeof tokensOf>>
  const targets: [string, (held: Held) => object][] = [
    ['grant', ({ access_token }) => ({ grant_id: claimsOf(access_token).gid })],
    ['session', ({ access_token }) => ({ session_id: claimsOf(access_token).sid })],
    ['user', ({ user }) => ({ user_id: user.id })],
    ['user at a client', ({ user }) => ({ user_id: user.id, client_id: app.clientId })],
  ]
  const end = (target: object) => server.admin('POST', '/revocations', target)

  it.each(targets)('keycloak#51312: a rotation, then the end of the %s', async (_, target) => {
    const held = await tokensOf()
    const rotation = 'update grants set rt_gen = rt_gen + 1, rt_rotated_at = clock_now() where id = $1'
    const { gid } = claimsOf(held.access_token)
    const { answer } = await during(server, [rotation, gid], () => end(target(held)))
    expect(answer.status).toBe(200)
    // The predecessor of what was handed out would get it again, if it lived.
    expect((await app.refresh(held.refresh_token)).status).toBe(400)
    expect(lastReason(server)).toBe('revoked')
  })

  it.each(targets.slice(1))(
    'nhost#4192: a new grant that nobody else sees yet, then the end of the %s',
    async (_, target) => {
      const held = await tokensOf()
      const exchange = `
      with u as materialized (select id from users where id = $1 for share),
      s as materialized (select s.id from sessions s join u on u.id = s.user_id for share of s)
      insert into grants (id, client, user_id, session_id, scope, idle_s, expires_at, created_pos, auth_time)
      select new_id(), client, user_id, session_id, scope, idle_s, expires_at, created_pos, auth_time
      from grants join s on s.id = session_id`
      const { answer, waited } = await during(server, [exchange, held.user.id], () => end(target(held)))
      expect([waited, answer.status]).toEqual([true, 200])
      const { body } = await server.admin<{ items: unknown[] }>('GET', `/grants?user_id=${held.user.id}`)
      expect(body.items).toEqual([])
    },
  )
})

describe('a refresh and a logout of the same session', () => {
  it('cannot wait for each other: the refresh does not want the row that the logout holds (trap 40)', async () => {
    const { access_token, refresh_token } = await tokensOf()
    const logout = new Client({ connectionString: server.db.url })
    await logout.connect()
    try {
      await logout.query('begin')
      await logout.query('select from sessions where id = $1 for update', [claimsOf(access_token).sid])
      // Had it to wait, it would get no lock within its second: 503.
      expect((await app.refresh(refresh_token)).status).toBe(200)
    } finally {
      await logout.end()
    }
  })
})

describe('another person at the same browser', () => {
  it('gets another sid, and an offline grant goes on naming the session and the person that it is of (keycloak#46239)', async () => {
    const [anna, bert] = [await server.createUser(), await server.createUser()]
    const parameters = { scope: 'openid offline_access', prompt: 'login' }
    const annas = await app.tokens({ username: anna.username, parameters })
    const berts = await app.tokens({ username: bert.username, parameters, browser: annas.browser })
    for (const [user, tokens] of [
      [anna, annas],
      [bert, berts],
    ] as const) {
      const { body } = await app.refresh(tokens.refresh_token)
      expect([claimsOf(body.access_token).sub, claimsOf(body.id_token).sub]).toEqual([user.id, user.id])
      expect(claimsOf(body.id_token).sid).toBe(claimsOf(tokens.id_token).sid)
    }
    expect(claimsOf(berts.id_token).sid).not.toBe(claimsOf(annas.id_token).sid)
  })
})

describe('redirect_uri: what other servers came to accept, each beside the registered one', () => {
  const https = 'https://app.example.com/callback'
  it.each<[string, string, string[]]>([
    [
      'CVE-2024-8883, keycloak#33115: anything behind localhost or 127.0.0.1',
      'http://127.0.0.1/cb',
      ['http://127.0.0.1@evil.example/cb', 'http://127.0.0.1:80@evil.example/cb', 'http://127.0.0.1.evil.example/cb'],
    ],
    [
      'CVE-2026-7504, keycloak#49109: user information with two @',
      https,
      ['https://evil.example@@app.example.com/callback', 'https://app.example.com@@evil.example/callback'],
    ],
    [
      'CVE-2026-3872, keycloak#47718: a path that climbs with ..;/',
      https,
      ['https://app.example.com/callback/..;/evil', 'https://app.example.com/x/..;/callback'],
    ],
    [
      'CVE-2026-18211, keycloak#51285: a host that only begins with localhost',
      'http://localhost/cb',
      ['http://localhost.evil.example/cb', 'http://localhost@evil.example/cb', 'http://localhost:80.evil.example/cb'],
    ],
  ])('%s', async (_, registered, hostile) => {
    for (const metadata of [{}, { application_type: 'native', token_endpoint_auth_method: 'none' }]) {
      const client = await server.createClient({ redirect_uris: [registered], ...metadata })
      for (const redirect_uri of hostile) {
        const page = await server.browser().request(client.request({ redirect_uri, prompt: 'none' }).url)
        expect([page.status, page.location], redirect_uri).toEqual([400, undefined])
      }
      const right = await server.browser().request(client.request({ prompt: 'none' }).url)
      expect(right.location?.href).toMatch(registered)
    }
  })

  it.each(['https://app.example.com*', 'https://*.example.com/cb', 'https://app.example.com/*'])(
    'keycloak#48430, CVE-2026-7504: a pattern is not registered: %s',
    async (uri) => {
      expect((await server.admin('POST', '/clients', { redirect_uris: [uri] })).status).toBe(400)
    },
  )
})

describe('guessing', () => {
  let limited: TestServer
  beforeAll(async () => {
    limited = await server.another({ RATE_LIMITS: 'login_account=10/900', TRUST_PROXY: '127.0.0.1,::1' })
  })
  afterAll(() => limited.close())
  const open = async (address: string) => {
    const browser = limited.browser()
    const page = await browser.open(app.request().url.replace(server.url, limited.url))
    const headers = { origin: server.url, 'x-forwarded-for': address }
    return (username: string, secret: string) => browser.submit(page, { username, password: secret }, headers)
  }

  it('is counted when a form is sent, not when its page was opened (CVE-2026-9798, CVE-2026-16103, keycloak#50996)', async () => {
    const { username } = await server.createUser()
    const early = await Promise.all(Array.from({ length: 12 }, () => open('192.0.2.10')))
    const last = early.pop()
    for (const send of early.slice(0, 10)) expect((await send(username, 'wrong')).status).toBe(401)
    expect((await last?.(username, password))?.status).toBe(429)
  })

  it('does not keep out who signs in many times at once with the right password (keycloak#48272)', async () => {
    const { username } = await server.createUser()
    for (let round = 0; round < 3; round++) {
      const pages = await Promise.all(Array.from({ length: 10 }, () => open('192.0.2.11')))
      const answers = await Promise.all(pages.map((send) => send(username, password)))
      for (const answer of answers) expect(answerOf(answer)).toHaveProperty('code')
    }
  })
})

describe('the token endpoint with the rate limits of production', () => {
  let limited: TestServer
  beforeAll(async () => {
    limited = await server.another({ RATE_LIMITS: 'client_auth=5/300' })
  })
  afterAll(() => limited.close())
  const own = () =>
    server.createClient({
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      scope: 'openid x',
    })

  it('says invalid_grant as often as it is so: no 429 hides that a person has to sign in (withings-mcp#37)', async () => {
    const client = await own()
    const { refresh_token } = await tokensOf(client)
    await client.refresh(refresh_token)
    await server.wait(11)
    const statuses = new Set<string>()
    for (let i = 0; i < 50; i++) {
      const { status, body } = await at(limited, client).refresh(refresh_token)
      statuses.add(`${status} ${JSON.stringify((body as { error?: string }).error)}`)
    }
    expect([...statuses]).toEqual(['400 "invalid_grant"'])
  })

  it('has no budget that one grant type spends for another, not even after wrong secrets (withings-mcp#37)', async () => {
    const client = await own()
    const { refresh_token, user } = await tokensOf(client)
    const wrong = basic(client.clientId, 'not the secret')
    const guesses = await Promise.all(
      Array.from({ length: 20 }, () =>
        limited.post('/token', { grant_type: 'refresh_token', refresh_token: 'x' }, wrong),
      ),
    )
    expect(new Set(guesses.map(({ status }) => status))).toEqual(new Set([401, 429]))
    const there = at(limited, client)
    expect((await there.refresh(refresh_token)).status).toBe(200)
    expect((await there.refresh('nonsense')).body).toMatchObject({ error: 'invalid_grant' })
    expect((await there.post('/token', { grant_type: 'client_credentials' })).status).toBe(200)
    // The way out of an invalid_grant: signing in, and exchanging the code.
    const { code, verifier } = await client.signIn({ username: user.username })
    const exchange = {
      grant_type: 'authorization_code',
      code,
      redirect_uri: client.redirectUri,
      code_verifier: verifier,
    }
    expect((await there.post('/token', exchange)).status).toBe(200)
  })
})

describe('a code that comes twice', () => {
  it('is 400 invalid_grant, and no other status (better-auth#10150)', async () => {
    const { username } = await server.createUser()
    const { code, verifier } = await app.signIn({ username })
    expect((await app.exchange(code, verifier)).status).toBe(200)
    expect(await app.exchange(code, verifier)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })
})

describe('use of a session', () => {
  it('is written down, so an instance that starts later knows it, and its looking is no use (keycloak#38608, keycloak#42012)', async () => {
    const [used, left] = [await tokensOf(), await tokensOf()]
    const first = await server.another()
    await server.wait(1700)
    const { status, body } = await at(first, app).refresh(used.refresh_token)
    expect(status).toBe(200)
    await first.close()
    const second = await server.another()
    expect(await at(second, app).isActive(left.access_token)).toBe(false) // its own time is over
    expect(await at(second, app).isActive(left.refresh_token)).toBe(true)
    await server.wait(150)
    expect(await at(second, app).isActive(left.refresh_token)).toBe(false)
    expect((await at(second, app).refresh(left.refresh_token)).status).toBe(400)
    expect((await at(second, app).refresh(body.refresh_token)).status).toBe(200)
    await second.close()
  })
})

describe('the database', () => {
  it('is told to notify by an ending only, which holds the lock of all endings anyway (recall.ai 2025)', async () => {
    const heard: unknown[] = []
    const listener = new Client({ connectionString: server.db.url })
    await listener.connect()
    listener.on('notification', ({ channel }) => heard.push(channel))
    await listener.query('listen falconer_feed')
    // What comes first is heard first: an answer to a query of the same connection comes after all that was sent before it.
    const heardSoFar = async () => {
      await listener.query('select 1')
      return heard.length
    }
    try {
      const tokens = await tokensOf()
      expect((await app.refresh(tokens.refresh_token)).status).toBe(200)
      expect(await isActive(app, tokens.access_token)).toBe(true)
      expect(await heardSoFar()).toBe(0)
      await server.admin('DELETE', `/sessions/${claimsOf(tokens.access_token)['sid']}`)
      await expect.poll(heardSoFar).toBe(1)
    } finally {
      await listener.end()
    }
  })

  it('is used in READ COMMITTED: what happens at once waits, and is no error of serialization (hydra#3604)', async () => {
    const show = { name: 'show_isolation', text: `select current_setting('transaction_isolation') as level` }
    const { db } = server.server.tools
    expect(await db.run(show, [])).toEqual([{ level: 'read committed' }])
    expect(await db.transaction((tx) => tx.run(show, []))).toEqual([{ level: 'read committed' }])
    const { refresh_token } = await tokensOf()
    const answers = await Promise.all(Array.from({ length: 32 }, () => app.refresh(refresh_token)))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  })
})
