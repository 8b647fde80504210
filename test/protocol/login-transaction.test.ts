import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser, Page } from '../support/browser.ts'
import { answerOf, asksForConsent, asksForPassword, claimsOf, cookieOf, lastReason } from '../support/front-channel.ts'
import { parse } from '../support/html.ts'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: TestClient
let careful: TestClient
let username: string

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
  careful = await server.createClient({ skip_consent: false })
  ;({ username } = await server.createUser())
})
afterAll(() => server.close())

const begin = async (client = app, browser = server.browser()) => {
  const request = client.request()
  return { browser, page: await browser.open(request.url), ...request }
}
const right = () => ({ username, password })
const formOf = (page: Page) => parse(page.body).forms[0]?.fields ?? {}
const sessions = () => server.db.query('select id from sessions where revoked_at is null')

const expectRefused = (page: Page) => {
  expect(page.status).toBe(400)
  expect(page.location).toBeUndefined()
  expect(parse(page.body).forms).toEqual([])
  expect(page.headers.getSetCookie().filter((line) => line.startsWith('sso'))).toEqual([])
}

describe('a handle is worth nothing without the cookie of the browser that began (CVE-2026-7507, keycloak#49111)', () => {
  it('refuses the page and the form to a browser without any cookie', async () => {
    const { page } = await begin()
    const stranger = server.browser()
    expectRefused(await stranger.open(page.url))
    expectRefused(await stranger.submit(page, right()))
  })

  it('refuses them to a browser that has a transaction of its own', async () => {
    const { page } = await begin()
    const { browser: other } = await begin()
    expectRefused(await other.open(page.url))
    expectRefused(await other.submit(page, right()))
  })

  it('refuses the value of another transaction under the right name', async () => {
    const { page, browser } = await begin()
    const { browser: other } = await begin()
    browser.jar.set(cookieOf(browser, 'tx-')?.name ?? '', cookieOf(other, 'tx-')?.value ?? '')
    expectRefused(await browser.open(page.url))
  })

  it('ignores the cookie when it comes twice: someone planted one', async () => {
    const { page, browser } = await begin()
    const { name, value } = cookieOf(browser, 'tx-') ?? { name: '', value: '' }
    const headers = { cookie: `${name}=${value}; ${name}=${value}` }
    expectRefused(await server.browser().request(page.url, { headers }))
  })

  it('refuses a consent page in another browser, even one of the same person', async () => {
    const { browser } = await app.signIn({ username })
    const consent = await browser.open(careful.request().url)
    expect(asksForConsent(consent)).toBe(true)
    const { browser: elsewhere } = await app.signIn({ username })
    expectRefused(await elsewhere.open(consent.url))
    expectRefused(await elsewhere.submit(consent, { decision: 'approve' }))
  })

  it('stores hashes only, and logs no handle', async () => {
    const { page, browser } = await begin()
    const handle = new URL(page.url).searchParams.get('tx') ?? ''
    const stored = JSON.stringify(await server.db.query('select row_to_json(t)::text as t from login_transactions t'))
    for (const secret of [handle, cookieOf(browser, 'tx-')?.value ?? '']) {
      expect(secret.length).toBeGreaterThan(20)
      expect(stored + JSON.stringify(server.log)).not.toContain(secret)
    }
  })

  it('sets the cookie for the life of the transaction and an hour to begin anew, for this host, out of reach of scripts', async () => {
    const page = await server.browser().request(app.request().url)
    expect(page.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^tx-\d+-[\w-]{8}=[\w-]{22}; Max-Age=5400; Path=\/; HttpOnly; SameSite=Lax$/),
    ])
  })
})

