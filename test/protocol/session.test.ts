import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser } from '../support/browser.ts'
import { answerOf, asksForPassword, claimsOf, cookieOf, fetchRaw } from '../support/front-channel.ts'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: TestClient
let username: string

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
  ;({ username } = await server.createUser())
})
afterAll(() => server.close())

const signedIn = async (): Promise<Browser> => (await app.signIn({ username })).browser
/** Whether the browser's session is alive: a request that may ask nothing gets a code. This counts as activity. */
const isSignedIn = async (browser: Browser) =>
  answerOf(await browser.open(app.request({ prompt: 'none' }).url))?.['code'] !== undefined
const sidOf = (browser: Browser) => cookieOf(browser, 'sso')?.value.split('.')[0] ?? ''
const rowOf = async (browser: Browser) =>
  (await server.db.query<Record<string, unknown>>('select * from sessions where id = $1', [sidOf(browser)]))[0]
const explained = async (browser: Browser) => (await server.admin('GET', `/sessions/${sidOf(browser)}`)).body
/** Asks with exactly these cookies. */
const answerTo = async (cookie: string) => {
  const response = await fetchRaw(app.request({ prompt: 'none' }).url, { headers: { cookie } })
  return Object.fromEntries(new URL(response.headers.get('location') ?? '').searchParams)
}

describe('a session ends when it is idle', () => {
  it('after SESSION_IDLE_SECONDS, by the clock of the database, and not before', async () => {
    const [early, late] = [await signedIn(), await signedIn()]
    await server.wait(1795)
    expect(await isSignedIn(early)).toBe(true)
    await server.wait(6)
    expect(await isSignedIn(late)).toBe(false)
    expect(await isSignedIn(early)).toBe(true)
  })

  it('and each use begins the time anew, up to SESSION_MAX_SECONDS', async () => {
    const browser = await signedIn()
    for (let used = 0; used < 35_000; used += 1750) {
      expect(await isSignedIn(browser)).toBe(true)
      await server.wait(1750)
    }
    expect(await isSignedIn(browser)).toBe(true)
    await server.wait(1001)
    expect(await isSignedIn(browser)).toBe(false)
  })

  it('the setting of another instance does not lengthen a session that exists', async () => {
    const browser = await signedIn()
    const generous = await server.another({ SESSION_IDLE_SECONDS: '86400' })
    await server.wait(1801)
    const url = app.request({ prompt: 'none' }).url.replace(server.url, generous.url)
    const { name, value } = cookieOf(browser, 'sso') ?? { name: '', value: '' }
    const response = await fetchRaw(url, { headers: { cookie: `${name}=${value}` } })
    await generous.close()
    expect(response.headers.get('location')).toContain('login_required')
    // The last instance to start decides.
    await (await server.another()).close()
  })

  it('a refresh counts as use, reading does not (keycloak#38608)', async () => {
    const active = await app.tokens({ username })
    const passive = await app.tokens({ username })
    await server.wait(1700)
    expect((await app.refresh(active.refresh_token)).status).toBe(200)
    await fetch(`${server.url}/userinfo`, { headers: { authorization: `Bearer ${passive.access_token}` } })
    await app.post('/introspect', { token: passive.refresh_token })
    await passive.browser.open('/logout')
    await server.wait(150)
    expect(await isSignedIn(active.browser)).toBe(true)
    expect(await isSignedIn(passive.browser)).toBe(false)
  })
})

describe('a session is used through its grants', () => {
  it('and ends to the second after the last refresh, wherever that was', async () => {
    const { browser, refresh_token } = await app.tokens({ username })
    const other = await app.tokens({ browser })
    await server.wait(1700)
    expect((await app.refresh(refresh_token)).status).toBe(200)
    await server.wait(1790)
    expect((await app.refresh(other.refresh_token)).status).toBe(400) // itself unused for too long
    expect(await explained(browser)).toMatchObject({ alive: true })
    await server.wait(11)
    expect(await isSignedIn(browser)).toBe(false)
  })

  it('also through one that has ended since', async () => {
    const { browser, refresh_token } = await app.tokens({ username })
    await server.wait(1700)
    const { body } = await app.refresh(refresh_token)
    await app.post('/revoke', { token: body.refresh_token })
    await server.wait(150)
    expect(await isSignedIn(browser)).toBe(true)
  })

  it('whose refresh keeps the others alive', async () => {
    const { browser, refresh_token } = await app.tokens({ username })
    const quiet = await server.createClient({ refresh_counts_as_activity: false })
    const other = await quiet.tokens({ browser })
    let current = refresh_token
    let others = other.refresh_token
    for (let use = 0; use < 5; use++) {
      await server.wait(1000)
      current = (await app.refresh(current)).body.refresh_token
      const { status, body } = await quiet.refresh(others)
      expect([status, Number(claimsOf(body.access_token).exp) - Number(claimsOf(body.access_token).iat)]).toEqual([
        200, 300,
      ])
      others = body.refresh_token
    }
    await server.wait(1700)
    const { body } = await quiet.refresh(others)
    const { exp, iat } = claimsOf(body.access_token)
    // Nobody refreshed what counts: the token ends with the session.
    expect(Number(exp) - Number(iat)).toBeLessThanOrEqual(100)
    expect(Number(exp) - Number(iat)).toBeGreaterThanOrEqual(97)
    const again = await quiet.refresh(others)
    expect(claimsOf(again.body.access_token).exp).toBe(exp)
    await server.wait(101)
    expect((await quiet.refresh(body.refresh_token)).status).toBe(400)
    expect(current).not.toBe('')
  })
})

