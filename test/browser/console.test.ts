import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeInChromium } from '../support/chromium.ts'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { looks, shoot } from './looks.ts'
import { fillIn, setUp, useWindows } from './windows.ts'

/** Makes a day in which people came and went: the clock moves, hour by hour. */
async function liveADay(server: TestServer, app: TestClient): Promise<void> {
  const arrivals = [1, 0, 2, 4, 3, 1, 2]
  for (const [hour, count] of arrivals.entries()) {
    for (let i = 0; i < count; i++) {
      const user = await server.createUser({ username: `guest-${hour}-${i}@larkspur.example.com` })
      await app.tokens({ username: user.username })
    }
    const browser = server.browser()
    if (hour % 3 === 0) await browser.submit(await browser.open('/admin'), { username: 'mallory', password: 'a guess' })
    await server.wait(3600)
  }
}

describeInChromium('The console', (browser) => {
  const open = useWindows(browser)
  let server: TestServer
  let app: TestClient
  let guests = 0

  beforeAll(async () => {
    server = await startServer({ SESSION_IDLE_SECONDS: '14400' })
    app = await server.createClient({ client_id: 'larkspur-orders', client_name: 'Larkspur Orders' })
    await liveADay(server, app)
  })
  afterAll(() => server.close())

  /** From a set-up link to the console, as the first administrator comes. */
  async function enter(page: Page, role: string, name: string): Promise<void> {
    const { body } = await server.admin<{ url: string }>('POST', '/setup-links', { role })
    await page.goto(body.url)
    const code = new URL(body.url).hash.slice(1)
    // Without scripts the code is pasted.
    if ((await page.inputValue('#code')) === '') await page.fill('#code', code)
    await setUp(page, name)
    await page.click('#done')
    await fillIn(page, name)
    await page.click('#submit')
    await page.waitForURL(`${server.url}/admin`)
  }

  async function guest() {
    const user = await server.createUser({
      username: `guest-${++guests}@larkspur.example.com`,
      email: `guest-${guests}@example.com`,
    })
    const tokens = await app.tokens({ username: user.username })
    const claims = JSON.parse(Buffer.from(tokens.access_token.split('.')[1] ?? '', 'base64url').toString())
    return { ...user, sid: String(claims.sid) }
  }

  describe.each(looks)('$look', ({ look, ...options }) => {
    it('every page fits its window', async () => {
      const window = await open(options)
      const { page } = window
      await enter(page, 'admin', `ada-${look}`)
      await shoot(window, `console-overview-${look}`)
      const { id, sid } = await guest()
      for (const [name, address] of [
        ['sessions', '/admin/sessions'],
        ['session', `/admin/sessions/${sid}`],
        ['users', '/admin/users?query=guest'],
        ['user', `/admin/users/${id}`],
        ['user-disable', `/admin/users/${id}/disable`],
        ['user-role', `/admin/users/${id}/role`],
        ['clients', '/admin/clients'],
        ['client', '/admin/clients/larkspur-orders'],
        ['keys', '/admin/keys'],
        ['audit', '/admin/audit?type=session.*'],
        ['administrators', '/admin/administrators'],
        ['revoke', '/admin/revoke'],
        ['revoke-unknown', '/admin/revoke/preview?kind=user_id&which=nobody'],
        ['preview-all', '/admin/revoke/preview?kind=all'],
        ['preview', `/admin/revoke/preview?session_id=${sid}&reason=lost%20laptop`],
      ] as const) {
        await page.goto(server.url + address)
        await shoot(window, `console-${name}-${look}`)
      }
      await page.click('#act')
      await page.waitForURL('**/admin/revoke/receipt**')
      await shoot(window, `console-receipt-${look}`)
      await page.goto(`${server.url}/admin/sessions/${sid}`)
      await shoot(window, `console-session-over-${look}`)
      await page.goto(`${server.url}/admin/users/nobody`)
      await shoot(window, `console-not-found-${look}`)
    })
  })

  it('does every task without JavaScript', async () => {
    const { page } = await open({ javaScriptEnabled: false, viewport: { width: 1280, height: 860 } })
    await enter(page, 'admin', 'ada')
    const text = async () => (await page.textContent('main')) ?? ''

    const { username, id, sid } = await guest()
    await page.click('nav >> text=Users')
    await page.fill('#query', username.slice(0, 9))
    await page.click('text=Search')
    await page.click(`text=${username}`)
    expect(await page.textContent('h1')).toBe(username)

    await page.click('main a[href*="/admin/sessions/"]')
    expect(await page.textContent('#summary')).toContain('is alive')
    await page.click('text=End this session')
    expect(await page.textContent('#sessions')).toBe('1')
    await page.click('#act')
    await page.waitForURL('**/receipt**')
    await page.goto(`${server.url}/admin/sessions/${sid}`)
    expect(await page.textContent('#summary')).toContain('an administrator ended it')

    await page.goto(`${server.url}/admin/users/${id}`)
    await page.click('text=Disable …')
    await page.click('#act')
    expect(await text()).toContain('disabled')
    await page.click('text=Enable …')
    await page.click('#act')
    expect(await text()).toContain('active')
    await page.click('text=Change the role …')
    await page.selectOption('#role', 'viewer')
    await page.click('#act')
    expect(await text()).toContain('viewer')

    await page.click('nav >> text=Clients')
    await page.click('text=larkspur-orders')
    await page.click('text=New secret …')
    await page.click('#act')
    expect(await page.textContent('#secret')).toMatch(/^\s*flc_cs_/)
    await page.click('text=To the client')

    await page.click('nav >> text=Keys')
    const keys = await page.locator('tbody tr').count()
    await page.click('text=Rotate …')
    await page.click('#act')
    expect(await page.locator('tbody tr').count()).toBeGreaterThan(keys)

    await page.click('nav >> text=Administrators')
    await page.click('#act')
    expect(await page.textContent('#secret')).toContain('/setup#')

    await page.click('nav >> text=Audit')
    await page.click('summary >> text=Search')
    await page.fill('#user_id', id)
    await page.fill('#type', 'user.*')
    await page.click('.fields button')
    expect(await text()).toContain('user.disabled')

    const other = await guest()
    await page.click('nav >> text=Revoke')
    await page.selectOption('#kind', 'user_id')
    await page.fill('#which', other.username)
    await page.fill('#reason', 'a drill')
    await page.click('text=See what would end')
    expect(await page.textContent('#grants')).toBe('1')
    await page.click('#act')
    expect(await page.textContent('#enforced')).toBeTruthy()

    await page.click('text=Sign out')
    await page.click('#confirm-logout')
    await page.goto(`${server.url}/admin`)
    await page.waitForURL('**/login?tx=**')
  })
})
