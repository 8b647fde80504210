import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser } from '../support/browser.ts'
import { answerOf, asksForConsent, asksForPassword, claimsOf } from '../support/front-channel.ts'
import { parse } from '../support/html.ts'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: TestClient
let careful: TestClient
let username: string

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
  careful = await server.createClient({ skip_consent: false, client_name: 'Careful App' })
  ;({ username } = await server.createUser())
})
afterAll(() => server.close())

/** A browser in which someone is signed in. */
async function signedIn(who = username): Promise<Browser> {
  const { browser, code } = await app.signIn({ username: who })
  expect(code).not.toBe('')
  return browser
}
const open = (browser: Browser, changes: Record<string, string | undefined> = {}, client = app) =>
  browser.open(client.request(changes).url)
const sidOf = async (browser: Browser, parameters = {}) =>
  claimsOf((await app.tokens({ browser, username, parameters })).id_token)['sid']

describe('one sign-in for all applications', () => {
  it('gives a second client a code without asking again, in the same session', async () => {
    const browser = await signedIn()
    const second = await server.createClient()
    const { url, verifier } = second.request()
    const page = await browser.request(url)
    expect(page.location?.origin).toBe('https://app.example.com')
    const { body } = await second.exchange(page.location?.searchParams.get('code') ?? '', verifier)
    expect(claimsOf(body.id_token)['sid']).toBe(await sidOf(browser))
  })
})

describe('OpenID Connect Core §3.1.2.1: prompt=none', () => {
  it('answers with a code when there is nothing to ask', async () => {
    expect(answerOf(await open(await signedIn(), { prompt: 'none' }))).toHaveProperty('code')
  })

  it('answers login_required without a session, and shows nothing', async () => {
    expect(answerOf(await server.browser().request(app.request({ prompt: 'none' }).url))).toMatchObject({
      error: 'login_required',
    })
  })

  it('leaves no login transaction and no cookie behind', async () => {
    const before = await server.db.query('select from login_transactions')
    const page = await server.browser().request(app.request({ prompt: 'none' }).url)
    expect(page.headers.getSetCookie()).toEqual([])
    expect(await server.db.query('select from login_transactions')).toHaveLength(before.length)
  })

  it('answers login_required for a session that is too old for max_age', async () => {
    const browser = await signedIn()
    await server.wait(100)
    expect(answerOf(await open(browser, { prompt: 'none', max_age: '99' }))).toMatchObject({ error: 'login_required' })
    expect(answerOf(await open(browser, { prompt: 'none', max_age: '110' }))).toHaveProperty('code')
  })

  it('answers consent_required when consent is missing', async () => {
    expect(answerOf(await open(await signedIn(), { prompt: 'none' }, careful))).toMatchObject({
      error: 'consent_required',
    })
  })

  it('does not change the session cookie', async () => {
    const page = await (await signedIn()).request(app.request({ prompt: 'none' }).url)
    expect(page.headers.getSetCookie()).toEqual([])
  })
})

describe('OpenID Connect Core §3.1.2.1: prompt=login', () => {
  it('asks for the password although there is a session, and again for the next request', async () => {
    const browser = await signedIn()
    for (let time = 0; time < 2; time++) {
      const page = await open(browser, { prompt: 'login' })
      expect(asksForPassword(page)).toBe(true)
      expect(answerOf(await browser.submit(page, { username, password }))).toHaveProperty('code')
    }
  })

  it('is not met by reloading the page, nor by opening the address again', async () => {
    const browser = await signedIn()
    const page = await open(browser, { prompt: 'login' })
    expect(asksForPassword(await browser.open(page.url))).toBe(true)
    expect(asksForPassword(await browser.open(page.url))).toBe(true)
  })

  it('updates auth_time and keeps the sid', async () => {
    const browser = await signedIn()
    const before = claimsOf((await app.tokens({ browser, username })).id_token)
    await server.wait(50)
    const silent = claimsOf((await app.tokens({ browser, username })).id_token)
    const after = claimsOf((await app.tokens({ browser, username, parameters: { prompt: 'login' } })).id_token)
    expect(silent['auth_time']).toBe(before['auth_time'])
    expect(Number(after['auth_time']) - Number(before['auth_time'])).toBeGreaterThanOrEqual(50)
    expect(after['sid']).toBe(before['sid'])
  })
})