describe('what a browser does is written at most once a minute, so its session may end early and never late', () => {
  it('does not write what is younger than the interval', async () => {
    const browser = await signedIn()
    const before = (await rowOf(browser))?.['last_seen_at']
    await server.wait(50)
    expect(await isSignedIn(browser)).toBe(true)
    expect((await rowOf(browser))?.['last_seen_at']).toEqual(before)
    await server.wait(11)
    expect(await isSignedIn(browser)).toBe(true)
    expect((await rowOf(browser))?.['last_seen_at']).not.toEqual(before)
  })

  it('ends by what was written, not by what was seen', async () => {
    const browser = await signedIn()
    await server.wait(50)
    expect(await isSignedIn(browser)).toBe(true)
    await server.wait(1751)
    expect(await isSignedIn(browser)).toBe(false)
  })

  it('does not bring back a session that has ended', async () => {
    const browser = await signedIn()
    await server.wait(1801)
    expect(await isSignedIn(browser)).toBe(false)
    const seen = (await rowOf(browser))?.['last_seen_at']
    expect(await isSignedIn(browser)).toBe(false)
    expect((await rowOf(browser))?.['last_seen_at']).toEqual(seen)
  })
})

describe('the session cookie', () => {
  it('on plain loopback http is HttpOnly, Lax, for this host and until the browser closes', async () => {
    const { browser, page } = { browser: server.browser(), page: app.request().url }
    const form = await browser.open(page)
    const { tx, csrf } = Object.fromEntries(
      [...form.body.matchAll(/name="(tx|csrf)" value="([^"]*)"/g)].map(([, n, v]) => [n, v]),
    )
    const answer = await browser.post('/login', { tx: tx ?? '', csrf: csrf ?? '', username, password })
    expect(answer.status).toBe(303)
    const port = new URL(server.url).port
    expect(answer.headers.getSetCookie()).toEqual([
      expect.stringMatching(new RegExp(`^sso-${port}=[0-9a-f-]{36}\\.[\\w-]{43}; Path=/; HttpOnly; SameSite=Lax$`)),
    ])
  })

  it('RFC 6265bis §4.1.3.2: over https has the __Host- prefix and is Secure, without a Domain', async () => {
    const https = await startServer({ ISSUER: 'https://login.example.com' })
    const client = await https.createClient()
    const user = await https.createUser()
    const browser = https.browser()
    const begun = await browser.request(client.request().url)
    const form = await browser.follow(begun)
    const fields = Object.fromEntries(
      [...form.body.matchAll(/name="(tx|csrf)" value="([^"]*)"/g)].map(([, n, v]) => [n, v ?? '']),
    )
    const origin = { origin: 'https://login.example.com' }
    const answer = await browser.post('/login', { ...fields, username: user.username, password }, origin)
    await https.close()
    expect(begun.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^__Host-tx-[\w-]{8}=[\w-]{22}; Max-Age=5400; Path=\/; HttpOnly; Secure; SameSite=Lax$/),
    ])
    expect(answer.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^__Host-sso=[0-9a-f-]{36}\.[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Lax$/),
    ])
    expect(answer.headers.get('strict-transport-security')).toMatch(/^max-age=\d{8,}/)
  })

  it('is stored as a hash, and never logged', async () => {
    const browser = await signedIn()
    const secret = cookieOf(browser, 'sso')?.value.split('.')[1] ?? ''
    const tables = ['sessions', 'audit_events', 'login_transactions', 'authorization_codes']
    const rows = await Promise.all(
      tables.map((table) => server.db.query(`select row_to_json(t)::text as t from ${table} t`)),
    )
    const hex = Buffer.from(secret, 'base64url').toString('hex')
    for (const text of [JSON.stringify(rows), JSON.stringify(server.log)]) {
      expect(text).not.toContain(secret)
      expect(text).not.toContain(hex)
    }
  })

  it('is ignored when it comes twice, in either order: a neighbour may have planted one', async () => {
    const [mine, theirs] = [await signedIn(), await signedIn()].map((browser) => cookieOf(browser, 'sso'))
    const [a, b] = [`${mine?.name}=${mine?.value}`, `${theirs?.name}=${theirs?.value}`]
    expect(await answerTo(a)).toHaveProperty('code')
    for (const cookie of [`${a}; ${b}`, `${b}; ${a}`, `${a}; ${a}`]) {
      expect(await answerTo(cookie)).toMatchObject({ error: 'login_required' })
    }
  })

  it('of an unknown id is never adopted: signing in makes an id of the server', async () => {
    const browser = server.browser()
    const planted = '01a1fc44-126e-7255-b56e-a507823a4399'
    browser.jar.set(`sso-${new URL(server.url).port}`, `${planted}.${'A'.repeat(43)}`)
    expect(await isSignedIn(browser)).toBe(false)
    const { id_token: token } = await app.tokens({ browser, username })
    expect(claimsOf(token)['sid']).not.toBe(planted)
    expect(sidOf(browser)).toBe(claimsOf(token)['sid'])
  })

  it('of a living session does not pass with another secret', async () => {
    const browser = await signedIn()
    const { name } = cookieOf(browser, 'sso') ?? { name: '' }
    const sid = sidOf(browser)
    for (const value of [`${sid}.${'A'.repeat(43)}`, `${sid}.`, sid, `${sid}.undefined`, `.${'A'.repeat(43)}`])
      expect(await answerTo(`${name}=${value}`)).toMatchObject({ error: 'login_required' })
  })

  it.each([
    ['10 kB', 'x'.repeat(10_000)],
    ['SQL', `' or 1=1 --`],
    ['an upper-case id', '01A1FC44-126E-7255-B56E-A507823A4399.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'],
    ['percent escapes', '%00%zz'],
    ['many dots', '.'.repeat(500)],
    ['quotes', '"a.b"'],
  ])('that is %s is nobody', async (_, value) => {
    expect(await answerTo(`sso-${new URL(server.url).port}=${value}`)).toMatchObject({ error: 'login_required' })
  })
})

