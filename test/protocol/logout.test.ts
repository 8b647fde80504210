import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser, Page } from '../support/browser.ts'
import { answerOf, asksForPassword, claimsOf, cookieOf, fetchRaw, lastReason } from '../support/front-channel.ts'
import { parse } from '../support/html.ts'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: TestClient
let username: string
const back = 'https://app.example.com/goodbye'

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient({ post_logout_redirect_uris: [back, `${back}?from=falconer`] })
  ;({ username } = await server.createUser())
})
afterAll(() => server.close())

const logoutUrl = (parameters: Record<string, string> = {}) => `/logout?${new URLSearchParams(parameters)}`
const isSignedIn = async (browser: Browser) =>
  answerOf(await browser.open(app.request({ prompt: 'none' }).url))?.['code'] !== undefined
const asksToConfirm = (page: Page) => page.body.includes('id="confirm-logout"')
const isSignedOutPage = (page: Page) => page.status === 200 && page.body.includes('You are signed out')
const signIn = (parameters: Record<string, string> = {}) => app.tokens({ username, parameters })

describe('OpenID Connect RP-Initiated Logout §2: with a valid id_token_hint', () => {
  it('ends the session without asking, clears the cookie, and goes back with the state', async () => {
    const { browser, id_token: hint } = await signIn()
    const page = await browser.request(
      logoutUrl({ id_token_hint: hint, post_logout_redirect_uri: back, state: 'a b&c' }),
    )
    expect(page.status).toBe(303)
    expect(page.location?.href).toBe(`${back}?state=a+b%26c`)
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(page.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^sso-\d+=; Max-Age=0; Path=\/; HttpOnly; SameSite=Lax$/),
    ])
    expect(await isSignedIn(browser)).toBe(false)
  })

  it('adds the state to a query that the URI has', async () => {
    const { browser, id_token: hint } = await signIn()
    const uri = `${back}?from=falconer`
    const page = await browser.request(logoutUrl({ id_token_hint: hint, post_logout_redirect_uri: uri, state: 's' }))
    expect(page.location?.href).toBe(`${uri}&state=s`)
  })

  it('works by POST from the site of the client, which brings no cookie', async () => {
    const { browser, id_token: hint } = await signIn()
    const page = await server
      .browser()
      .post(
        '/logout',
        { id_token_hint: hint, post_logout_redirect_uri: back },
        { origin: 'https://app.example.com', 'sec-fetch-site': 'cross-site' },
      )
    expect(page.location?.href).toBe(back)
    expect(await isSignedIn(browser)).toBe(false)
  })

  it('works without any cookie: the session that its sid names ends', async () => {
    const { browser, id_token: hint } = await signIn()
    expect(isSignedOutPage(await server.browser().open(logoutUrl({ id_token_hint: hint })))).toBe(true)
    expect(await isSignedIn(browser)).toBe(false)
  })

  it('accepts one that has expired', async () => {
    const short = await server.createClient({ post_logout_redirect_uris: [back] })
    const { browser, id_token: hint } = await short.tokens({ username })
    await server.wait(1700)
    await isSignedIn(browser)
    await server.wait(1700)
    await isSignedIn(browser)
    await server.wait(1700)
    expect(Number(claimsOf(hint)['exp'])).toBeLessThan(await now())
    const page = await browser.request(logoutUrl({ id_token_hint: hint, post_logout_redirect_uri: back }))
    expect(page.location?.href).toBe(back)
    expect(await isSignedIn(browser)).toBe(false)
  })

  it('goes back as well when the session has ended before', async () => {
    const { browser, id_token: hint } = await signIn()
    for (let time = 0; time < 2; time++) {
      const page = await browser.request(logoutUrl({ id_token_hint: hint, post_logout_redirect_uri: back }))
      expect(page.location?.href).toBe(back)
    }
  })

  it('ends the session that it names and leaves another one of this browser alone', async () => {
    const { id_token: hint, browser: elsewhere } = await signIn()
    const { browser } = await signIn()
    const before = cookieOf(browser, 'sso')
    await browser.open(logoutUrl({ id_token_hint: hint }))
    expect(cookieOf(browser, 'sso')).toEqual(before)
    expect(await isSignedIn(browser)).toBe(true)
    expect(await isSignedIn(elsewhere)).toBe(false)
  })

  it('shows the page of the server when no URI was sent', async () => {
    const { browser, id_token: hint } = await signIn()
    expect(isSignedOutPage(await browser.open(logoutUrl({ id_token_hint: hint })))).toBe(true)
  })

  const now = async () =>
    (await server.db.query<{ t: number }>('select extract(epoch from clock_now())::float8 as t'))[0]?.t ?? 0
})

