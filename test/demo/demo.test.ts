import { mkdtempSync } from 'node:fs'
import { readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Demo, startDemo } from '../../src/demo/start.ts'
import { memorablePassword } from '../../src/demo/words.ts'
import { Browser, type Page } from '../support/browser.ts'
import { decode, parse } from '../support/html.ts'
import { freePort } from '../support/ports.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let demo: Demo
let dataDir: string

beforeAll(async () => {
  server = await startServer()
  dataDir = mkdtempSync(path.join(tmpdir(), 'falconer-demo-'))
  demo = await start()
})

afterAll(async () => {
  await demo.close()
  await server.close()
  await rm(dataDir, { recursive: true, force: true })
})

const start = async (port?: number, issuer = server.url) =>
  startDemo({ issuer, port: port ?? (await freePort()), dataDir, tools: server.server.tools })

/** A person with one browser, which keeps the cookies of the two sites apart. */
class Visitor {
  readonly demo: Browser
  readonly issuer: Browser
  page: Page | undefined

  constructor(at: Demo = demo) {
    this.demo = new Browser(at.url)
    this.issuer = new Browser(server.url)
  }

  async open(url: string) {
    this.page = await this.demo.open(url)
    return this.page
  }

  /** Presses the button of the form that posts to `action`. */
  async press(action: string, extra: Record<string, string> = {}) {
    const form = parse(this.page?.body ?? '').forms.find((form) => form.action === action)
    if (!form) throw new Error(`no button ${action} on the page: ${this.page?.body.slice(0, 300)}`)
    this.page = await this.demo.follow(await this.demo.post(action, { ...form.fields, ...extra }))
    return this.page
  }

  /** Through the pages of the issuer, up to the way back. */
  async askIssuer(how: { password?: string; decision?: string; offline?: boolean } = {}) {
    await this.open('/')
    await this.press('/login', how.offline ? { offline: 'on' } : {})
    let page = await this.issuer.open(this.page?.location?.href ?? '')
    if (page.body.includes('id="password"'))
      page = await this.issuer.submit(page, { username: demo.username, password: how.password ?? demo.password })
    if (page.body.includes('id="approve"'))
      page = await this.issuer.submit(page, { decision: how.decision ?? 'approve' })
    return page
  }

  async logIn(how: { decision?: string; offline?: boolean } = {}) {
    const { location } = await this.askIssuer(how)
    return this.open(location?.href ?? '')
  }

  /** What a person reads. */
  get text() {
    const words = (this.page?.body ?? '')
      .replace(/<(p|h\d|div|pre|span class="line")\b/g, '\n<$1')
      .replace(/<[^>]*>/g, '')
    return decode(words)
  }

