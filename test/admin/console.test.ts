import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createActivityReader } from '../../src/admin/activity.ts'
import type { Browser, Page } from '../support/browser.ts'
import { parse } from '../support/html.ts'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: TestClient
beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
})
afterAll(() => server.close())

/** A browser in which somebody with this role has signed in to the console. */
async function visitor(role: string): Promise<{ id: string; username: string; browser: Browser }> {
  const user = await server.createUser()
  if (role !== '') await server.admin('PUT', `/administrators/${user.id}`, { role })
  const browser = server.browser()
  const page = await browser.submit(await browser.open('/admin'), { username: user.username, password })
  expect(page.status, page.body).toBe(role === '' ? 403 : 200)
  return { ...user, browser }
}

/** Somebody who is signed in to the app. */
async function signedIn() {
  const user = await server.createUser()
  const { refresh_token: refreshToken } = await app.tokens({ username: user.username })
  const { body } = await server.admin<{ items: { sid: string }[] }>('GET', `/sessions?user_id=${user.id}`)
  return { ...user, refreshToken, sid: body.items[0]?.sid ?? '' }
}

/** The token of the forms that the console shows in this browser. */
function csrfOf({ jar }: Browser): string {
  const [session = ''] = [...jar].find(([name]) => name.startsWith('sso'))?.[1].split('.') ?? []
  return server.server.tools.csrf.issue(`console:${session}`)
}
const isAlive = async (sid: string): Promise<boolean> =>
  (await server.admin<{ alive: boolean }>('GET', `/sessions/${sid}`)).body.alive
const formWith = (page: Page, action: string) => parse(page.body).forms.find((form) => form.action === action)
/** Sends the form of a page that leads to `action`. */
async function answer(browser: Browser, page: Page, action: string, fields: Record<string, string> = {}) {
  const form = formWith(page, action)
  if (!form) throw new Error(`no form to ${action} on the page (${page.status}): ${page.body.slice(0, 400)}`)
  return browser.follow(await browser.post(action, { ...form.fields, ...fields }, { referer: page.url }))
}

describe('the door of the console', () => {
  it('is the sign-in page, and leads on to the page that was asked for', async () => {
    const { username, id } = await server.createUser()
    await server.admin('PUT', `/administrators/${id}`, { role: 'viewer' })
    const browser = server.browser()
    const login = await browser.open('/admin/users?query=some')
    expect(login.url).toContain('/login?tx=')
    expect(login.body).toContain('Falconer administration')
    const page = await browser.submit(login, { username, password })
    expect(page.url).toBe(`${server.url}/admin/users?query=some`)
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).not.toContain('script')
    expect(page.headers.get('cache-control')).toBe('no-store')
  })

  it('is open to those with a role only, as it is now', async () => {
    const nobody = await visitor('')
    expect((await nobody.browser.open('/admin')).body).toContain(nobody.username)
    const somebody = await visitor('viewer')
    await server.admin('DELETE', `/administrators/${somebody.id}`)
    expect((await somebody.browser.open('/admin')).status).toBe(403)
  })

  it('lets somebody else in who is asked for', async () => {
    const nobody = await visitor('')
    const other = await server.createUser()
    await server.admin('PUT', `/administrators/${other.id}`, { role: 'viewer' })
    const login = await nobody.browser.open('/admin/sign-in')
    const page = await nobody.browser.submit(login, { username: other.username, password })
    expect(page.url).toBe(`${server.url}/admin`)
    expect(page.body).toContain(other.username)
  })

  it('says so when the sign-in was left', async () => {
    const browser = server.browser()
    const login = await browser.open('/admin')
    const [, aside] = parse(login.body).forms
    const page = await browser.follow(await browser.post('/login', { ...aside?.fields, action: 'cancel' }))
    expect(page.status).toBe(403)
    expect(page.body).toContain('/admin/sign-in')
  })

  it.each([
    'https://evil.example.com',
    '//evil.example.com',
    '/\\evil.example.com',
    '/administrator',
    '/admin/\r\nx: y',
    '/admin/🦅',
    '',
  ])('leads from the sign-in to no other place: %j', async (state) => {
    const page = await server.browser().request(`/admin/signed-in?${new URLSearchParams({ state, code: 'x' })}`)
    expect(page.headers.get('location')).toBe('/admin')
  })

  it('is not there when the settings say so', async () => {
    const without = await server.another({ CONSOLE: 'false' })
    const page = await without.browser().request('/admin')
    expect(page.status).toBe(404)
    await without.close()
  })

  it('registers its client once, however many come at the same time', async () => {
    const fresh = await startServer()
    const pages = await Promise.all(Array.from({ length: 8 }, () => fresh.browser().open('/admin')))
    expect(pages.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 200))
    const { body } = await fresh.admin<{ items: { type: string }[] }>(
      'GET',
      '/audit-events?client_id=falconer-console&type=client.*',
    )
    expect(body.items).toMatchObject([{ type: 'client.created', actor: 'system' }])
    await fresh.close()
  })
})