describe('OWASP ASVS 3.5.1: a form that another site sends changes nothing', () => {
  const issuer = () => server.url
  it.each<[string, () => Record<string, string>, boolean]>([
    ['the origin of the server', () => ({ origin: issuer() }), true],
    ['the origin and same-origin', () => ({ origin: issuer(), 'sec-fetch-site': 'same-origin' }), true],
    ['null and same-origin', () => ({ origin: 'null', 'sec-fetch-site': 'same-origin' }), true],
    ['a foreign origin', () => ({ origin: 'https://evil.example' }), false],
    ['null alone', () => ({ origin: 'null' }), false],
    ['null and cross-site', () => ({ origin: 'null', 'sec-fetch-site': 'cross-site' }), false],
    ['the origin and cross-site', () => ({ origin: issuer(), 'sec-fetch-site': 'cross-site' }), false],
    ['the origin and same-site', () => ({ origin: issuer(), 'sec-fetch-site': 'same-site' }), false],
    ['the origin with another port', () => ({ origin: 'http://localhost:1' }), false],
    ['the origin with another scheme', () => ({ origin: issuer().replace('http:', 'https:') }), false],
    ['the origin with something behind it', () => ({ origin: `${issuer()}.evil.example` }), false],
  ])('%s', async (_, headers, isAllowed) => {
    const { page, browser } = await begin()
    const answer = await browser.submit(page, right(), headers())
    if (isAllowed) return expect(answerOf(answer)).toHaveProperty('code')
    expectRefused(answer)
    expect(lastReason(server)).toBe('cross_site_post')
  })

  it('holds for consent too', async () => {
    const { browser } = await app.signIn({ username })
    const consent = await browser.open(careful.request().url)
    expectRefused(await browser.submit(consent, { decision: 'approve' }, { origin: 'https://evil.example' }))
    expect(asksForConsent(await browser.open(careful.request().url))).toBe(true)
  })

  it('leaves the decision to the token of the form where a browser sends neither header', async () => {
    const { page, browser } = await begin()
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const send = (fields: Record<string, string>) =>
      browser.request('/login', { method: 'POST', headers, body: new URLSearchParams(fields).toString() })
    expectRefused(await send({ ...formOf(page), ...right(), csrf: 'x'.repeat(43) }))
    expect(lastReason(server)).toBe('csrf_token')
    expect(answerOf(await send({ ...formOf(page), ...right() }))).toHaveProperty('code')
  })

  it.each<[string, (other: Page) => string | undefined]>([
    ['missing', () => undefined],
    ['empty', () => ''],
    ['wrong', () => 'A'.repeat(43)],
    ['of another transaction', (other) => formOf(other)['csrf']],
  ])('a token that is %s is refused', async (_, token) => {
    const [{ page, browser }, { page: other }] = [await begin(), await begin()]
    const { csrf: _own, ...fields } = { ...formOf(page), ...right() } as Record<string, string>
    const csrf = token(other)
    expectRefused(await browser.post('/login', csrf === undefined ? fields : { ...fields, csrf }))
    expect(lastReason(server)).toBe('csrf_token')
  })

  it('a token of the sign-in form does not approve consent, nor one of another session', async () => {
    const { browser, page: login } = await begin(careful)
    const consent = await browser.submit(login, right())
    const fields = { ...formOf(consent), decision: 'approve' }
    expectRefused(await browser.post('/consent', { ...fields, csrf: formOf(login)['csrf'] ?? '' }))
    const other = await server.createUser()
    await app.signIn({ browser, username: other.username, parameters: { prompt: 'login' } })
    expectRefused(await browser.post('/consent', fields))
    expect(lastReason(server)).toBe('csrf_token')
  })
})

