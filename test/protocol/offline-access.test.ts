import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser } from '../support/browser.ts'
import { asksForConsent, cookieOf } from '../support/front-channel.ts'
import { startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { claimsOf, isActive } from '../support/tokens.ts'

let server: TestServer
let app: TestClient
let strict: TestClient
beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
  strict = await server.createClient({ terminate_offline_on_logout: true })
})
afterAll(() => server.close())

type Held = Tokens & { browser: Browser; client: TestClient }
const offlineScope = 'openid offline_access'

/** One person with an online and an offline grant in one session. */
async function hold(client = app) {
  const user = await server.createUser()
  const { browser, ...online } = await client.tokens({ username: user.username })
  const offline: Held = { client, ...(await inSession(client, browser, offlineScope)) }
  return { user, browser, online: { ...online, browser, client } as Held, offline }
}
const inSession = (client: TestClient, browser: Browser, scope: string) =>
  client.tokens({ browser, parameters: { prompt: 'none', scope } })

/** Whether a grant is good: its access token and its refresh token, which have to agree. */
async function isGood({ client, access_token, refresh_token }: Held): Promise<boolean> {
  const looked = [await isActive(client, access_token), await isActive(client, refresh_token)]
  const { status } = await client.refresh(refresh_token)
  expect(looked, String(status)).toEqual([status === 200, status === 200])
  return status === 200
}
const isSignedIn = async (browser: Browser) =>
  (await app.signIn({ browser, parameters: { prompt: 'none' } })).code !== ''
const gidOf = (tokens: Tokens) => String(claimsOf(tokens.access_token).gid)
const sidOf = (tokens: Tokens) => String(claimsOf(tokens.id_token).sid)
const endSession = (tokens: Tokens) => server.admin('DELETE', `/sessions/${sidOf(tokens)}`)
const signOut = async (browser: Browser) => browser.submit(await browser.open('/logout'), {})
const revoke = async (target: object) => expect((await server.admin('POST', '/revocations', target)).status).toBe(200)
const lastEight = (id: string) => Buffer.from(id.replaceAll('-', '').slice(16), 'hex')
/** The entries of the feed that something wrote. */
async function entriesOf(act: () => Promise<unknown>) {
  const [head] = await server.db.query<{ seq: string }>('select seq from feed_head')
  await act()
  return server.db.query<{ kind: string; key: Buffer }>(
    'select kind, key from feed_entries where seq > $1 order by seq',
    [head?.seq],
  )
}

describe('OpenID Connect Core §11: an offline grant', () => {
  it('has a row and an id of its own, which is never the sid nor that of another grant (keycloak#35813, keycloak#26532)', async () => {
    const { online, offline } = await hold()
    const ids = [gidOf(online), gidOf(offline), sidOf(online)]
    expect(new Set(ids).size).toBe(3)
    expect(sidOf(offline)).toBe(sidOf(online))
    expect(claimsOf(offline.access_token).sid).toBeUndefined()
    const { body } = await server.admin('GET', `/grants/${gidOf(offline)}`)
    expect(body).toMatchObject({ kind: 'offline', sid: sidOf(online), alive: true })
  })

  it('leaves the session and its cookie as they are, also when the first request of all asks for it (keycloak#52018)', async () => {
    const { username } = await server.createUser()
    const { browser, ...tokens } = await app.tokens({ username, parameters: { scope: offlineScope } })
    const [cookie, before] = [cookieOf(browser, 'sso'), await server.admin('GET', `/sessions/${sidOf(tokens)}`)]
    await inSession(app, browser, offlineScope)
    expect(cookieOf(browser, 'sso')).toEqual(cookie)
    expect((await server.admin('GET', `/sessions/${sidOf(tokens)}`)).body).toEqual(before.body)
    expect(await isSignedIn(browser)).toBe(true)
    await server.wait(1801)
    expect(await isSignedIn(browser)).toBe(false)
  })

  it('does not keep the session alive by its refreshes', async () => {
    const { browser, offline } = await hold()
    await server.wait(1700)
    expect((await app.refresh(offline.refresh_token)).status).toBe(200)
    await server.wait(150)
    expect(await isSignedIn(browser)).toBe(false)
  })

  it.each<[string, (h: Awaited<ReturnType<typeof hold>>) => Promise<unknown>]>([
    ['the person signing out', ({ browser }) => signOut(browser)],
    [
      'an app signing the person out',
      ({ browser, online }) => browser.open(`/logout?id_token_hint=${online.id_token}`),
    ],
    ['the session being idle', () => server.wait(1801)],
    ['the end of the session', () => server.wait(36_001)],
    ['an administrator ending the session', ({ online }) => endSession(online)],
    [
      'someone else signing in at the browser',
      async ({ browser }) =>
        app.signIn({ browser, username: (await server.createUser()).username, parameters: { prompt: 'login' } }),
    ],
    ['the end of another grant of its client', ({ online }) => app.post('/revoke', { token: online.refresh_token })],
  ])('survives %s (keycloak#44888)', async (_, act) => {
    const held = await hold()
    await act(held)
    expect(await isActive(app, held.online.refresh_token)).toBe(false)
    const { status, body } = await app.refresh(held.offline.refresh_token)
    expect(status).toBe(200)
    expect(await isActive(app, body.access_token)).toBe(true)
  })
})