describe('a session that has ended answers exactly like one that never was', () => {
  const traces = async (cookie: string) => {
    const answers = [app.request({ prompt: 'none' }).url, app.request().url, `${server.url}/logout`]
    return Promise.all(
      answers.map(async (url) => {
        const response = await fetchRaw(url, { headers: { cookie } })
        const location = (response.headers.get('location') ?? '').replaceAll(/(state|tx)=[^&]*/g, '')
        const cookies = response.headers.getSetCookie().map((line) => line.replaceAll(/tx-[^;]*/g, ''))
        return { status: response.status, location, cookies, body: await response.text() }
      }),
    )
  }
  const endings: [string, (browser: Browser) => Promise<unknown>][] = [
    ['by signing out', async (browser) => browser.submit(await browser.clone().open('/logout'), {})],
    ['by an administrator', (browser) => server.admin('DELETE', `/sessions/${sidOf(browser)}`)],
    ['by being idle', () => server.wait(1801)],
    ['by its age', () => server.wait(36_001)],
  ]

  it.each(endings)('%s', async (_, end) => {
    const browser = await signedIn()
    const { name, value } = cookieOf(browser, 'sso') ?? { name: '', value: '' }
    await end(browser)
    const missing = await traces(`${name}=01a1fc44-126e-7255-b56e-a507823a4399.${'A'.repeat(43)}`)
    expect(await traces(`${name}=${value}`)).toEqual(missing)
  })

  it('by disabling its user, and enabling again does not bring it back', async () => {
    const user = await server.createUser()
    const { browser } = await app.signIn({ username: user.username })
    await server.admin('POST', `/users/${user.id}/disable`)
    expect(await isSignedIn(browser)).toBe(false)
    await server.admin('POST', `/users/${user.id}/enable`)
    expect(await isSignedIn(browser)).toBe(false)
    expect(asksForPassword(await browser.open(app.request().url))).toBe(true)
  })

  it('by a new password that an administrator sets', async () => {
    const user = await server.createUser()
    const { browser } = await app.signIn({ username: user.username })
    await server.admin('POST', `/users/${user.id}/password`, { password: 'another long password' })
    expect(await isSignedIn(browser)).toBe(false)
  })

  it('by ending everything', async () => {
    const browser = await signedIn()
    await server.admin('POST', '/revocations', { all: true })
    expect(await isSignedIn(browser)).toBe(false)
    expect(await isSignedIn(await signedIn())).toBe(true)
  })

  it('and is not opened by signing in again: that makes a new one', async () => {
    const browser = await signedIn()
    const before = sidOf(browser)
    await server.admin('DELETE', `/sessions/${before}`)
    await app.signIn({ browser, username })
    expect(sidOf(browser)).not.toBe(before)
  })
})