describe('without one, the person is asked: anybody can place a link', () => {
  it('asks, and a GET alone ends nothing', async () => {
    const { browser } = await signIn()
    const page = await browser.open(logoutUrl())
    expect(asksToConfirm(page)).toBe(true)
    expect(page.body).toContain(username)
    expect(await isSignedIn(browser)).toBe(true)
  })

  it('ends the session once confirmed, and goes back with the state', async () => {
    const { browser } = await signIn()
    const parameters = { client_id: app.clientId, post_logout_redirect_uri: back, state: 'x"y' }
    const page = await browser.submit(await browser.open(logoutUrl(parameters)), {})
    expect(page.location?.href).toBe(`${back}?state=x%22y`)
    expect(cookieOf(browser, 'sso')).toBeUndefined()
    expect(asksForPassword(await browser.open(app.request().url))).toBe(true)
  })

  it('asks after a POST too, on a page that has the cookie', async () => {
    const { browser } = await signIn()
    const parameters = { client_id: app.clientId, post_logout_redirect_uri: back, state: 's' }
    const posted = await server.browser().post('/logout', parameters, { origin: 'https://app.example.com' })
    expect(posted.status).toBe(303)
    expect(posted.location?.origin).toBe(server.url)
    const page = await browser.follow(posted)
    expect(asksToConfirm(page)).toBe(true)
    expect((await browser.submit(page, {})).location?.href).toBe(`${back}?state=s`)
    expect(await isSignedIn(browser)).toBe(false)
  })

  it('says goodbye without asking when nobody is signed in', async () => {
    expect(isSignedOutPage(await server.browser().open(logoutUrl()))).toBe(true)
    const page = await server.browser().request(logoutUrl({ client_id: app.clientId, post_logout_redirect_uri: back }))
    expect(page.location?.href).toBe(back)
  })

  it('carries no value into the form that is not one of its own', async () => {
    const { browser } = await signIn()
    const page = await browser.open(logoutUrl({ client_id: app.clientId, id: 'x', ui_locales: 'de' }))
    expect(Object.keys(parse(page.body).forms[0]?.fields ?? {}).sort()).toEqual(['client_id', 'csrf'])
  })

  it.each<[string, Record<string, string>, Record<string, string>, string]>([
    ['from another site', {}, { origin: 'https://evil.example' }, 'cross_site_post'],
    ['from an opaque origin', {}, { origin: 'null' }, 'cross_site_post'],
    ['without the token of the form', { csrf: '' }, {}, 'csrf_token'],
    ['with a wrong token', { csrf: 'A'.repeat(43) }, {}, 'csrf_token'],
  ])('refuses a confirmation %s', async (_, fields, headers, reason) => {
    const { browser } = await signIn()
    const page = await browser.submit(await browser.open(logoutUrl()), fields, headers)
    expect(page.status).toBe(400)
    expect(lastReason(server)).toBe(reason)
    expect(await isSignedIn(browser)).toBe(true)
  })

  it('refuses the token of another session', async () => {
    const [{ browser: mine }, { browser: theirs }] = [await signIn(), await signIn()]
    const csrf = parse((await theirs.open(logoutUrl())).body).forms[0]?.fields['csrf'] ?? ''
    expect((await mine.post('/logout/confirm', { csrf })).status).toBe(400)
    expect(await isSignedIn(mine)).toBe(true)
  })
})

describe('a hint that is not valid counts as none: the person is asked', () => {
  it.each<[string, (token: string) => string]>([
    ['garbage', () => 'garbage'],
    ['a changed signature', (token) => `${token.slice(0, -8)}AAAAAAAA`],
    [
      'a changed payload',
      (token) => token.replace(/\.[^.]+\./, `.${Buffer.from('{"sub":"x"}').toString('base64url')}.`),
    ],
    [
      'alg none',
      (token) => `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${token.split('.')[1]}.`,
    ],
  ])('%s', async (_, forge) => {
    const { browser, id_token: token } = await signIn()
    const page = await browser.open(
      logoutUrl({ id_token_hint: forge(token), post_logout_redirect_uri: back, client_id: app.clientId }),
    )
    expect(page.body).toContain('id="confirm-logout"')
    expect(page.location).toBeUndefined()
    expect(await isSignedIn(browser)).toBe(true)
  })

  it('an access token', async () => {
    const { browser, access_token: token } = await signIn()
    expect((await browser.open(logoutUrl({ id_token_hint: token }))).body).toContain('id="confirm-logout"')
    expect(await isSignedIn(browser)).toBe(true)
  })

  it('one of another client than client_id says', async () => {
    const other = await server.createClient({ post_logout_redirect_uris: ['https://other.example.com/bye'] })
    const { browser, id_token: hint } = await signIn()
    const page = await browser.open(logoutUrl({ id_token_hint: hint, client_id: other.clientId }))
    expect(page.status).toBe(400)
    expect(await isSignedIn(browser)).toBe(true)
  })
})

