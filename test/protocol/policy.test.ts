import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Browser } from '../support/browser.ts'
import { startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { claimsOf, isActive, userinfo } from '../support/tokens.ts'

let server: TestServer
let app: TestClient

// Access tokens and codes live longer than what is tightened here, so that only the tightened limit can end them.
const settings = { ACCESS_TOKEN_TTL_SECONDS: '3600', AUTHORIZATION_CODE_TTL_SECONDS: '600' }

/** Starts and stops an instance with other settings: the last one to start decides, for all of them. */
const setPolicy = async (changed: Record<string, string> = {}) => (await server.another(changed)).close()

beforeAll(async () => {
  server = await startServer(settings)
  app = await server.createClient()
})
beforeEach(() => setPolicy())
afterAll(() => server.close())

interface Held {
  readonly user: { id: string; username: string }
  readonly browser: Browser
  readonly online: Tokens
  readonly offline: Tokens
  readonly codes: { online: { code: string; verifier: string }; offline: { code: string; verifier: string } }
}

const silent = { prompt: 'none' }
const offlineScope = { scope: 'openid offline_access' }

async function hold(): Promise<Held> {
  const user = await server.createUser()
  const { browser, ...online } = await app.tokens({ username: user.username })
  const { browser: _, ...offline } = await app.tokens({ browser, parameters: { ...silent, ...offlineScope } })
  const codes = {
    online: await app.signIn({ browser, parameters: silent }),
    offline: await app.signIn({ browser, parameters: { ...silent, ...offlineScope } }),
  }
  return { user, browser, online, offline, codes }
}

const listed = async (what: 'sessions' | 'grants', userId: string): Promise<unknown[]> => {
  const { body } = await server.admin<{ items: { gid?: string; sid?: string; alive: boolean }[] }>(
    'GET',
    `/${what}?user_id=${userId}`,
  )
  return body.items.map(({ gid, sid }) => (what === 'grants' ? gid : sid))
}

/** Every place that answers whether something lives, by name: those that only look come first. */
async function living({ user, browser, online, offline, codes }: Held): Promise<string[]> {
  const found: string[] = []
  const note = (name: string, isAlive: boolean) => isAlive && found.push(name)
  const [sessions, grants] = [await listed('sessions', user.id), await listed('grants', user.id)]
  note('session: listed', sessions.includes(claimsOf(online.id_token).sid))
  for (const [kind, tokens] of Object.entries({ online, offline })) {
    note(`${kind}: listed`, grants.includes(claimsOf(tokens.access_token).gid))
    note(`${kind}: access token introspected`, await isActive(app, tokens.access_token))
    note(`${kind}: refresh token introspected`, await isActive(app, tokens.refresh_token))
    note(`${kind}: userinfo`, (await userinfo(server.url, tokens.access_token)).status === 200)
    note(`${kind}: refresh`, (await app.refresh(tokens.refresh_token)).status === 200)
  }
  for (const [kind, { code, verifier }] of Object.entries(codes))
    note(`code, ${kind}`, (await app.exchange(code, verifier)).status === 200)
  note('session: prompt=none', (await app.signIn({ browser, parameters: silent })).code !== '')
  return found
}

const session = ['session: listed', 'code, online', 'code, offline', 'session: prompt=none']
const grant = (kind: string) =>
  ['listed', 'access token introspected', 'refresh token introspected', 'userinfo', 'refresh'].map(
    (place) => `${kind}: ${place}`,
  )
const [online, offline] = [grant('online'), grant('offline')]

// [setting, what outlives it]: codes are exchanged for fresh grants, which only the session can end.
const limits: [string, string[]][] = [
  ['SESSION_IDLE_SECONDS', offline],
  ['SESSION_MAX_SECONDS', offline],
  ['REFRESH_IDLE_SECONDS', [...session, ...offline]],
  ['REFRESH_MAX_SECONDS', [...session, ...offline]],
  ['OFFLINE_IDLE_SECONDS', [...session, ...online]],
  ['OFFLINE_MAX_SECONDS', [...session, ...online]],
]

/** Sets one over the environment. */
const override = async (name: string, value: number | null) =>
  expect((await server.admin('PATCH', '/settings', { [name]: value })).status).toBe(200)

describe('a limit that is tightened holds at once for what is alive, wherever it is asked for', () => {
  it.each(limits)('%s, by an instance that starts', async (name, survivors) => {
    const held = await hold()
    await server.wait(400)
    await setPolicy({ [name]: '300' })
    expect((await living(held)).toSorted()).toEqual(survivors.toSorted())
  })

  it.each(limits)('%s, by an administrator, whatever starts afterwards', async (name, survivors) => {
    const held = await hold()
    await server.wait(400)
    await override(name, 300)
    await setPolicy({ [name]: '86400' })
    expect((await living(held)).toSorted()).toEqual(survivors.toSorted())
    await override(name, null)
  })

  it.each(limits.filter(([name]) => name.includes('IDLE')))(
    '%s: what is used within it stays alive, by a session that was begun with a longer one',
    async (name) => {
      const held = await hold()
      await setPolicy({ [name]: '60' })
      let { refresh_token: onlineToken } = held.online
      let { refresh_token: offlineToken } = held.offline
      for (let use = 0; use < 6; use++) {
        await server.wait(20)
        const answers = [await app.refresh(onlineToken), await app.refresh(offlineToken)]
        expect(answers.map(({ status }) => status)).toEqual([200, 200])
        onlineToken = answers[0]?.body.refresh_token ?? ''
        offlineToken = answers[1]?.body.refresh_token ?? ''
      }
      expect((await app.signIn({ browser: held.browser, parameters: silent })).code).not.toBe('')
    },
  )

  it('SESSION_IDLE_SECONDS: the browser alone keeps it alive too, because the touch follows the limit', async () => {
    const held = await hold()
    await setPolicy({ SESSION_IDLE_SECONDS: '60' })
    for (let use = 0; use < 6; use++) {
      await server.wait(20)
      expect((await app.signIn({ browser: held.browser, parameters: silent })).code).not.toBe('')
    }
    await server.wait(61)
    expect((await app.signIn({ browser: held.browser, parameters: silent })).code).toBe('')
  })
})

describe('a limit that is loosened changes nothing for what is alive', () => {
  it.each(limits)('%s', async (name, survivors) => {
    await setPolicy({ [name]: '300' })
    const held = await hold()
    await setPolicy({ [name]: '86400' })
    await server.wait(400)
    const before = survivors.filter((place) => !place.startsWith('code'))
    // The grant of a code begins with its exchange.
    expect((await living(held)).filter((place) => !place.startsWith('code')).toSorted()).toEqual(before.toSorted())
  })

  it('and counts for what begins afterwards', async () => {
    await setPolicy({ SESSION_IDLE_SECONDS: '300' })
    await setPolicy({ SESSION_IDLE_SECONDS: '3000' })
    const held = await hold()
    await server.wait(2900)
    expect((await app.signIn({ browser: held.browser, parameters: silent })).code).not.toBe('')
  })
})

describe('an access token never outlives what it rests on', () => {
  it.each<[string, Record<string, string>, 'online' | 'offline', number]>([
    ['the idle time of the session', { SESSION_IDLE_SECONDS: '300' }, 'online', 300],
    ['the end of the session', { SESSION_MAX_SECONDS: '300' }, 'online', 100],
    ['the idle time of the grant', { REFRESH_IDLE_SECONDS: '300' }, 'online', 300],
    ['the end of the grant', { REFRESH_MAX_SECONDS: '300' }, 'online', 100],
    ['the idle time of the offline grant', { OFFLINE_IDLE_SECONDS: '300' }, 'offline', 300],
    ['the end of the offline grant', { OFFLINE_MAX_SECONDS: '300' }, 'offline', 100],
  ])('%s, as it is tightened, at a refresh', async (_, changed, kind, most) => {
    const held = await hold()
    await server.wait(200)
    await setPolicy(changed)
    const { status, body } = await app.refresh(held[kind].refresh_token)
    expect(status).toBe(200)
    expect(body.expires_in).toBeLessThanOrEqual(most)
    expect(body.expires_in).toBeGreaterThan(most - 20)
    const { exp, iat } = claimsOf(body.access_token)
    expect(exp - iat).toBe(body.expires_in)
    await server.wait(body.expires_in + 1)
    expect(await isActive(app, body.access_token)).toBe(false)
  })

  it.each<[string, Record<string, string>, 'online' | 'offline', number]>([
    ['the idle time of the session, counted from its last use', { SESSION_IDLE_SECONDS: '300' }, 'online', 100],
    ['the end of the session', { SESSION_MAX_SECONDS: '300' }, 'online', 100],
    ['the idle time of the grant', { REFRESH_IDLE_SECONDS: '300' }, 'online', 300],
    ['the end of the grant', { REFRESH_MAX_SECONDS: '300' }, 'online', 300],
    ['the idle time of the offline grant', { OFFLINE_IDLE_SECONDS: '300' }, 'offline', 300],
    ['the end of the offline grant', { OFFLINE_MAX_SECONDS: '300' }, 'offline', 300],
  ])('%s, as it is tightened, at the exchange of a code', async (_, changed, kind, most) => {
    const { codes } = await hold()
    await server.wait(200)
    await setPolicy(changed)
    const { status, body } = await app.exchange(codes[kind].code, codes[kind].verifier)
    expect(status).toBe(200)
    expect(body.expires_in).toBeLessThanOrEqual(most)
    expect(body.expires_in).toBeGreaterThan(most - 20)
  })
})

describe('REFRESH_COUNTS_AS_ACTIVITY', () => {
  const outlivesIdle = async (idleSeconds: number) => {
    const { browser, refresh_token: first } = await app.tokens({ username: (await server.createUser()).username })
    let token = first
    for (let waited = 0; waited <= idleSeconds; waited += idleSeconds / 3) {
      await server.wait(idleSeconds / 3)
      const { status, body } = await app.refresh(token)
      if (status !== 200) break
      token = body.refresh_token
    }
    return (await app.signIn({ browser, parameters: silent })).code !== ''
  }

  it('is true by default: an app that refreshes keeps the session alive', async () => {
    expect(await outlivesIdle(1800)).toBe(true)
  })

  it('false: only the browser does', async () => {
    await setPolicy({ REFRESH_COUNTS_AS_ACTIVITY: 'false' })
    expect(await outlivesIdle(1800)).toBe(false)
  })

  it('COMPLIANCE_PROFILE=pci: over after 15 minutes without the person, however often the app refreshes', async () => {
    await setPolicy({ COMPLIANCE_PROFILE: 'pci' })
    const { browser } = await app.tokens({ username: (await server.createUser()).username })
    await server.wait(880)
    expect((await app.signIn({ browser, parameters: silent })).code).not.toBe('')
    expect(await outlivesIdle(900)).toBe(false)
  })
})

describe('a change of the policy', () => {
  const events = () =>
    server.db.query(`select actor, detail from audit_events where type = 'settings.changed' order by id`)

  it('is audited with what it was and what it is, and a start without one is not', async () => {
    const before = (await events()).length
    await setPolicy({ SESSION_IDLE_SECONDS: '300', MAX_SESSIONS_PER_USER: '3' })
    await setPolicy({ SESSION_IDLE_SECONDS: '300', MAX_SESSIONS_PER_USER: '3' })
    expect((await events()).slice(before)).toEqual([
      {
        actor: 'system',
        detail: {
          changes: { SESSION_IDLE_SECONDS: { from: 1800, to: 300 }, MAX_SESSIONS_PER_USER: { from: 0, to: 3 } },
        },
      },
    ])
  })

  it('from nothing to a limit and back shows the nothing', async () => {
    const before = (await events()).length
    await setPolicy({ REFRESH_IDLE_SECONDS: '300' })
    await setPolicy()
    expect((await events()).slice(before).map(({ detail }) => detail)).toEqual([
      { changes: { REFRESH_IDLE_SECONDS: { from: null, to: 300 } } },
      { changes: { REFRESH_IDLE_SECONDS: { from: 300, to: null } } },
    ])
  })
})