/** Everything that changes something, as a form would send it; `{…}` are ids that the test fills in. */
const acts: [scope: 'admin' | 'responder', path: string, fields?: Record<string, string>][] = [
  ['responder', '/admin/revoke', { session_id: '{sid}' }],
  ['admin', '/admin/revoke', { all: 'true', understood: 'on' }],
  ['admin', '/admin/users/{id}/disable'],
  ['admin', '/admin/users/{id}/enable'],
  ['admin', '/admin/users/{id}/role', { role: 'admin' }],
  ['admin', '/admin/clients/{client}/disable'],
  ['admin', '/admin/clients/{client}/enable'],
  ['admin', '/admin/clients/{client}/secret'],
  ['admin', '/admin/keys/rotate'],
  ['admin', '/admin/administrators/link', { role: 'admin' }],
]

describe('what changes something', () => {
  const filled = (text: string, ids: Record<string, string>) =>
    text.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? '')
  const trail = async () =>
    (
      await server.db.query<{ n: number }>(
        `select count(*)::int as n from audit_events where type !~ '^(session|login|audit)'`,
      )
    )[0]?.n

  describe.each(acts)('%s: %s %j', (needed, path, fields = {}) => {
    const send = async (browser: Browser, more: Record<string, string> = {}, headers = {}) => {
      const victim = await signedIn()
      const ids = { ...victim, client: app.clientId }
      const before = await trail()
      const form = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, filled(value, ids)]))
      const page = await browser.post(filled(path, ids), { ...form, ...more }, headers)
      expect(await isAlive(victim.sid)).toBe(true)
      expect(await trail()).toBe(before)
      return page
    }
    it('needs a role that allows it', async () => {
      for (const role of needed === 'responder' ? ['viewer'] : ['viewer', 'responder']) {
        const { browser } = await visitor(role)
        expect((await send(browser, { csrf: csrfOf(browser) })).status).toBe(403)
      }
    })

    it('needs a form of a page of this server', async () => {
      const { browser } = await visitor('admin')
      expect((await send(browser)).status).toBe(400)
      const other = await visitor('admin')
      expect((await send(browser, { csrf: csrfOf(other.browser) })).status).toBe(400)
      const elsewhere = { origin: 'https://evil.example.com' }
      expect((await send(browser, { csrf: csrfOf(browser) }, elsewhere)).status).toBe(400)
    })

    it('needs somebody who is signed in, a moment ago', async () => {
      const nobody = await send(server.browser())
      expect(nobody.location?.pathname).toBe('/authorize')
      const { browser } = await visitor('admin')
      await server.wait(301)
      const stale = await send(browser, { csrf: csrfOf(browser) }, { referer: `${server.url}/admin/keys` })
      expect(stale.location?.pathname).toBe('/authorize')
      expect(stale.location?.searchParams.get('max_age')).toBe('300')
      expect(stale.location?.searchParams.get('state')).toBe('/admin/keys')
    })
  })

  it('asks for a new sign-in before the question, not after the answer', async () => {
    const { username, browser } = await visitor('responder')
    const { sid } = await signedIn()
    await server.wait(301)
    expect((await browser.open('/admin/sessions')).status).toBe(200)
    const path = `/admin/revoke/preview?session_id=${sid}`
    const login = await browser.open(path)
    expect(login.url).toContain('/login?tx=')
    const page = await browser.submit(login, { username, password })
    expect(page.url).toBe(server.url + path)
  })
})

