import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Browser } from '../support/browser.ts'
import { answerOf, cookieOf } from '../support/front-channel.ts'
import { parse } from '../support/html.ts'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'
import { claimsOf, isActive } from '../support/tokens.ts'

let server: TestServer
let app: TestClient
let user: { id: string; username: string }
beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
})
beforeEach(async () => {
  user = await server.createUser()
})
afterAll(() => server.close())

/** Starts and stops an instance with other settings: the last one to start decides, for all of them. */
const setPolicy = async (changed: Record<string, string> = {}) => (await server.another(changed)).close()
const limitTo = (count: number, policy = 'end_oldest') =>
  setPolicy({ MAX_SESSIONS_PER_USER: String(count), SESSION_LIMIT_POLICY: policy })

/** Signs in at a browser of its own. A minute and more apart, so that the next use of an older one is written down. */
async function signIn(username = user.username): Promise<Browser> {
  await server.wait(70)
  const { browser, code, page } = await app.signIn({ username })
  expect(code, page.body).not.toBe('')
  return browser
}
const signInTimes = async (count: number): Promise<Browser[]> => {
  const browsers: Browser[] = []
  for (let i = 0; i < count; i++) browsers.push(await signIn())
  return browsers
}
const sidOf = (browser: Browser | undefined) => (browser && cookieOf(browser, 'sso')?.value.split('.')[0]) ?? ''
const session = async (browser: Browser | undefined) =>
  (await server.admin<{ alive: boolean; end_reason: string | null }>('GET', `/sessions/${sidOf(browser)}`)).body
const alive = (browsers: readonly (Browser | undefined)[]) =>
  Promise.all(browsers.map(async (browser) => (await session(browser)).alive))
/** A silent request, which counts as use. */
const use = async (browser: Browser | undefined) =>
  expect((await app.signIn({ ...(browser ? { browser } : {}), parameters: { prompt: 'none' } })).code).not.toBe('')
const sessionsOf = async ({ id }: { id: string }) =>
  (await server.admin<{ items: unknown[] }>('GET', `/sessions?user_id=${id}`)).body.items.length

describe('MAX_SESSIONS_PER_USER with end_oldest', () => {
  beforeEach(() => limitTo(3))

  it('ends the session that was used longest ago, not the one that began first', async () => {
    const [first, second, third] = await signInTimes(3)
    await server.wait(70)
    await use(first)
    const fourth = await signIn()
    expect(await alive([first, second, third, fourth])).toEqual([true, false, true, true])
    expect(await session(second)).toMatchObject({ end_reason: 'limit' })
  })

  it('a refresh counts as use', async () => {
    await server.wait(70)
    const { browser: first, refresh_token: token } = await app.tokens({ username: user.username })
    const [second] = await signInTimes(2)
    await server.wait(70)
    expect((await app.refresh(token)).status).toBe(200)
    await signIn()
    expect(await alive([first, second])).toEqual([true, false])
  })

  it('ends it with its online grants, and leaves its offline grants alone', async () => {
    const { browser, ...online } = await app.tokens({ username: user.username })
    const offline = await app.tokens({ browser, parameters: { prompt: 'none', scope: 'openid offline_access' } })
    await signInTimes(3)
    expect([await isActive(app, online.access_token), await isActive(app, offline.access_token)]).toEqual([false, true])
    expect((await app.refresh(online.refresh_token)).status).toBe(400)
    expect((await app.refresh(offline.refresh_token)).status).toBe(200)
  })

  it('writes one entry of the feed for the session, and one event with the counts', async () => {
    const { id_token: token } = await app.tokens({ username: user.username })
    await signInTimes(2)
    const [head] = await server.db.query<{ seq: string }>('select seq from feed_head')
    await signIn()
    const after = [head?.seq]
    expect(await server.db.query('select kind, key from feed_entries where seq > $1', after)).toEqual([
      { kind: 's', key: Buffer.from(claimsOf(token).sid?.replaceAll('-', '').slice(16) ?? '', 'hex') },
    ])
    expect(
      await server.db.query('select type, reason, user_id, detail from audit_events where position > $1', after),
    ).toEqual([{ type: 'user_sessions.ended', reason: 'limit', user_id: user.id, detail: { sessions: 1, grants: 1 } }])
  })

  it('does not count sessions that are over: expired, ended, signed out, or replaced', async () => {
    await signInTimes(2)
    await server.wait(1801)
    const [ended, left, replaced] = await signInTimes(3)
    await server.admin('DELETE', `/sessions/${sidOf(ended)}`)
    if (left) await left.submit(await left.open('/logout'), {})
    const someone = await server.createUser()
    await app.signIn({
      ...(replaced ? { browser: replaced } : {}),
      username: someone.username,
      parameters: { prompt: 'login' },
    })
    const [a, b, c] = await signInTimes(3)
    expect(await alive([a, b, c])).toEqual([true, true, true])
  })

  it('does not count those of before everything was ended', async () => {
    await signInTimes(3)
    await server.admin('POST', '/revocations', { all: true })
    const browsers = await signInTimes(3)
    expect(await alive(browsers)).toEqual([true, true, true])
  })

  it('proving again who one is makes no new session', async () => {
    const [first, second, third] = await signInTimes(3)
    const before = sidOf(second)
    await app.signIn({
      ...(second ? { browser: second } : {}),
      username: user.username,
      parameters: { prompt: 'login' },
    })
    expect(sidOf(second)).toBe(before)
    expect(await alive([first, second, third])).toEqual([true, true, true])
  })

  it('signing in at a browser whose session has expired makes one, and none of the others need go', async () => {
    const [first] = await signInTimes(1)
    await server.wait(1801)
    const others = await signInTimes(2)
    await app.signIn({ ...(first ? { browser: first } : {}), username: user.username })
    expect(await alive([...others, first])).toEqual([true, true, true])
  })

  it('is each user’s own', async () => {
    const someone = await server.createUser()
    const mine = await signInTimes(3)
    for (let i = 0; i < 4; i++) await signIn(someone.username)
    expect(await alive(mine)).toEqual([true, true, true])
    expect(await sessionsOf(someone)).toBe(3)
  })

  it('another user at the same browser has one more, and the one before one less', async () => {
    const [mine, ...others] = await signInTimes(3)
    const someone = await server.createUser()
    await app.signIn({
      ...(mine ? { browser: mine } : {}),
      username: someone.username,
      parameters: { prompt: 'login' },
    })
    expect([await sessionsOf(user), await sessionsOf(someone)]).toEqual([2, 1])
    await signIn()
    expect(await alive(others)).toEqual([true, true])
  })
})