describe('post_logout_redirect_uri is followed only as registered for the client that is known', () => {
  it.each<[string, Record<string, string>]>([
    ['without a client', { post_logout_redirect_uri: back }],
    ['for an unknown client', { post_logout_redirect_uri: back, client_id: 'nobody' }],
    ['of another site', { post_logout_redirect_uri: 'https://evil.example/', client_id: 'APP' }],
    ['with something behind it', { post_logout_redirect_uri: `${back}/x`, client_id: 'APP' }],
    [
      'that is only registered for signing in',
      { post_logout_redirect_uri: 'https://app.example.com/callback', client_id: 'APP' },
    ],
  ])('not %s', async (_, parameters) => {
    const url = logoutUrl({ ...parameters, ...(parameters['client_id'] === 'APP' ? { client_id: app.clientId } : {}) })
    const { browser } = await signIn()
    for (const who of [server.browser(), browser]) {
      const page = await who.open(url)
      expect(page.location).toBeUndefined()
      if (asksToConfirm(page)) expect((await who.submit(page, {})).location).toBeUndefined()
    }
  })

  it('checks again what the confirmation page carried', async () => {
    const { browser } = await signIn()
    const page = await browser.open(logoutUrl({ client_id: app.clientId, post_logout_redirect_uri: back }))
    const answer = await browser.submit(page, { post_logout_redirect_uri: 'https://evil.example/' })
    expect(answer.location).toBeUndefined()
  })

  it('is refused when it comes twice', async () => {
    const url = `${server.url}/logout?client_id=${app.clientId}&post_logout_redirect_uri=${back}&post_logout_redirect_uri=${back}`
    expect((await server.browser().request(url)).status).toBe(400)
  })
})

describe('what signing out ends', () => {
  it('the session with its online tokens, at once, and not the offline ones (keycloak#44888)', async () => {
    const { browser, ...online } = await signIn()
    const offline = await app.tokens({ browser, username, parameters: { scope: 'openid offline_access' } })
    await browser.submit(await browser.open('/logout'), {})
    expect((await app.refresh(online.refresh_token)).body).toMatchObject({ error: 'invalid_grant' })
    expect((await app.post('/introspect', { token: online.access_token })).body).toEqual({ active: false })
    expect((await app.refresh(offline.refresh_token)).status).toBe(200)
  })

  it('not the sessions of the same person in other browsers', async () => {
    const [{ browser: here }, { browser: there }] = [await signIn(), await signIn()]
    await here.submit(await here.open('/logout'), {})
    expect(await isSignedIn(there)).toBe(true)
  })

  it('a code that is not redeemed yet', async () => {
    const { code, verifier, browser } = await app.signIn({ username })
    await browser.submit(await browser.open('/logout'), {})
    expect((await app.exchange(code, verifier)).body).toMatchObject({ error: 'invalid_grant' })
    expect(lastReason(server)).toBe('session_dead')
  })

  it('the cookie, even for who kept a copy', async () => {
    const { browser } = await signIn()
    const copy = browser.clone()
    await browser.submit(await browser.open('/logout'), {})
    expect(await isSignedIn(copy)).toBe(false)
  })

  it('and is written to the audit log with who did it', async () => {
    const { browser, id_token: token } = await signIn()
    await browser.submit(await browser.open('/logout'), {})
    const events = await server.db.query(
      `select actor, reason from audit_events where target_id = $1 and reason = 'logout'`,
      [claimsOf(token)['sid']],
    )
    expect(events).toEqual([{ actor: `user:${String(claimsOf(token)['sub'])}`, reason: 'logout' }])
  })
})

it.each(['HEAD', 'PUT', 'DELETE', 'OPTIONS'])('%s is no way to sign out', async (method) => {
  expect((await fetchRaw(`${server.url}/logout`, { method })).status).toBe(404)
})