  get verdict() {
    return decode(/class="verdict[^>]*>(.*?)<\/p>/s.exec(this.page?.body ?? '')?.[1]?.replace(/<[^>]*>/g, '|') ?? '')
  }
}

const auditCount = async () =>
  Number((await server.db.query<{ n: string }>('select count(*) as n from audit_events'))[0]?.n)

describe('the demo app', () => {
  it('sends its visitor to the issuer and comes back signed in, with the tokens shown', async () => {
    const visitor = new Visitor()
    const first = await visitor.open('/')
    expect(first.body).toContain('Log in')
    expect(first.body).not.toContain(demo.password)
    await visitor.logIn()
    expect(visitor.page?.url).toBe(`${demo.url}/`)
    expect(visitor.text).toContain('Hello, Dana Demo')
    expect(visitor.text).toContain(demo.username)
    for (const claim of [
      '"iss"',
      '"sub"',
      '"nonce"',
      '"at_hash"',
      '"client_id": "demo"',
      '"scope": "openid profile email notes:read"',
    ])
      expect(visitor.text).toContain(claim)
    expect(visitor.text).toMatch(/(5 min|4 min \d+ s) left/)
    expect(visitor.text).toMatch(/"exp": \d+,.*UTC, in /)
  })

  it('calls its API, which checks the token by itself', async () => {
    const visitor = new Visitor()
    await visitor.logIn()
    await visitor.press('/call-api')
    expect(visitor.verdict).toContain('The API answered')
    expect(visitor.text).toMatch(/GET \/api\/notes .*200/)
    expect(visitor.text).toContain('"read_by"')
  })

  it('refreshes, and shows that the token rotated', async () => {
    const visitor = new Visitor()
    await visitor.logIn()
    await visitor.press('/refresh')
    expect(visitor.verdict).toContain('New tokens')
    const [, before, after] = /rotated: (\S+) is spent, (\S+) is its successor/.exec(visitor.verdict) ?? []
    expect(before).toMatch(/^flc_rt_/)
    expect(after).not.toBe(before)
    expect(visitor.text).toMatch(/POST \/token .*200/)
    await visitor.press('/call-api')
    expect(visitor.verdict).toContain('The API answered')
  })

  it('revokes its access token and is refused by the API at once with the same token, until it refreshes', async () => {
    const visitor = new Visitor()
    await visitor.logIn()
    await visitor.press('/revoke')
    const [, ms] = /Refused (\d+) ms after the revocation/.exec(visitor.verdict) ?? []
    expect(Number(ms)).toBeLessThan(1000)
    expect(visitor.text).toMatch(/POST \/revoke .*200/)
    expect(visitor.text).toMatch(/GET \/api\/notes .*401/)
    expect(visitor.text).toMatch(/WWW-Authenticate: Bearer .*error="invalid_token"/)
    await visitor.press('/call-api')
    expect(visitor.verdict).toContain('The API refused with 401')
    await visitor.press('/refresh')
    await visitor.press('/call-api')
    expect(visitor.verdict).toContain('The API answered')
  })

  it('revokes its whole grant; a refresh is then refused in words', async () => {
    const visitor = new Visitor()
    await visitor.logIn()
    await visitor.press('/revoke-grant')
    expect(visitor.verdict).toContain('Nothing of this grant works any more')
    await visitor.press('/refresh')
    expect(visitor.verdict).toContain('The issuer answered 400')
    expect(visitor.verdict).toContain('invalid_grant: The refresh token is not valid')
  })

  it('notices when an administrator ends the session', async () => {
    const visitor = new Visitor()
    await visitor.logIn()
    const sid = /"sid": "([^"]+)"/.exec(visitor.text)?.[1]
    const { body } = await server.admin('POST', '/revocations', { session_id: sid }, { prefer: 'wait=10' })
    expect(body).toMatchObject({ enforced: 'all' })
    await visitor.press('/call-api')
    expect(visitor.verdict).toContain('The API refused with 401')
  })

  it('logs out here and at the issuer', async () => {
    const visitor = new Visitor()
    await visitor.logIn()
    await visitor.press('/logout')
    const location = visitor.page?.location
    expect(location?.origin).toBe(server.url)
    expect(location?.searchParams.get('id_token_hint')).toMatch(/^eyJ/)
    const back = await visitor.issuer.open(location?.href ?? '')
    expect(back.location?.href).toBe(`${demo.url}/signed-out`)
    await visitor.open(back.location?.href ?? '')
    expect(visitor.text).toContain('You are signed out')
    await visitor.press('/login')
    expect((await visitor.issuer.open(visitor.page?.location?.href ?? '')).body).toContain('id="password"')
  })

  it('asks for offline access only when told to', async () => {
    const visitor = new Visitor()
    await visitor.logIn({ offline: true })
    expect(visitor.text).toContain('notes:read offline_access')
    expect(visitor.text).toContain('it outlives your session')
  })

  it('says in words that the person did not allow it', async () => {
    const other = new Visitor()
    // Consent is remembered: it is withdrawn for this test.
    await server.db.query('delete from consents')
    await other.logIn({ decision: 'deny' })
    expect(other.page?.status).toBe(400)
    expect(other.text).toContain('Not signed in')
    expect(other.text).toContain('access_denied')
  })
})

describe('the forms of the demo', () => {
  it.each(['/login', '/call-api', '/refresh', '/revoke', '/revoke-grant', '/logout'])(
    '%s does nothing without the token of the session',
    async (action) => {
      const visitor = new Visitor()
      await visitor.logIn()
      for (const csrf of ['', 'x'.repeat(43)]) {
        const page = await visitor.demo.post(action, { csrf })
        expect(page.status).toBe(403)
        expect(page.body).toContain('Nothing was done')
      }
      await visitor.open('/')
      await visitor.press('/call-api')
      expect(visitor.verdict).toContain('The API answered')
    },
  )

  it('keep their session in an opaque cookie that scripts and other sites do not get', async () => {
    const page = await new Visitor().open('/')
    expect(page.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^demo-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax$/),
    ])
    expect(page.headers.get('content-security-policy')).toContain(`default-src 'none'`)
    expect(page.headers.get('cache-control')).toBe('no-store')
  })

  it('get another session at login', async () => {
    const visitor = new Visitor()
    await visitor.open('/')
    const before = [...visitor.demo.jar.values()]
    await visitor.logIn()
    expect([...visitor.demo.jar.values()]).not.toEqual(before)
  })
})

