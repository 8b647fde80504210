import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { basic, claimsOf, isActive, lastReason, userinfo } from '../support/tokens.ts'

let server: TestServer
/** Another app of the same people: whether a session lives is seen from here. */
let other: TestClient
beforeAll(async () => {
  server = await startServer()
  other = await server.createClient()
})
afterAll(() => server.close())

const scopes = ['server', 'client', 'user'] as const
type Scope = (typeof scopes)[number]
type Person = Awaited<ReturnType<typeof signIn>>

const signIn = async (scope = 'openid') => {
  const client = await server.createClient()
  const user = await server.createUser()
  return { client, user, ...(await client.tokens({ username: user.username, parameters: { scope } })) }
}
const clock = async () =>
  Number((await server.db.query('select extract(epoch from clock_now())::float8 as now'))[0]?.['now'])
const idOf = (scope: Scope, { client, user }: Pick<Person, 'client' | 'user'>) =>
  scope === 'client' ? { id: client.clientId } : scope === 'user' ? { id: user.id } : {}
const draw = (scope: Scope, person: Pick<Person, 'client' | 'user'>, notBefore: 'now' | number) =>
  server.admin<{ not_before: number; position: number }>('PUT', '/not-before', {
    scope,
    ...idOf(scope, person),
    not_before: notBefore,
  })
/** What is left of a sign-in: access token at introspection and at userinfo, refresh token, session of the browser. */
const alive = async ({ client, access_token, refresh_token, browser }: Person) => ({
  token: await isActive(client, access_token),
  userinfo: (await userinfo(server.url, access_token)).status === 200,
  refresh: (await client.refresh(refresh_token)).status === 200,
  session: (await other.signIn({ browser, parameters: { prompt: 'none' } })).code !== '',
})
const all = { token: true, userinfo: true, refresh: true, session: true }
const none = { token: false, userinfo: false, refresh: false, session: false }
const subsets = Array.from({ length: 8 }, (_, bits) => scopes.filter((_, i) => bits & (1 << i)))

describe('whatever was authenticated before a line is dead', () => {
  it.each(scopes)('%s, now: everything of before; a client never ends a session', async (scope) => {
    const person = await signIn()
    expect((await draw(scope, person, 'now')).status).toBe(200)
    expect(await alive(person)).toEqual({ ...none, session: scope === 'client' })
  })

  it.each(scopes)('%s, seconds in the past: by the time of the login, not of the latest refresh', async (scope) => {
    const person = await signIn()
    await server.wait(600)
    const { body } = await person.client.refresh(person.refresh_token)
    expect((await draw(scope, person, Math.floor(await clock()) - 300)).status).toBe(200)
    const refreshed = { ...person, ...body }
    expect(await alive(refreshed)).toEqual({ ...none, session: scope === 'client' })
    expect((await person.client.refresh(body.refresh_token)).status).toBe(400)
    expect(lastReason(server)).toBe('not_before')
  })

  it('client, seconds in the past: the session lives, but this client lets nobody in without a new login', async () => {
    const person = await signIn()
    await server.wait(60)
    await draw('client', person, Math.floor(await clock()) - 30)
    const silent = await person.client.signIn({ browser: person.browser, parameters: { prompt: 'none' } })
    expect(silent.page.location?.searchParams.get('error')).toBe('login_required')
    const again = await person.client.tokens({ username: person.user.username, browser: person.browser })
    expect(claimsOf(again.access_token).sid).toBe(claimsOf(person.access_token).sid)
    expect(await alive({ ...person, ...again })).toEqual(all)
  })

  it.each(scopes)('%s, seconds before the login: nothing happens', async (scope) => {
    await server.wait(60)
    const person = await signIn()
    expect((await draw(scope, person, Math.floor(await clock()) - 30)).status).toBe(200)
    expect(await alive(person)).toEqual(all)
  })

  it('the second of the login itself is alive: dead is what lies before the line', async () => {
    const person = await signIn()
    await server.wait(5)
    await draw('user', person, claimsOf(person.access_token).auth_time ?? 0)
    expect(await alive(person)).toEqual(all)
  })

  it.each(scopes)('%s: offline grants and codes too', async (scope) => {
    for (const when of ['now', 'past'] as const) {
      const person = await signIn('openid offline_access')
      const { code, verifier } = await person.client.signIn({ browser: person.browser })
      await server.wait(20)
      await draw(scope, person, when === 'now' ? 'now' : Math.floor(await clock()) - 5)
      expect((await person.client.refresh(person.refresh_token)).status).toBe(400)
      expect(await isActive(person.client, person.access_token)).toBe(false)
      expect((await person.client.exchange(code, verifier)).status).toBe(400)
    }
  })

  it('a token without a login is judged by its iat', async () => {
    const service = await server.createClient({ grant_types: ['client_credentials'], redirect_uris: [], scope: 'x' })
    const mint = async () =>
      String((await service.post('/token', { grant_type: 'client_credentials' })).body['access_token'])
    const old = await mint()
    await server.wait(20)
    const young = await mint()
    await draw('client', { client: service, user: { id: '', username: '' } }, Math.floor(await clock()) - 10)
    expect([await isActive(service, old), await isActive(service, young)]).toEqual([false, true])
  })
})