describe('a page that is too old', () => {
  it('says so instead of signing in, page and form alike', async () => {
    const { page, browser } = await begin()
    await server.wait(1801)
    for (const answer of [await browser.open(page.url), await browser.submit(page, right())]) {
      expectRefused(answer)
      expect(answer.body).toContain('This page has expired')
    }
  })

  it('offers to begin the same request anew, which leads where the person meant to go', async () => {
    const { page, browser, state } = await begin()
    await server.wait(1801)
    const late = await browser.submit(page, right())
    const href = /href="(\/login\/again[^"]*)"/.exec(late.body)?.[1] ?? ''
    const fresh = await browser.open(href)
    expect(asksForPassword(fresh)).toBe(true)
    expect(fresh.url).not.toBe(page.url)
    expect(answerOf(await browser.submit(fresh, right()))).toMatchObject({ code: expect.any(String), state })
    expect((await server.browser().open(href)).body).toContain('This page has expired')
  })

  it('is still good a second before, by the clock of the database', async () => {
    const { page, browser } = await begin()
    await server.wait(1795)
    expect(answerOf(await browser.submit(page, right()))).toHaveProperty('code')
  })

  it('says the same for a handle that never was', async () => {
    const { browser } = await begin()
    expect((await browser.open(`/login?tx=${'A'.repeat(43)}`)).body).toContain('This page has expired')
    expect((await browser.open('/login')).body).toContain('This page has expired')
    expect((await browser.open('/consent')).body).toContain('This page has expired')
  })

  it('does not follow a redirect URI that was removed while the page was open', async () => {
    const client = await server.createClient()
    const [{ page, browser }, { page: cancel, browser: other }] = [await begin(client), await begin(client)]
    await server.admin('PATCH', `/clients/${client.clientId}`, { redirect_uris: ['https://app.example.com/new'] })
    expectRefused(await browser.submit(page, right()))
    expectRefused(await other.submit(cancel, { action: 'cancel' }))
  })

  it('does not go on for a client that was disabled while the page was open', async () => {
    const client = await server.createClient()
    const { page, browser } = await begin(client)
    await server.admin('PATCH', `/clients/${client.clientId}`, { disabled: true })
    expectRefused(await browser.submit(page, right()))
  })
})

describe('several tabs', () => {
  const threeTabs = async () => {
    const browser = server.browser()
    const clients = [app, await server.createClient(), await server.createClient()]
    const tabs = []
    for (const client of clients) tabs.push({ client, ...(await begin(client, browser)) })
    return { browser, tabs }
  }

  it('that began before anyone signed in each go on to their own client', async () => {
    const { browser, tabs } = await threeTabs()
    const [first, second, third] = tabs
    if (!first || !second || !third) throw new Error('three tabs')
    expect(answerOf(await browser.submit(second.page, right()))).toMatchObject({ state: second.state })
    expect(answerOf(await browser.open(first.page.url))).toMatchObject({ state: first.state, code: expect.any(String) })
    const last = await browser.submit(third.page, right())
    const { body } = await third.client.exchange(last.location?.searchParams.get('code') ?? '', third.verifier)
    expect(claimsOf(body.id_token)).toMatchObject({ aud: third.client.clientId, nonce: third.nonce })
  })

  it('share one session: the second form of the same person makes no other', async () => {
    const { browser, tabs } = await threeTabs()
    const before = (await sessions()).length
    for (const { page, state } of tabs) expect(answerOf(await browser.submit(page, right()))).toMatchObject({ state })
    expect(await sessions()).toHaveLength(before + 1)
  })

  it('in which another person signs in get that person, not the one of the first tab', async () => {
    const other = await server.createUser()
    const { browser, tabs } = await threeTabs()
    const [first, second] = tabs
    if (!first || !second) throw new Error('two tabs')
    await browser.submit(first.page, right())
    const wrong = await browser.submit(second.page, { username: other.username, password: 'not the password' })
    expect(wrong.status).toBe(401)
    const page = await browser.submit(second.page, { username: other.username, password })
    const { body } = await second.client.exchange(page.location?.searchParams.get('code') ?? '', second.verifier)
    expect(claimsOf(body.id_token)['sub']).toBe(other.id)
  })

  it('are at most sixteen at once: then the oldest goes', async () => {
    const browser = server.browser()
    const { page: first } = await begin(app, browser)
    for (let i = 0; i < 17; i++) await begin(app, browser)
    expect([...browser.jar.keys()].filter((name) => name.startsWith('tx-'))).toHaveLength(16)
    expectRefused(await browser.open(first.url))
  })
})