describe('the way back from the issuer', () => {
  it('is closed to a login that another browser began', async () => {
    const one = new Visitor()
    await one.open('/')
    await one.press('/login')
    const state = one.page?.location?.searchParams.get('state') ?? ''
    const two = new Visitor()
    await two.open('/')
    const page = await two.open(`/callback?${new URLSearchParams({ code: 'x', state, iss: server.url })}`)
    expect(page.status).toBe(400)
    expect(two.text).toContain('This login was not begun here')
  })

  it('is closed to the answer of another issuer', async () => {
    const visitor = new Visitor()
    await visitor.open('/')
    await visitor.press('/login')
    const state = visitor.page?.location?.searchParams.get('state') ?? ''
    await visitor.open(`/callback?${new URLSearchParams({ code: 'x', state, iss: 'https://other.example' })}`)
    expect(visitor.page?.status).toBe(400)
    expect(visitor.text).toContain('The answer of the issuer was not accepted')
  })

  it('tells what the issuer said about a code that it does not know', async () => {
    const visitor = new Visitor()
    await visitor.open('/')
    await visitor.press('/login')
    const state = visitor.page?.location?.searchParams.get('state') ?? ''
    await visitor.open(`/callback?${new URLSearchParams({ code: 'x', state, iss: server.url })}`)
    expect(visitor.text).toContain('The authorization code is not valid')
    expect(visitor.text).toContain('invalid_grant')
  })
})

describe('the API of the demo', () => {
  const call = (token?: string) =>
    fetch(`${demo.url}/api/notes`, { headers: token ? { authorization: `Bearer ${token}` } : {} })

  it('refuses without a token, and with one that is not for it', async () => {
    expect((await call()).status).toBe(401)
    expect((await call('garbage')).status).toBe(401)
    const { username } = await server.createUser()
    const client = await server.createClient()
    const { access_token: foreign } = await client.tokens({ username })
    const answer = await call(foreign)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"')
  })

  it('refuses a token for it that lacks the scope', async () => {
    const { username } = await server.createUser()
    const client = await server.createClient()
    const { access_token: narrow } = await client.tokens({
      username,
      parameters: { resource: 'https://notes.demo.example' },
    })
    const answer = await call(narrow)
    expect(answer.status).toBe(403)
    expect(answer.headers.get('www-authenticate')).toContain('error="insufficient_scope"')
  })
})

describe('starting the demo', () => {
  it('makes a password that nobody knows, and keeps it for its owner alone', async () => {
    expect(demo.password).toMatch(/^[a-z]+-[a-z]+-[a-z]+-[1-9]\d$/)
    expect(new Set(Array.from({ length: 100 }, memorablePassword)).size).toBe(100)
    const file = path.join(dataDir, 'demo.json')
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readFile(file, 'utf8')).toContain(demo.password)
  })

  it('changes nothing the second time, and keeps the password', async () => {
    const port = Number(new URL(demo.url).port)
    await demo.close()
    const before = await auditCount()
    demo = await start(port)
    expect(await auditCount()).toBe(before)
    expect((await new Visitor().logIn()).body).toContain('Hello, Dana Demo')
  })

  it('writes audit events for what it registers', async () => {
    const rows = await server.db.query<{ type: string }>(
      `select distinct type from audit_events where actor = 'system:config'`,
    )
    expect(rows.map(({ type }) => type)).toEqual(
      expect.arrayContaining(['client.created', 'resource.created', 'user.created']),
    )
  })

  it.each([
    ['is gone', undefined],
    ['is damaged', '{"password":"short"}'],
  ])('makes a new password when the file %s, and follows to another port', async (_, content) => {
    const old = demo.password
    const file = path.join(dataDir, 'demo.json')
    await demo.close()
    await (content === undefined ? rm(file) : writeFile(file, content))
    demo = await start()
    expect(demo.password).not.toBe(old)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect((await new Visitor().askIssuer({ password: old })).status).toBe(401)
    const { location } = await new Visitor().askIssuer()
    expect(location?.href).toMatch(new RegExp(`^${demo.url}/callback[?].*code=`))
  })

  it('answers on one host name only', async () => {
    const url = demo.url.replace('127.0.0.1', 'localhost')
    const answer = await fetch(url, { redirect: 'manual' }).catch(() => undefined)
    if (answer) expect(answer.headers.get('location')).toBe(`${demo.url}/`)
  })

  it('says so when the issuer does not answer', async () => {
    const dead = await start(undefined, `http://localhost:${await freePort()}`)
    const visitor = new Visitor(dead)
    await visitor.open('/')
    await visitor.press('/login')
    expect(visitor.page?.status).toBe(500)
    expect(visitor.text).toContain('The issuer does not answer')
    await dead.close()
  })
})