describe('a limit that changes', () => {
  it('lowered: nobody is put out at once, and the next login ends all that are too many', async () => {
    await limitTo(0)
    const browsers = await signInTimes(5)
    await limitTo(2)
    expect(await alive(browsers)).toEqual([true, true, true, true, true])
    const latest = await signIn()
    expect(await alive([...browsers, latest])).toEqual([false, false, false, false, true, true])
    for (const browser of browsers.slice(0, 4)) expect(await session(browser)).toMatchObject({ end_reason: 'limit' })
  })

  it('raised, or taken away: counts at once (keycloak#46879, keycloak#48040)', async () => {
    await limitTo(1)
    const [first] = await signInTimes(1)
    await limitTo(2)
    const second = await signIn()
    await limitTo(0)
    const more = await signInTimes(3)
    expect(await alive([first, second, ...more])).toEqual([true, true, true, true, true])
  })

  it('of one leaves only the latest', async () => {
    await limitTo(1)
    const browsers = await signInTimes(3)
    expect(await alive(browsers)).toEqual([false, false, true])
  })
})

describe('MAX_SESSIONS_PER_USER with deny_new', () => {
  beforeEach(() => limitTo(2, 'deny_new'))
  const attempt = async (word = password) => {
    const browser = server.browser()
    const form = await browser.open(app.request().url)
    return { browser, form, page: await browser.submit(form, { username: user.username, password: word }) }
  }
  const rows = () => server.db.query('select id from sessions where user_id = $1', [user.id])

  it('refuses the login beyond it with a page that says so, makes nothing, ends nothing, and audits it', async () => {
    const browsers = await signInTimes(2)
    const before = await rows()
    const { browser, page } = await attempt()
    expect(page.status).toBe(403)
    expect(parse(page.body).error).toMatch(/signed in on as many devices/i)
    expect(parse(page.body).forms[0]?.fields['username']).toBe(user.username)
    expect([cookieOf(browser, 'sso'), await rows()]).toEqual([undefined, before])
    expect(await alive(browsers)).toEqual([true, true])
    const events = await server.db.query(
      `select type, outcome, actor from audit_events where user_id = $1 and reason = 'session_limit'`,
      [user.id],
    )
    expect(events).toEqual([{ type: 'login.failed', outcome: 'failure', actor: `user:${user.id}` }])
  })

  it('tells it to nobody who does not know the password', async () => {
    await signInTimes(2)
    const { page } = await attempt('wrong')
    expect(page.status).toBe(401)
    expect(page.body).not.toMatch(/many devices/)
  })

  it('lets in again once there is room, by the same page', async () => {
    const [first] = await signInTimes(2)
    const { browser, page } = await attempt()
    if (first) await first.submit(await first.open('/logout'), {})
    const again = await browser.submit(page, { username: user.username, password })
    expect(answerOf(again)).toHaveProperty('code')
  })

  it('does not count sessions that have expired', async () => {
    await signInTimes(2)
    await server.wait(1801)
    expect(answerOf((await attempt()).page)).toHaveProperty('code')
  })

  it('does not keep someone from proving again who they are', async () => {
    const [first] = await signInTimes(2)
    const before = sidOf(first)
    const parameters = { prompt: 'login' }
    const { code } = await app.signIn({ ...(first ? { browser: first } : {}), username: user.username, parameters })
    expect(code).not.toBe('')
    expect(sidOf(first)).toBe(before)
  })

  it('lowered: refuses until there is room, and ends nothing', async () => {
    await setPolicy()
    const browsers = await signInTimes(3)
    await limitTo(2, 'deny_new')
    expect((await attempt()).page.status).toBe(403)
    expect(await alive(browsers)).toEqual([true, true, true])
    await server.admin('DELETE', `/sessions/${sidOf(browsers[0])}`)
    expect((await attempt()).page.status).toBe(403)
    await server.admin('DELETE', `/sessions/${sidOf(browsers[1])}`)
    expect(answerOf((await attempt()).page)).toHaveProperty('code')
  })

  it('the same form sent twice at once takes one place: both are let in, by one session', async () => {
    for (let round = 0; round < 5; round++) {
      user = await server.createUser()
      await signIn()
      const browser = server.browser()
      const form = await browser.open(app.request().url)
      const pages = await Promise.all(
        Array.from({ length: 2 }, () => browser.clone().submit(form, { username: user.username, password })),
      )
      expect(pages.map(({ status }) => status)).toEqual([303, 303])
      expect(await sessionsOf(user)).toBe(2)
    }
  })
})
