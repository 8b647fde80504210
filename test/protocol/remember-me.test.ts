import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Browser, Page } from '../support/browser.ts'
import { answerOf, asksForPassword, cookieOf } from '../support/front-channel.ts'
import { parse } from '../support/html.ts'
import { password, startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { claimsOf, isActive } from '../support/tokens.ts'

const day = 86_400
let server: TestServer
let app: TestClient
let username: string
beforeAll(async () => {
  server = await startServer({ REMEMBER_ME: 'true' })
  app = await server.createClient()
})
beforeEach(async () => {
  await setPolicy()
  ;({ username } = await server.createUser())
})
afterAll(() => server.close())

/** Starts and stops an instance with other settings: the last one to start decides, for all of them. */
const setPolicy = async (changed: Record<string, string> = {}) => (await server.another(changed)).close()

interface SignIn {
  readonly browser?: Browser
  readonly remember?: string
  readonly parameters?: Record<string, string>
  readonly at?: TestServer
  /** What happens while the page is being filled in. */
  readonly meanwhile?: () => Promise<void>
}

/** Fills in the sign-in page and ticks the box, or leaves it; what the form was answered, and where that led. */
async function signIn({ at = server, remember, parameters, browser = at.browser(), meanwhile }: SignIn = {}) {
  const request = app.request(parameters)
  const shown = await browser.open(request.url.replace(server.url, at.url))
  const { action = '', fields: all = {} } = parse(shown.body).forms[0] ?? {}
  const { remember_me: _, ...fields } = all
  await meanwhile?.()
  const box = remember === undefined ? {} : { remember_me: remember }
  const sent = await browser.post(
    new URL(action, shown.url).href,
    { ...fields, username, password, ...box },
    { origin: server.url },
  )
  const page = await browser.follow(sent)
  return { browser, shown, sent, page, code: answerOf(page)?.['code'] ?? '', verifier: request.verifier }
}

const remembered = (options: SignIn = {}) => signIn({ remember: 'on', ...options })
const tokensOf = async ({ code, verifier }: { code: string; verifier: string }, client = app): Promise<Tokens> =>
  (await client.exchange(code, verifier)).body
const sidOf = (browser: Browser) => cookieOf(browser, 'sso')?.value.split('.')[0] ?? ''
const hasBox = ({ body }: Page) => /<input[^>]*id="remember-me"/.test(body)
const isTicked = ({ body }: Page) => /<input(?=[^>]*id="remember-me")[^>]*\schecked/.test(body)
const sessionCookie = ({ headers }: Page) => headers.getSetCookie().find((line) => line.startsWith('sso'))
const maxAgeOf = (page: Page) => Number(/; Max-Age=(\d+);/.exec(sessionCookie(page) ?? '')?.[1])
const shown = async (browser: Browser) => (await server.admin('GET', `/sessions/${sidOf(browser)}`)).body
/** A silent request: it counts as use. */
const isSignedIn = async (browser: Browser) =>
  answerOf(await browser.open(app.request({ prompt: 'none' }).url))?.['code'] !== undefined

describe('the box on the sign-in page', () => {
  it('is there, with its label, when REMEMBER_ME is on, and not ticked beforehand', async () => {
    const page = await server.browser().open(app.request().url)
    expect(page.body).toMatch(/<input(?=[^>]*type="checkbox")(?=[^>]*id="remember-me")[^>]*name="remember_me"/)
    expect(page.body).toMatch(/<label[^>]*for="remember-me"/)
    expect(isTicked(page)).toBe(false)
  })

  it.each<[Record<string, string>, boolean]>([
    [{ REMEMBER_ME: 'false' }, false],
    [{ REMEMBER_ME: '' }, false],
    [{ REMEMBER_ME: '', REMEMBER_ME_IDLE_SECONDS: '600' }, true],
    [{ REMEMBER_ME: '', REMEMBER_ME_MAX_SECONDS: '600' }, true],
    [{ REMEMBER_ME: 'false', REMEMBER_ME_MAX_SECONDS: '600' }, false],
    [{ REMEMBER_ME: '', COMPLIANCE_PROFILE: 'pci' }, false],
  ])('with %j: %s', async (changed, isOffered) => {
    const other = await server.another(changed)
    const page = await other.browser().open(app.request().url.replace(server.url, other.url))
    expect([asksForPassword(page), hasBox(page)]).toEqual([true, isOffered])
    await other.close()
  })

  it('keeps its tick when the password was wrong', async () => {
    const wrong = async (box: Record<string, string>) => {
      const browser = server.browser()
      const page = await browser.open(app.request().url)
      const { action = '', fields: all = {} } = parse(page.body).forms[0] ?? {}
      const { remember_me: _, ...fields } = all
      return browser.post(new URL(action, page.url).href, { ...fields, username, password: 'wrong', ...box })
    }
    expect(isTicked(await wrong({ remember_me: 'on' }))).toBe(true)
    expect(isTicked(await wrong({}))).toBe(false)
  })

  it('is not offered to someone who only has to prove again who they are', async () => {
    const { browser } = await signIn()
    const page = await browser.open(app.request({ prompt: 'login' }).url)
    expect([asksForPassword(page), hasBox(page)]).toEqual([true, false])
  })
})

describe('ticked', () => {
  it('the cookie outlives the browser, for as long as the session may live', async () => {
    const { sent, browser } = await remembered()
    expect(sessionCookie(sent)).toMatch(
      /^sso-\d+=[0-9a-f-]{36}\.[\w-]{43}; Max-Age=2592000; Path=\/; HttpOnly; SameSite=Lax$/,
    )
    expect(await shown(browser)).toMatchObject({ remembered: true, alive: true })
  })

  it('lives 14 days without use, and 30 whatever happens', async () => {
    const [used, unused] = [await remembered(), await remembered()]
    await server.wait(13.9 * day)
    expect(await isSignedIn(used.browser)).toBe(true)
    await server.wait(0.2 * day)
    expect(await isSignedIn(unused.browser)).toBe(false)
    await server.wait(13 * day)
    expect(await isSignedIn(used.browser)).toBe(true)
    await server.wait(2.8 * day)
    expect(await isSignedIn(used.browser)).toBe(true)
    await server.wait(0.2 * day)
    expect(await isSignedIn(used.browser)).toBe(false)
  })

  it('REMEMBER_ME_IDLE_SECONDS and REMEMBER_ME_MAX_SECONDS say how long', async () => {
    await setPolicy({ REMEMBER_ME_IDLE_SECONDS: '4000', REMEMBER_ME_MAX_SECONDS: '9000' })
    const { sent, browser } = await remembered()
    expect(maxAgeOf(sent)).toBe(9000)
    for (const wait of [3900, 3900]) {
      await server.wait(wait)
      expect(await isSignedIn(browser)).toBe(true)
    }
    await server.wait(1201)
    expect(await isSignedIn(browser)).toBe(false)
  })

  it.each(['true', '1', '', 'off', 'ON'])('the form sends "on": %j is nothing', async (remember) => {
    const { sent, browser } = await signIn({ remember })
    expect(sessionCookie(sent)).not.toContain('Max-Age')
    expect(await shown(browser)).toMatchObject({ remembered: false })
  })

  it('an access of an app lives as long as the session allows, not half an hour', async () => {
    const tokens = await tokensOf(await remembered())
    await server.wait(13 * day)
    const { status, body } = await app.refresh(tokens.refresh_token)
    expect(status).toBe(200)
    await server.wait(13 * day)
    expect(await isActive(app, body.refresh_token)).toBe(true)
    await server.wait(4 * day)
    expect((await app.refresh(body.refresh_token)).status).toBe(400)
  })

  it.each<[string, Record<string, string>, Record<string, number>]>([
    ['REFRESH_IDLE_SECONDS', { REFRESH_IDLE_SECONDS: '3000' }, {}],
    ['session_idle_seconds of the client', {}, { session_idle_seconds: 3000 }],
  ])('unless %s says less', async (_, changed, metadata) => {
    await setPolicy(changed)
    const client = await server.createClient(metadata)
    const { browser } = await remembered()
    const tokens = await client.tokens({ browser, parameters: { prompt: 'none' } })
    await server.wait(2900)
    const { status, body } = await client.refresh(tokens.refresh_token)
    expect(status).toBe(200)
    await server.wait(3001)
    expect((await client.refresh(body.refresh_token)).status).toBe(400)
    expect(await isSignedIn(browser)).toBe(true)
  })
})

describe('not ticked', () => {
  it('the cookie goes with the browser, and the ordinary limits hold', async () => {
    const { sent, browser } = await signIn()
    expect(sessionCookie(sent)).not.toContain('Max-Age')
    expect(await shown(browser)).toMatchObject({ remembered: false })
    await server.wait(1801)
    expect(await isSignedIn(browser)).toBe(false)
  })
})

describe('off', () => {
  it('a form that sends the box all the same gets nothing by it', async () => {
    const other = await server.another({ REMEMBER_ME: 'false' })
    const { sent, browser } = await remembered({ at: other })
    expect(sent.status).toBe(303)
    expect(sessionCookie(sent)).not.toContain('Max-Age')
    await server.wait(1801)
    expect(await isSignedIn(browser)).toBe(false)
    await other.close()
  })

  it('holds at once at an instance that was started before, also for a page that still shows the box', async () => {
    const { shown: page, sent, browser } = await remembered({ meanwhile: () => setPolicy({ REMEMBER_ME: 'false' }) })
    expect(hasBox(page)).toBe(true)
    expect(hasBox(await server.browser().open(app.request().url))).toBe(false)
    expect(sessionCookie(sent)).not.toContain('Max-Age')
    expect(await shown(browser)).toMatchObject({ remembered: false })
  })

  it('holds remembered sessions, and what hangs on them, to the ordinary limits at once (GHSA-64w3-5q9m-68xf)', async () => {
    const [fresh, idle] = [await remembered(), await remembered()]
    const [freshTokens, idleTokens] = [await tokensOf(fresh), await tokensOf(idle)]
    await server.wait(1700)
    expect(await isSignedIn(fresh.browser)).toBe(true)
    expect((await app.refresh(freshTokens.refresh_token)).status).toBe(200)
    await server.wait(200)
    await setPolicy({ REMEMBER_ME: 'false' })
    expect(await isSignedIn(idle.browser)).toBe(false)
    expect((await app.refresh(idleTokens.refresh_token)).status).toBe(400)
    expect(await isActive(app, idleTokens.access_token)).toBe(false)
    expect(await shown(idle.browser)).toMatchObject({ alive: false, ended_at: null })
    expect(await isSignedIn(fresh.browser)).toBe(true)
  })

  it('ends one that is older than SESSION_MAX_SECONDS, however lately it was used', async () => {
    const { browser } = await remembered()
    await server.wait(35_900)
    expect(await isSignedIn(browser)).toBe(true)
    await server.wait(200)
    expect(await isSignedIn(browser)).toBe(true)
    await setPolicy({ REMEMBER_ME: 'false' })
    expect(await isSignedIn(browser)).toBe(false)
  })
})

describe('proving again who one is', () => {
  it('keeps the memory, the sid and the end, and changes the secret', async () => {
    const { browser } = await remembered()
    const [before, cookie] = [await shown(browser), cookieOf(browser, 'sso')]
    await server.wait(5 * day)
    const { sent } = await signIn({ browser, parameters: { prompt: 'login' } })
    const after = await shown(browser)
    expect(after).toMatchObject({ sid: before['sid'], remembered: true, expires_at: before['expires_at'] })
    expect(cookieOf(browser, 'sso')).not.toEqual(cookie)
    expect(maxAgeOf(sent)).toBeLessThanOrEqual(25 * day)
    expect(maxAgeOf(sent)).toBeGreaterThan(25 * day - 60)
  })

  it('does not make a session remembered that was not, whatever the form says', async () => {
    const { browser } = await signIn()
    const before = await shown(browser)
    const { sent } = await remembered({ browser, parameters: { prompt: 'login' } })
    expect(sessionCookie(sent)).not.toContain('Max-Age')
    expect(await shown(browser)).toMatchObject({
      sid: before['sid'],
      remembered: false,
      expires_at: before['expires_at'],
    })
  })

  it('after REMEMBER_ME was switched off makes an ordinary session of it, and the cookie goes with the browser', async () => {
    const { browser } = await remembered()
    await setPolicy({ REMEMBER_ME: 'false' })
    const { sent } = await signIn({ browser, parameters: { prompt: 'login' } })
    expect(sessionCookie(sent)).not.toContain('Max-Age')
    await server.wait(1801)
    expect(await isSignedIn(browser)).toBe(false)
  })
})

it('the next person at the browser gets what that person asked for', async () => {
  const first = await remembered()
  const firstSid = claimsOf((await tokensOf(first)).id_token).sid
  ;({ username } = await server.createUser())
  const { sent, browser } = await signIn({ browser: first.browser, parameters: { prompt: 'login' } })
  expect(sidOf(browser)).not.toBe(firstSid)
  expect(sessionCookie(sent)).not.toContain('Max-Age')
  expect(await shown(browser)).toMatchObject({ remembered: false })
})