describe('an ending from the console', () => {
  it('is counted first, then done, then shown as a receipt that can be read again', async () => {
    const { id, browser } = await visitor('responder')
    const victim = await signedIn()
    const preview = await browser.open(
      `/admin/revoke/preview?${new URLSearchParams({ kind: 'user_id', which: victim.username, reason: 'lost laptop' })}`,
    )
    expect(preview.body).toMatch(/id="sessions">1</)
    expect(preview.body).toMatch(/id="grants">1</)
    expect(await isAlive(victim.sid)).toBe(true)
    const receipt = await answer(browser, preview, '/admin/revoke')
    expect(receipt.url).toContain('/admin/revoke/receipt?of=')
    expect(receipt.body).toContain(victim.username)
    expect(await isAlive(victim.sid)).toBe(false)
    expect((await app.refresh(victim.refreshToken)).status).toBe(400)
    expect((await browser.open(receipt.url)).status).toBe(200)
    const { body } = await server.admin<{ items: { detail: unknown }[] }>(
      'GET',
      `/audit-events?user_id=${victim.id}&actor=user:${id}`,
    )
    expect(JSON.stringify(body.items)).toContain('lost laptop')
  })

  it('happens only as it was shown: not to another target, not for another person, not after two minutes', async () => {
    const { browser } = await visitor('admin')
    const [one, two] = [await signedIn(), await signedIn()]
    const preview = await browser.open(`/admin/revoke/preview?session_id=${one.sid}`)
    const swapped = await answer(browser, preview, '/admin/revoke', { session_id: two.sid })
    expect(swapped.status).toBe(409)
    expect(await isAlive(two.sid)).toBe(true)
    const other = await visitor('admin')
    const theirs = await other.browser.open(`/admin/revoke/preview?session_id=${one.sid}`)
    const { confirmation = '' } = formWith(theirs, '/admin/revoke')?.fields ?? {}
    expect((await answer(browser, preview, '/admin/revoke', { confirmation })).status).toBe(409)
    await server.wait(121)
    const late = await answer(browser, preview, '/admin/revoke')
    expect(late.status).toBe(409)
    expect(await isAlive(one.sid)).toBe(true)
    expect((await answer(browser, late, '/admin/revoke')).status).toBe(200)
    expect(await isAlive(one.sid)).toBe(false)
  })

  it('of everybody needs a tick, and reaches the one who does it', async () => {
    const { username, browser } = await visitor('admin')
    const victim = await signedIn()
    const preview = await browser.open('/admin/revoke/preview?kind=all')
    expect(preview.body).toMatch(/id="sessions">\d/)
    const unticked = await answer(browser, preview, '/admin/revoke')
    expect(unticked.status).toBe(409)
    expect(await isAlive(victim.sid)).toBe(true)
    const done = await answer(browser, preview, '/admin/revoke', { understood: 'on' })
    expect(done.url).toContain('/login?tx=')
    expect(await isAlive(victim.sid)).toBe(false)
    const receipt = await browser.submit(done, { username, password })
    expect(receipt.url).toContain('/admin/revoke/receipt')
  })

  it('of everybody is refused to somebody whose role was taken down after the preview', async () => {
    const { id, browser } = await visitor('admin')
    const victim = await signedIn()
    const preview = await browser.open('/admin/revoke/preview?kind=all')
    await server.admin('PUT', `/administrators/${id}`, { role: 'responder' })
    const refused = await answer(browser, preview, '/admin/revoke', { understood: 'on' })
    expect(refused.status).toBe(403)
    expect(await isAlive(victim.sid)).toBe(true)
  })

  it.each([
    ['session_id', 'none'],
    ['session_id', '00000000-0000-4000-8000-000000000000'],
    ['user_id', 'nobody-of-this-name'],
    ['client_id', 'no-client'],
    ['jti', 'no-uuid'],
    ['kid', 'no-key'],
    ['grant_id', ''],
    ['nonsense', 'x'],
  ])('of what is not there is asked for again: %s %j', async (kind, which) => {
    const { browser } = await visitor('admin')
    const page = await browser.open(`/admin/revoke/preview?${new URLSearchParams({ kind, which })}`)
    expect(page.status).toBe(400)
    expect(parse(page.body).error).toBeTruthy()
  })

  it('shows a receipt that it has made itself only', async () => {
    const { browser } = await visitor('responder')
    expect((await browser.open('/admin/revoke/receipt?of=made-up')).status).toBe(404)
  })
})