describe('OpenID Connect Core §3.1.2.1: max_age', () => {
  it('lets a younger sign-in pass, and puts auth_time into the ID token', async () => {
    const browser = await signedIn()
    const { id_token: token } = await app.tokens({ browser, username, parameters: { max_age: '600' } })
    expect(claimsOf(token)['auth_time']).toEqual(expect.any(Number))
  })

  it('asks again when the sign-in is older, by the clock of the database', async () => {
    const browser = await signedIn()
    expect(asksForPassword(await open(browser, { max_age: '60' }))).toBe(false)
    await server.wait(61)
    const page = await open(browser, { max_age: '60' })
    expect(asksForPassword(page)).toBe(true)
    expect(answerOf(await browser.submit(page, { username, password }))).toHaveProperty('code')
  })

  it('of 0 is prompt=login', async () => {
    const browser = await signedIn()
    const page = await open(browser, { max_age: '0' })
    expect(asksForPassword(page)).toBe(true)
    expect(answerOf(await browser.submit(page, { username, password }))).toHaveProperty('code')
  })

  it('comes from the client when the request has none, and the request wins', async () => {
    const strict = await server.createClient({ default_max_age: 60 })
    const browser = await signedIn()
    await server.wait(61)
    expect(asksForPassword(await open(browser, {}, strict))).toBe(true)
    expect(asksForPassword(await open(browser, { max_age: '600' }, strict))).toBe(false)
  })
})

describe('OpenID Connect Core §3.1.2.1: prompt=consent and remembered consent', () => {
  it('asks once, remembers the answer, and asks again when told to', async () => {
    const { username } = await server.createUser()
    const browser = await signedIn(username)
    const first = await open(browser, {}, careful)
    expect(asksForConsent(first)).toBe(true)
    expect(first.body).toContain('Careful App')
    expect(answerOf(await browser.submit(first, { decision: 'approve' }))).toHaveProperty('code')
    expect(answerOf(await open(browser, {}, careful))).toHaveProperty('code')
    const again = await open(browser, { prompt: 'consent' }, careful)
    expect(asksForConsent(again)).toBe(true)
    expect(answerOf(await browser.submit(again, { decision: 'approve' }))).toHaveProperty('code')
  })

  it('asks again when the scope grows, not when it shrinks, and then for the sum of both', async () => {
    const { username } = await server.createUser()
    const browser = await signedIn(username)
    await careful.signIn({ browser, username, parameters: { scope: 'openid profile' } })
    expect(asksForConsent(await open(browser, { scope: 'openid' }, careful))).toBe(false)
    expect(asksForConsent(await open(browser, { scope: 'openid email' }, careful))).toBe(true)
    await careful.signIn({ browser, username, parameters: { scope: 'openid email' } })
    expect(asksForConsent(await open(browser, { scope: 'openid profile email' }, careful))).toBe(false)
  })

  it('is of one person: another one is asked for herself', async () => {
    const [one, two] = [await server.createUser(), await server.createUser()]
    await careful.signIn({ username: one.username })
    expect(asksForConsent(await open(await signedIn(two.username), {}, careful))).toBe(true)
  })

  it('names offline access, and every scope', async () => {
    const page = await open(await signedIn(), { scope: 'openid email offline_access' }, careful)
    expect(page.body).toContain('after you sign out')
    expect(page.body).toContain('<code>email</code>')
  })

  it('denied: the client hears access_denied, and the next request asks again', async () => {
    const browser = await signedIn()
    const { url, state } = careful.request()
    const page = await browser.submit(await browser.open(url), { decision: 'deny' })
    expect(answerOf(page)).toMatchObject({ error: 'access_denied', state, iss: server.url })
    expect(answerOf(page)).not.toHaveProperty('code')
    expect(asksForConsent(await browser.open(careful.request().url))).toBe(true)
  })

  it('without a decision: the page stays', async () => {
    const browser = await signedIn()
    const page = await browser.open(careful.request().url)
    expect(asksForConsent(await browser.submit(page, {}))).toBe(true)
    expect(asksForConsent(await browser.submit(page, { decision: 'whatever' }))).toBe(true)
  })

  it('skip_consent skips the question, but not prompt=consent', async () => {
    expect(asksForConsent(await open(await signedIn(), { prompt: 'consent' }))).toBe(true)
  })

  it('prompt=login consent asks for both', async () => {
    const browser = await signedIn()
    const page = await open(browser, { prompt: 'login consent' })
    const second = await browser.submit(page, { username, password })
    expect(asksForConsent(second)).toBe(true)
    expect(answerOf(await browser.submit(second, { decision: 'approve' }))).toHaveProperty('code')
  })
})

