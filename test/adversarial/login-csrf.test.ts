import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Browser, Page } from '../support/browser.ts'
import { answerOf, asksForPassword, claimsOf, cookieOf, fetchRaw } from '../support/front-channel.ts'
import { parse } from '../support/html.ts'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: TestClient
let careful: TestClient
let attacker: { id: string; username: string }
let victim: { id: string; username: string }
let theirs: Browser
let mine: Browser

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
  careful = await server.createClient({ skip_consent: false })
})
beforeEach(async () => {
  ;[attacker, victim] = [await server.createUser(), await server.createUser()]
  ;[theirs, mine] = [server.browser(), server.browser()]
})
afterAll(() => server.close())

const formOf = (page: Page) => parse(page.body).forms[0]?.fields ?? {}
const silently = (browser: Browser) => browser.open(app.request({ prompt: 'none' }).url)
const isSignedIn = async (browser: Browser) => answerOf(await silently(browser))?.['code'] !== undefined
const crossSite: Record<string, string>[] = [
  { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
  { origin: 'https://evil.example' },
  { origin: 'null', 'sec-fetch-site': 'cross-site' },
  { origin: 'null' },
]

describe('CWE-352: nobody is signed in to the account of another by a page elsewhere', () => {
  it('by a form with the credentials of the attacker and a page that the attacker opened', async () => {
    const page = await theirs.open(app.request().url)
    for (const headers of crossSite) {
      const answer = await mine.post('/login', { ...formOf(page), username: attacker.username, password }, headers)
      expect(answer.status).toBe(400)
      expect(answer.headers.getSetCookie()).toEqual([])
    }
    expect(await isSignedIn(mine)).toBe(false)
  })

  it('by the same form where a browser sends no headers: the cookie of the page is missing', async () => {
    const page = await theirs.open(app.request().url)
    const fields = { ...formOf(page), username: attacker.username, password }
    const response = await fetchRaw(`${server.url}/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(fields).toString(),
    })
    expect(response.status).toBe(400)
    expect(response.headers.getSetCookie()).toEqual([])
  })

  it('by a link: a GET signs nobody in', async () => {
    const page = await mine.open(app.request().url)
    const query = new URLSearchParams({ ...formOf(page), username: attacker.username, password })
    expect(asksForPassword(await mine.open(`/login?${query}`))).toBe(true)
    expect(await isSignedIn(mine)).toBe(false)
  })

  it('by a link into a page of the attacker that is signed in already', async () => {
    const page = await theirs.open(careful.request().url)
    const consent = await theirs.submit(page, { username: attacker.username, password })
    expect((await mine.open(page.url)).status).toBe(400)
    expect((await mine.open(consent.url)).status).toBe(400)
    expect(await isSignedIn(mine)).toBe(false)
  })
})

describe('CVE-2026-7507: nobody signs in to a page that someone else opened (keycloak#49111)', () => {
  it('a victim who follows the link of the attacker signs in nowhere', async () => {
    const page = await theirs.open(app.request().url)
    const opened = await mine.open(page.url)
    expect(opened.status).toBe(400)
    expect(parse(opened.body).forms).toEqual([])
    expect((await mine.submit(page, { username: victim.username, password })).status).toBe(400)
    expect(asksForPassword(await theirs.open(page.url))).toBe(true)
  })

  it('and where the attacker could plant the cookie of that page, gains nothing: the session is the browser’s', async () => {
    const page = await theirs.open(app.request().url)
    const { name, value } = cookieOf(theirs, 'tx-') ?? { name: '', value: '' }
    mine.jar.set(name, value)
    const done = await mine.submit(await mine.open(page.url), { username: victim.username, password })
    expect(answerOf(done)).toHaveProperty('code')
    expect(await isSignedIn(theirs)).toBe(false)
    expect(asksForPassword(await theirs.open(page.url))).toBe(true)
  })
})

describe('CWE-384: a session cannot be prepared for someone else', () => {
  it('a planted session of the attacker ends when the victim signs in, and the sid is new', async () => {
    await app.signIn({ browser: theirs, username: attacker.username })
    const planted = cookieOf(theirs, 'sso') ?? { name: '', value: '' }
    mine.jar.set(planted.name, planted.value)
    const { id_token: token } = await app.tokens({
      browser: mine,
      username: victim.username,
      parameters: { prompt: 'login' },
    })
    expect(claimsOf(token)['sub']).toBe(victim.id)
    expect(claimsOf(token)['sid']).not.toBe(planted.value.split('.')[0])
    expect(cookieOf(mine, 'sso')?.value).not.toBe(planted.value)
    expect(await isSignedIn(theirs)).toBe(false)
    expect(await isSignedIn(mine)).toBe(true)
  })

  it('an invented cookie is never taken over', async () => {
    const { name } = cookieOf((await app.signIn({ username: attacker.username })).browser, 'sso') ?? { name: '' }
    const invented = `01a1fc44-126e-7255-b56e-a507823a4399.${'A'.repeat(43)}`
    mine.jar.set(name, invented)
    await app.signIn({ browser: mine, username: victim.username })
    expect(cookieOf(mine, 'sso')?.value).not.toContain('01a1fc44-126e-7255-b56e-a507823a4399')
    theirs.jar.set(name, invented)
    expect(await isSignedIn(theirs)).toBe(false)
  })

  it('the cookie before signing in is not the one after it', async () => {
    await mine.open(app.request().url)
    const before = new Set(mine.jar.values())
    await app.signIn({ browser: mine, username: victim.username })
    expect(before.has(cookieOf(mine, 'sso')?.value ?? '')).toBe(false)
  })

  it('the session that a page made is not handed to another person who uses the same page', async () => {
    const page = await mine.open(app.request().url)
    await mine.submit(page, { username: victim.username, password })
    const first = cookieOf(mine, 'sso')
    const copy = mine.clone()
    copy.jar.delete(first?.name ?? '')
    await copy.submit(page, { username: attacker.username, password })
    expect(cookieOf(copy, 'sso')?.value.split('.')[0]).not.toBe(first?.value.split('.')[0])
    expect(await isSignedIn(mine)).toBe(true)
  })
})

describe('CWE-352: nobody consents, or signs out, by a page elsewhere', () => {
  it('consent', async () => {
    await app.signIn({ browser: mine, username: victim.username })
    const consent = await mine.open(careful.request().url)
    for (const headers of crossSite) {
      const answer = await mine.submit(consent, { decision: 'approve' }, headers)
      expect(answer.status).toBe(400)
      expect(answer.location).toBeUndefined()
    }
    expect(await server.db.query('select from consents where user_id = $1', [victim.id])).toEqual([])
  })

  it('consent by a link', async () => {
    await app.signIn({ browser: mine, username: victim.username })
    const consent = await mine.open(careful.request().url)
    const query = new URLSearchParams({ ...formOf(consent), decision: 'approve' })
    expect((await mine.request(`/consent?${query}`)).location).toBeUndefined()
    expect(await server.db.query('select from consents where user_id = $1', [victim.id])).toEqual([])
  })

  it('signing out', async () => {
    await app.signIn({ browser: mine, username: victim.username })
    const page = await mine.open('/logout')
    for (const headers of crossSite) expect((await mine.submit(page, {}, headers)).status).toBe(400)
    await mine.post('/logout', { client_id: app.clientId }, crossSite[0])
    await mine.open('/logout?confirm=true')
    expect(await isSignedIn(mine)).toBe(true)
  })

  it('a cross-site POST to /authorize cannot use the session without the browser coming back by GET', async () => {
    await app.signIn({ browser: mine, username: victim.username })
    const fields = Object.fromEntries(new URL(app.request().url).searchParams)
    const page = await mine.post('/authorize', fields, crossSite[0])
    expect(page.location?.origin).toBe(server.url)
    expect(page.location?.searchParams.get('code')).toBeNull()
  })
})

it('a code belongs to the request that it answers: another nonce, verifier or client does not fit', async () => {
  const { code } = await app.signIn({ browser: theirs, username: attacker.username })
  const { verifier } = await app.signIn({ browser: mine, username: victim.username })
  expect((await app.exchange(code, verifier)).body).toMatchObject({ error: 'invalid_grant' })
})