describe('an offline grant dies with', () => {
  const past = async () =>
    Number((await server.db.query('select extract(epoch from clock_now())::int as t'))[0]?.['t']) - 5
  const notBefore = async (body: object) => expect((await server.admin('PUT', '/not-before', body)).status).toBe(200)

  it.each<[string, (h: Awaited<ReturnType<typeof hold>>) => Promise<unknown>]>([
    ['everything of its user', ({ user }) => revoke({ user_id: user.id })],
    ['its user and client', ({ user, offline }) => revoke({ user_id: user.id, client_id: offline.client.clientId })],
    ['its client', ({ offline }) => revoke({ client_id: offline.client.clientId })],
    ['everything', () => revoke({ all: true })],
    ['itself', ({ offline }) => revoke({ grant_id: gidOf(offline) })],
    ['DELETE /grants', ({ offline }) => server.admin('DELETE', `/grants/${gidOf(offline)}`)],
    [
      'a new password',
      ({ user }) => server.admin('POST', `/users/${user.id}/password`, { password: 'another long password' }),
    ],
    ['its user disabled', ({ user }) => server.admin('POST', `/users/${user.id}/disable`)],
    ['its user deleted', ({ user }) => server.admin('DELETE', `/users/${user.id}`)],
    ['/revoke', ({ offline }) => offline.client.post('/revoke', { token: offline.refresh_token })],
    ['not-before of its user, now', ({ user }) => notBefore({ scope: 'user', id: user.id, not_before: 'now' })],
    [
      'not-before of its client, now',
      ({ offline }) => notBefore({ scope: 'client', id: offline.client.clientId, not_before: 'now' }),
    ],
    ['not-before of the server, now', () => notBefore({ scope: 'server', not_before: 'now' })],
    [
      'not-before of its user, in the past',
      async ({ user }) => notBefore({ scope: 'user', id: user.id, not_before: await past() }),
    ],
    [
      'not-before of its client, in the past',
      async ({ offline }) => notBefore({ scope: 'client', id: offline.client.clientId, not_before: await past() }),
    ],
    ['not-before of the server, in the past', async () => notBefore({ scope: 'server', not_before: await past() })],
    [
      'a refresh token that is used again',
      async ({ offline }) => {
        await offline.client.refresh(offline.refresh_token)
        await server.wait(11)
        expect((await offline.client.refresh(offline.refresh_token)).status).toBe(400)
      },
    ],
  ])('%s', async (_, act) => {
    const held = await hold(await server.createClient())
    await server.wait(60)
    await act(held)
    expect(await isGood(held.offline)).toBe(false)
  })

  it('offline_access that its client loses (GHSA-895x-rfqp-jh5c, keycloak#43734)', async () => {
    const client = await server.createClient()
    const { offline } = await hold(client)
    await server.admin('PATCH', `/clients/${client.clientId}`, { scope: 'openid profile' })
    expect(await isActive(client, offline.refresh_token)).toBe(false)
    expect((await client.refresh(offline.refresh_token)).status).toBe(400)
  })
})