describe('the pages', () => {
  it('show who is signed in, why a session ended, and its grants', async () => {
    const { browser } = await visitor('viewer')
    const { sid, id, username } = await signedIn()
    expect((await browser.open('/admin/sessions')).body).toContain(username)
    const alive = await browser.open(`/admin/sessions/${sid}`)
    expect(alive.body).toContain(`The session of ${username} is alive`)
    expect(alive.body).toContain(app.clientId)
    expect(alive.body).not.toContain('/admin/revoke/preview')
    await server.admin('DELETE', `/sessions/${sid}`)
    expect((await browser.open(`/admin/sessions/${sid}`)).body).toContain('because an administrator ended it')
    const { body } = await server.admin<{ audit_events: unknown; grants: { gid: string }[] }>(
      'GET',
      `/users/${id}/export`,
    )
    expect((await browser.open(`/admin/grants/${body.grants[0]?.gid}`)).body).toContain('is over')
  })

  it('disable and enable a user, and give and take a role', async () => {
    const { browser } = await visitor('admin')
    const { id, sid } = await signedIn()
    const path = `/admin/users/${id}`
    await answer(browser, await browser.open(`${path}/disable`), `${path}/disable`)
    expect(await isAlive(sid)).toBe(false)
    expect((await browser.open(path)).body).toContain('disabled')
    await answer(browser, await browser.open(`${path}/enable`), `${path}/enable`)
    const page = await answer(browser, await browser.open(`${path}/role`), `${path}/role`, { role: 'responder' })
    expect(page.body).toContain('<dt>Role</dt><dd>responder</dd>')
    await answer(browser, await browser.open(`${path}/role`), `${path}/role`, { role: '' })
    expect((await browser.open(path)).body).not.toContain('<dt>Role</dt>')
  })

  it('give a client another secret, shown once, and switch it off and on', async () => {
    const { browser } = await visitor('admin')
    const client = await server.createClient({
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'introspect:any',
    })
    const path = `/admin/clients/${client.clientId}`
    const made = await answer(browser, await browser.open(`${path}/secret`), `${path}/secret`)
    const secret = /id="secret"[^>]*>([^<]*)</.exec(made.body)?.[1]?.trim() ?? ''
    const basic = Buffer.from(`${client.clientId}:${secret}`).toString('base64')
    const token = () => server.post('/token', { grant_type: 'client_credentials' }, { authorization: `Basic ${basic}` })
    expect((await token()).status).toBe(200)
    expect((await browser.open(path)).body).not.toContain(secret)
    await answer(browser, await browser.open(`${path}/disable`), `${path}/disable`)
    expect((await token()).status).toBe(401)
    await answer(browser, await browser.open(`${path}/enable`), `${path}/enable`)
    expect((await token()).status).toBe(200)
  })

  it('rotate keys, and make a link for somebody new', async () => {
    const { browser } = await visitor('admin')
    const before = (await browser.open('/admin/keys')).body.match(/<code>/g)?.length ?? 0
    const page = await answer(browser, await browser.open('/admin/keys/rotate'), '/admin/keys/rotate')
    expect(page.body.match(/<code>/g)?.length).toBeGreaterThan(before)
    const administrators = await browser.open('/admin/administrators')
    const made = await answer(browser, administrators, '/admin/administrators/link', { role: 'viewer' })
    expect(made.body).toContain(`${server.url}/setup#`)
  })

  it('find events by what they are about', async () => {
    const { browser } = await visitor('viewer')
    const { id, username } = await signedIn()
    const page = await browser.open(`/admin/audit?user_id=${id}&type=session.*`)
    expect(page.body).toContain('session.created')
    expect(page.body).not.toContain('user.created')
    expect((await browser.open(`/admin/users?query=${username.slice(0, -1)}`)).body).toContain(username)
  })

  it('lead on through a list that is longer than a page', async () => {
    const { browser } = await visitor('viewer')
    for (let i = 0; i < 52; i++) await server.createUser({ username: `paged-${String(i).padStart(2, '0')}` })
    const first = await browser.open('/admin/users?query=paged-')
    const href = /id="next" href="([^"]*)"/.exec(first.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const second = await browser.open(href)
    const names = [first, second].flatMap(({ body }) => [...body.matchAll(/>(paged-\d\d)</g)].map(([, name]) => name))
    expect(new Set(names).size).toBe(52)
    expect(names).toHaveLength(52)
    expect((await browser.open(`${href}x`)).status).toBe(400)
  })

  it('write what others have typed as text', async () => {
    const { browser } = await visitor('viewer')
    const hostile = `<img src=x onerror=alert(1)>"'`
    const { id } = await server.createUser({ username: 'hostile', name: hostile })
    for (const path of [`/admin/users/${id}`, `/admin/users?${new URLSearchParams({ query: hostile })}`])
      expect((await browser.open(path)).body).not.toContain('<img')
  })

  it('answer whatever is asked for without failing', async () => {
    const { browser } = await visitor('admin')
    const odd = ['%00', '%F0%9F%A6%85', 'x'.repeat(1500), '..', '%2e%2e%2fv1', '-1', '%25', "'%20or%201=1--"]
    const paths = [
      '/users/',
      '/sessions/',
      '/grants/',
      '/clients/',
      '/users?query=',
      '/users?cursor=',
      '/audit?type=',
      '/audit?from=',
      '/audit?user_id=',
      '/sessions?user_id=',
      '/sessions?client_id=',
      '/revoke/preview?user_id=',
      '/revoke/preview?kid=',
      '/revoke/preview?session_id=',
      '/revoke/receipt?of=',
      '/signed-in?state=',
    ]
    for (const path of paths)
      for (const text of odd) {
        const { status } = await browser.open(`/admin${path}${text}`)
        expect(status, `${path}${text}`).toBeLessThan(500)
      }
  })
})