describe('OpenID Connect Core §3.1.2.1: prompt=select_account', () => {
  it('shows the sign-in page, where another person may sign in', async () => {
    const other = await server.createUser()
    const browser = await signedIn()
    const page = await open(browser, { prompt: 'select_account' })
    expect(asksForPassword(page)).toBe(true)
    const { verifier, url } = app.request({ prompt: 'select_account' })
    const done = await browser.submit(await browser.open(url), { username: other.username, password })
    const { body } = await app.exchange(done.location?.searchParams.get('code') ?? '', verifier)
    expect(claimsOf(body.id_token)['sub']).toBe(other.id)
  })
})

describe('OpenID Connect Core §3.1.2.1: id_token_hint', () => {
  it('of the person who is signed in changes nothing, even when it has expired', async () => {
    const browser = await signedIn()
    const { id_token: hint } = await app.tokens({ browser, username })
    await server.wait(1500)
    expect(answerOf(await open(browser, { id_token_hint: hint, prompt: 'none' }))).toHaveProperty('code')
    await server.wait(1500)
    await server.wait(1000)
    const later = await signedIn()
    expect(answerOf(await open(later, { id_token_hint: hint, prompt: 'none' }))).toHaveProperty('code')
  })

  it('of someone else asks for the password, and with prompt=none answers login_required', async () => {
    const other = await server.createUser()
    const { id_token: hint } = await app.tokens({ username: other.username })
    const browser = await signedIn()
    expect(answerOf(await open(browser, { id_token_hint: hint, prompt: 'none' }))).toMatchObject({
      error: 'login_required',
    })
    const page = await open(browser, { id_token_hint: hint })
    expect(asksForPassword(page)).toBe(true)
    // Signing in as the wrong person again does not meet it.
    expect(asksForPassword(await browser.submit(page, { username, password }))).toBe(true)
    const done = await browser.submit(page, { username: other.username, password })
    expect(answerOf(done)).toHaveProperty('code')
  })
})

describe('OpenID Connect Core §3.1.2.1: login_hint', () => {
  it('fills in the name and says nothing about whether there is such a person', async () => {
    const [known, unknown] = await Promise.all(
      [username, 'nobody@example.com'].map(async (hint) =>
        server.browser().open(app.request({ login_hint: hint }).url),
      ),
    )
    expect(parse(known?.body ?? '').forms[0]?.fields['username']).toBe(username)
    expect(parse(unknown?.body ?? '').forms[0]?.fields['username']).toBe('nobody@example.com')
    const shape = (body = '') => body.replaceAll(/value="[^"]*"/g, '')
    expect(shape(known?.body)).toBe(shape(unknown?.body))
  })

  it('does not pass a session of someone else off as the hinted person: the session decides', async () => {
    expect(answerOf(await open(await signedIn(), { login_hint: 'nobody@example.com' }))).toHaveProperty('code')
  })
})

describe('OpenID Connect Core §5.5.1.1: acr', () => {
  const essential = (...values: string[]) => JSON.stringify({ id_token: { acr: { essential: true, values } } })

  it('that is essential and reached is met', async () => {
    const claims = essential('phr', 'urn:falconer:acr:1fa')
    const { id_token: token } = await app.tokens({ username, parameters: { claims } })
    expect(claimsOf(token)).toMatchObject({ acr: 'urn:falconer:acr:1fa', amr: ['pwd'] })
  })

  it.each([
    ['one that no method reaches', 'urn:falconer:acr:2fa'],
    ['one that nobody knows', 'gold'],
  ])('that is essential and cannot be reached is refused at once: %s', async (_, acr) => {
    for (const browser of [server.browser(), await signedIn()]) {
      expect(answerOf(await open(browser, { claims: essential(acr) }))).toMatchObject({
        error: 'unmet_authentication_requirements',
      })
    }
  })

  it('that is only wished for, by claims or acr_values, never stands in the way', async () => {
    const claims = JSON.stringify({ id_token: { acr: { values: ['phr'] } } })
    expect(answerOf(await open(await signedIn(), { claims, acr_values: 'phr gold' }))).toHaveProperty('code')
  })
})