describe('CVE-2026-8922: the greatest of server, client and user wins (keycloak#49118)', () => {
  it.each(subsets.map((subset) => [subset.join(' + ') || 'none', subset] as const))(
    'past, after the login: %s',
    async (_, late) => {
      await server.wait(1000)
      const person = await signIn()
      const login = claimsOf(person.access_token).auth_time ?? 0
      await server.wait(100)
      for (const scope of scopes) await draw(scope, person, late.includes(scope) ? login + 50 : login - 300)
      expect(await alive(person)).toEqual({
        ...(late.length === 0 ? all : none),
        session: !late.includes('server') && !late.includes('user'),
      })
    },
  )

  it.each(subsets.map((subset) => [subset.join(' + ') || 'none', subset] as const))(
    'now, after the login: %s; the others before it',
    async (_, late) => {
      const [client, user] = [await server.createClient(), await server.createUser()]
      for (const scope of scopes) if (!late.includes(scope)) await draw(scope, { client, user }, 'now')
      const person = { client, user, ...(await client.tokens({ username: user.username })) }
      for (const scope of late) await draw(scope, person, 'now')
      expect(await alive(person)).toEqual({
        ...(late.length === 0 ? all : none),
        session: !late.includes('server') && !late.includes('user'),
      })
    },
  )
})

describe('signing in again in the same second (KEYCLOAK-10013)', () => {
  it.each(scopes)(
    '%s: 20 times of 20 the new one lives in every place, and everything of before is dead',
    async (scope) => {
      const client = await server.createClient()
      const user = await server.createUser()
      let previous = { client, user, ...(await client.tokens({ username: user.username })) }
      let sameSecond = 0
      for (let round = 0; round < 20; round++) {
        await draw(scope, previous, 'now')
        const next = { client, user, ...(await client.tokens({ username: user.username })) }
        expect(await isActive(client, previous.access_token)).toBe(false)
        expect((await client.refresh(previous.refresh_token)).status).toBe(400)
        const { token, userinfo, refresh, session } = await alive(next)
        expect([round, token, userinfo, refresh, session]).toEqual([round, true, true, true, true])
        const [before, after] = [claimsOf(previous.access_token), claimsOf(next.access_token)]
        if (before.auth_time === after.auth_time) sameSecond++
        // A token of the future would be refused by strict services: at most one second ahead.
        expect(after.iat - (await clock())).toBeLessThanOrEqual(1)
        previous = next
      }
      expect(sameSecond).toBeGreaterThan(0)
    },
  )

  it.each(['server', 'client'] as const)(
    '%s: a service that compares nothing but iat tells before from after, for one line a second',
    async (scope) => {
      const client = await server.createClient()
      const user = await server.createUser()
      for (let round = 0; round < 10; round++) {
        await server.wait(1.1)
        const before = await client.tokens({ username: user.username })
        const { body } = await draw(scope, { client, user }, 'now')
        const after = await client.tokens({ username: user.username })
        expect(claimsOf(before.access_token).iat).toBeLessThan(body.not_before)
        expect(claimsOf(after.access_token).iat).toBeGreaterThanOrEqual(body.not_before)
      }
    },
  )
})