describe('sending twice and going back', () => {
  it('a form that is sent again leads on, and makes no second session', async () => {
    const { page, browser, state } = await begin()
    const before = (await sessions()).length
    const again = browser.clone()
    await browser.submit(page, right())
    const answer = await again.submit(page, right())
    expect(answerOf(answer)).toMatchObject({ code: expect.any(String), state })
    expect(await sessions()).toHaveLength(before + 1)
  })

  it('a form that is sent eight times at once makes one session', async () => {
    for (let round = 0; round < 5; round++) {
      const { username } = await server.createUser()
      const { page, browser } = await begin()
      const before = (await sessions()).length
      const copies = Array.from({ length: 8 }, () => browser.clone())
      const answers = await Promise.all(copies.map((copy) => copy.submit(page, { username, password })))
      expect(answers.filter((answer) => answerOf(answer)?.['code'] !== undefined).length).toBeGreaterThan(0)
      expect(await sessions()).toHaveLength(before + 1)
    }
  })

  it('going back to the sign-in page after it is done leads on, with a code of its own', async () => {
    const { page, browser } = await begin()
    const first = answerOf(await browser.submit(page, right()))
    const second = answerOf(await browser.open(page.url))
    expect(second).toHaveProperty('code')
    expect(second?.['code']).not.toBe(first?.['code'])
  })

  it('going back to the sign-in page during consent leads to consent', async () => {
    const { page, browser } = await begin(careful)
    expect(asksForConsent(await browser.submit(page, right()))).toBe(true)
    expect(asksForConsent(await browser.open(page.url))).toBe(true)
    expect(asksForConsent(await browser.submit(page, right()))).toBe(true)
  })

  it('a consent page after signing out elsewhere leads to signing in', async () => {
    const { username } = await server.createUser()
    const { page, browser } = await begin(careful)
    const consent = await browser.submit(page, { username, password })
    browser.jar.delete(cookieOf(browser, 'sso')?.name ?? '')
    expect(asksForPassword(await browser.submit(consent, { decision: 'approve' }))).toBe(true)
  })

  it('signing in again on an old page after signing out makes a new session', async () => {
    const { page, browser } = await begin()
    await browser.submit(page, right())
    const before = cookieOf(browser, 'sso')?.value.split('.')[0]
    await browser.submit(await browser.open('/logout'), {})
    await browser.submit(page, right())
    const after = cookieOf(browser, 'sso')?.value.split('.')[0]
    expect(after).toEqual(expect.any(String))
    expect(after).not.toBe(before)
  })

  it('cancelling tells the client access_denied', async () => {
    const { page, browser, state } = await begin()
    expect(answerOf(await browser.submit(page, { action: 'cancel' }))).toMatchObject({ error: 'access_denied', state })
  })
})

describe('a step cannot be skipped', () => {
  const empty = async (browser: Browser, page: Page, path: string) => {
    const { tx = '', csrf = '' } = formOf(page)
    return [
      await browser.post(path, {}),
      await browser.post(path, { tx }),
      await browser.post(path, { csrf }),
      await browser.post(path, { tx, csrf }),
      await browser.post(path, { tx, csrf, username: '', password: '' }),
      await browser.post(path, { tx, csrf, username }),
      await browser.post(path, { tx, csrf, password }),
    ]
  }

  it('by an empty or half-empty sign-in form', async () => {
    const { page, browser } = await begin()
    for (const answer of await empty(browser, page, '/login')) {
      expect([400, 401]).toContain(answer.status)
      expect(answer.headers.getSetCookie().join()).not.toContain('sso')
    }
  })

  it('by answering the consent form before signing in', async () => {
    const { page, browser } = await begin(careful)
    const { tx = '', csrf = '' } = formOf(page)
    const answer = await browser.post('/consent', { tx, csrf, decision: 'approve' })
    expect((await browser.follow(answer)).body).toContain('id="password"')
  })

  it('by sending what only the server may say', async () => {
    const { page, browser } = await begin()
    const claims = { user_id: '1', sub: '1', sid: '1', stage: 'done', session_id: '1', amr: 'mfa', is_admin: 'true' }
    expect((await browser.submit(page, { username, password: 'wrong password', ...claims })).status).toBe(401)
  })
})

it('logins that are begun are counted per address, so that nobody can fill the table', async () => {
  const limited = await server.another({ RATE_LIMITS: 'login_transactions=3/60' })
  const statuses = []
  for (let i = 0; i < 5; i++) {
    const url = app.request().url.replace(server.url, limited.url)
    const page = await limited.browser().request(url)
    statuses.push(page.status)
    if (page.status === 429) expect(Number(page.headers.get('retry-after'))).toBeGreaterThan(0)
  }
  expect(statuses).toEqual([303, 303, 303, 429, 429])
  await limited.close()
})