describe('POST /revocations of a user at a client', () => {
  it('takes the consent too: the client has to ask again, and other clients and users do not', async () => {
    const [careful, other] = [
      await server.createClient({ skip_consent: false }),
      await server.createClient({ skip_consent: false }),
    ]
    const [user, neighbour] = [await server.createUser(), await server.createUser()]
    const { browser } = await careful.tokens({ username: user.username })
    await other.tokens({ browser })
    const { browser: theirs } = await careful.tokens({ username: neighbour.username })
    const asks = async (client: TestClient, who: Browser) => asksForConsent(await who.open(client.request().url))
    expect(await asks(careful, browser)).toBe(false)
    await revoke({ user_id: user.id, client_id: careful.clientId, dry_run: true })
    expect(await asks(careful, browser)).toBe(false)
    await revoke({ user_id: user.id, client_id: careful.clientId })
    expect([await asks(careful, browser), await asks(other, browser), await asks(careful, theirs)]).toEqual([
      true,
      false,
      false,
    ])
    expect(await isSignedIn(browser)).toBe(true)
  })

  it.each(['openid', offlineScope])('refuses a code that is out (%s), and the next one is good', async (scope) => {
    const { user, browser } = await hold()
    const codeOf = () => app.signIn({ browser, parameters: { prompt: 'none', scope } })
    const { code, verifier } = await codeOf()
    await revoke({ user_id: user.id, client_id: app.clientId })
    expect((await app.exchange(code, verifier)).body).toMatchObject({ error: 'invalid_grant' })
    const next = await codeOf()
    expect((await app.exchange(next.code, next.verifier)).status).toBe(200)
  })
})

describe('terminate_offline_on_logout', () => {
  const goodbyes: [string, (h: Awaited<ReturnType<typeof hold>>) => Promise<unknown>][] = [
    ['the person signs out', ({ browser }) => signOut(browser)],
    ['an app signs the person out', ({ online }) => server.browser().open(`/logout?id_token_hint=${online.id_token}`)],
    [
      'the next person signs in at the browser',
      async ({ browser }) =>
        app.signIn({ browser, username: (await server.createUser()).username, parameters: { prompt: 'login' } }),
    ],
  ]

  it.each(goodbyes)(
    'its offline grants of that session die when %s, each with its entry in the feed',
    async (_, act) => {
      const held = await hold(strict)
      const second = { client: strict, ...(await inSession(strict, held.browser, offlineScope)) }
      const entries = await entriesOf(() => act(held))
      expect([await isGood(held.offline), await isGood(second), await isGood(held.online)]).toEqual([
        false,
        false,
        false,
      ])
      expect(entries).toEqual([
        { kind: 's', key: lastEight(sidOf(held.online)) },
        { kind: 'g', key: lastEight(gidOf(held.offline)) },
        { kind: 'g', key: lastEight(gidOf(second)) },
      ])
      const { body } = await server.admin('GET', `/grants/${gidOf(held.offline)}`)
      expect(body).toMatchObject({ alive: false, end_reason: expect.stringMatching(/^(logout|replaced)$/) })
    },
  )

  it.each(goodbyes)("when %s, other clients' and other sessions' stay", async (_, act) => {
    const held = await hold(strict)
    const other = { client: app, ...(await inSession(app, held.browser, offlineScope)) }
    const { username } = held.user
    const elsewhere = await strict.tokens({ username, parameters: { scope: offlineScope } })
    const entries = await entriesOf(() => act(held))
    expect([await isGood(other), await isGood({ client: strict, ...elsewhere })]).toEqual([true, true])
    expect(entries.map(({ kind }) => kind)).toEqual(['s', 'g'])
  })

  it.each<[string, (h: Awaited<ReturnType<typeof hold>>) => Promise<unknown>]>([
    ['an administrator ends the session', ({ online }) => endSession(online)],
    ['the session is idle', () => server.wait(1801)],
    ['the session reaches its end', () => server.wait(36_001)],
  ])('they stay when %s', async (_, act) => {
    const { offline, ...held } = await hold(strict)
    await act({ offline, ...held })
    expect((await strict.refresh(offline.refresh_token)).status).toBe(200)
  })

  it('counts as the client is set when the person signs out, not when the grant began', async () => {
    const client = await server.createClient()
    const [one, two] = [await hold(client), await hold(client)]
    const set = (value: boolean) =>
      server.admin('PATCH', `/clients/${client.clientId}`, { terminate_offline_on_logout: value })
    await set(true)
    await signOut(one.browser)
    await set(false)
    await signOut(two.browser)
    expect([await isGood(one.offline), await isGood(two.offline)]).toEqual([false, true])
  })

  it('a code that is out for offline access gives nothing after the sign-out', async () => {
    const { browser } = await hold(strict)
    const { code, verifier } = await strict.signIn({ browser, parameters: { prompt: 'none', scope: offlineScope } })
    await signOut(browser)
    expect((await strict.exchange(code, verifier)).status).toBe(400)
  })
})