describe('the overview', () => {
  it('counts sessions and sign-ins by the hour, as they were', async () => {
    const own = await startServer({ SESSION_IDLE_SECONDS: '36000' })
    try {
      const client = await own.createClient()
      const tokens = async () => client.tokens({ username: (await own.createUser()).username })
      const [clock] = await own.db.query<{ past: number }>(`select extract(epoch from clock_now())::int % 3600 as past`)
      await own.wait(3660 - (clock?.past ?? 0))
      await tokens()
      await tokens()
      await own.wait(3600)
      const third = await tokens()
      const browser = own.browser()
      await browser.submit(await browser.open('/admin'), { username: 'nobody', password: 'wrong password' })
      const { sid } = JSON.parse(Buffer.from(third.access_token.split('.')[1] ?? '', 'base64url').toString())
      await own.wait(3600)
      await own.admin('DELETE', `/sessions/${sid}`)
      await own.wait(3600)
      const { sessions, signIns } = await createActivityReader(own.server.tools)()
      expect(sessions).toHaveLength(24)
      expect(sessions?.slice(-4).map(({ alive }) => alive)).toEqual([2, 3, 2, 2])
      expect(signIns?.slice(-4).map(({ succeeded }) => succeeded)).toEqual([2, 1, 0, 0])
      expect(signIns?.slice(-4).map(({ failed }) => failed)).toEqual([0, 1, 0, 0])
      expect(sessions?.at(-5)?.alive).toBe(0)
    } finally {
      await own.close()
    }
  })
})