describe('PUT /admin/v1/not-before', () => {
  it.each(scopes)('%s: only moves forward', async (scope) => {
    await server.wait(1000)
    const person = await signIn()
    await server.wait(300)
    const now = Math.floor(await clock())
    const first = await draw(scope, person, now - 100)
    expect(first.body.not_before).toBe(now - 100)
    const second = await draw(scope, person, now - 200)
    expect(second.body).toMatchObject({ not_before: now - 100, position: first.body.position })
    const again = await draw(scope, person, now - 100)
    expect(again.body.position).toBe(first.body.position)
    expect((await draw(scope, person, now - 99)).body.position).toBe(first.body.position + 1)
  })

  it.each([1.5, 60, 3600, 86_400 * 365])('refuses the future: %s s ahead', async (seconds) => {
    const person = await signIn()
    for (const scope of scopes) {
      const answer = await draw(scope, person, Math.ceil((await clock()) + seconds))
      expect(answer.status).toBe(400)
      expect(answer.headers.get('content-type')).toMatch(/problem\+json/)
    }
    expect(await alive(person)).toEqual(all)
  })

  it.each([-1, 1.5, 'yesterday', null, 1e300])('refuses %s', async (value) => {
    expect((await server.admin('PUT', '/not-before', { scope: 'server', not_before: value })).status).toBe(400)
  })

  it('needs a known id, and none for the server', async () => {
    const put = async (body: object) =>
      (await server.admin('PUT', '/not-before', { not_before: 'now', ...body })).status
    expect(await put({ scope: 'user', id: '01a1fc44-0000-7000-8000-000000000000' })).toBe(404)
    expect(await put({ scope: 'user', id: 'nonsense' })).toBe(404)
    expect(await put({ scope: 'client', id: 'nobody' })).toBe(404)
    expect(await put({ scope: 'client' })).toBe(400)
    expect(await put({ scope: 'server', id: 'x' })).toBe(400)
    expect(await put({ scope: 'realm' })).toBe(400)
  })

  it('every move is one position, one feed entry and one audit event, in one transaction', async () => {
    await server.wait(1000)
    for (const scope of scopes) {
      for (const when of ['now', 'past'] as const) {
        const person = await signIn()
        await server.wait(50)
        const seconds = Math.floor(await clock()) - 5
        const { position } = (await draw(scope, person, when === 'now' ? 'now' : seconds)).body
        const entries = await server.db.query<{ kind: string; xmin: string; nb: Date | null }>(
          'select kind, xmin, nb from feed_entries where seq = $1',
          [position],
        )
        const events = await server.db.query<{ xmin: string }>(
          'select xmin, reason from audit_events where position = $1',
          [position],
        )
        expect(entries).toHaveLength(1)
        expect(events).toMatchObject([{ reason: 'not_before', xmin: entries[0]?.xmin }])
        expect(entries[0]?.kind).toBe({ server: 'a', client: 'c', user: 'u' }[scope])
        expect(entries[0]?.nb?.getTime()).toBe(when === 'now' ? undefined : seconds * 1000)
      }
    }
  })
})

describe('GET /not-before', () => {
  const read = async (headers: Record<string, string> = {}) => {
    const response = await fetch(`${server.url}/not-before`, { headers })
    const text = await response.text()
    return {
      response,
      status: response.status,
      body: (text ? JSON.parse(text) : {}) as { server: number; position: number; clients?: Record<string, number> },
    }
  }
  const service = (metadata: Record<string, unknown> = {}) =>
    server.createClient({ grant_types: ['client_credentials'], redirect_uris: [], scope: '', ...metadata })
  const bearerOf = async (client: TestClient) => ({
    authorization: `Bearer ${String((await client.post('/token', { grant_type: 'client_credentials' })).body['access_token'])}`,
  })

  it('is public: the line of the server and the position, and neither clients nor users', async () => {
    const person = await signIn()
    const { body } = await draw('server', person, 'now')
    const document = await read()
    expect(document.body).toEqual({ server: body.not_before, position: body.position })
  })

  it('names clients to a confidential client and to a bearer with revocations:read', async () => {
    const person = await signIn()
    const { body } = await draw('client', person, 'now')
    const reader = await service({ scope: 'revocations:read' })
    for (const headers of [basic(reader.clientId, reader.secret ?? ''), await bearerOf(reader)]) {
      const { body: document, response } = await read(headers)
      expect(document.clients?.[person.client.clientId]).toBe(body.not_before)
      expect(response.headers.get('cache-control')).toContain('private')
      expect(response.headers.get('vary')).toContain('Authorization')
    }
  })

  it('refuses bad credentials and a bearer without the scope instead of answering less', async () => {
    expect((await read(basic('nobody', 'x'))).status).toBe(401)
    expect((await read({ authorization: 'Bearer x' })).status).toBe(401)
    expect((await read(await bearerOf(await service({ scope: 'introspect:any' })))).status).toBe(403)
  })

  it('has an ETag that changes with every line, and 304 for whoever has it', async () => {
    const first = await read()
    const etag = first.response.headers.get('etag') ?? ''
    expect(first.response.headers.get('cache-control')).toBe('public, max-age=1')
    expect((await read({ 'if-none-match': etag })).status).toBe(304)
    await draw('user', await signIn(), 'now')
    expect((await read({ 'if-none-match': etag })).status).toBe(200)
  })

  it('seconds in the past are shown as they were given', async () => {
    await server.wait(1000)
    const person = await signIn()
    const seconds = Math.floor(await clock()) - 2
    await draw('server', person, seconds)
    expect((await read()).body.server).toBe(seconds)
  })

  it('an instance that had no part in it shows the same', async () => {
    const other = await server.another()
    await draw('server', await signIn(), 'now')
    expect(await (await fetch(`${other.url}/not-before`)).json()).toEqual((await read()).body)
    await other.close()
  })
})
