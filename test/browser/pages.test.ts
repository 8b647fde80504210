import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeInChromium } from '../support/chromium.ts'
import { password, startServer, type TestServer } from '../support/server.ts'
import { type Application, startApplication } from './application.ts'
import { codeAt, fillIn, logIn, setUp, useWindows } from './windows.ts'

describeInChromium('The pages in Chromium', (browser) => {
  const open = useWindows(browser)
  let server: TestServer
  let app: Application
  let cautious: Application
  let username: string

  beforeAll(async () => {
    server = await startServer()
    ;({ username } = await server.createUser())
    app = await startApplication(server)
    cautious = await startApplication(server, { skip_consent: false })
  })
  afterAll(async () => {
    await Promise.all([app.close(), cautious.close()])
    await server.close()
  })

  const settings = [
    { name: 'with scripts', javaScriptEnabled: true },
    { name: 'without scripts', javaScriptEnabled: false },
  ]

  describe.each(settings)('$name', ({ javaScriptEnabled }) => {
    it('a login leads to the application on another origin, which can use its code', async () => {
      const { page } = await open({ javaScriptEnabled })
      const { verifier, state } = await logIn(page, app, username)
      expect(Object.fromEntries(app.responses.at(-1)?.parameters ?? [])).toMatchObject({ state, iss: server.url })
      expect((await app.client.exchange(codeAt(app), verifier)).status).toBe(200)
    })

    it('a set-up link makes an account, and fills in its code where scripts run', async () => {
      const { body } = await server.admin<{ url: string }>('POST', '/setup-links', {})
      const { page } = await open({ javaScriptEnabled })
      await page.goto(body.url)
      const code = new URL(body.url).hash.slice(1)
      expect(await page.inputValue('#code')).toBe(javaScriptEnabled ? code : '')
      if (!javaScriptEnabled) await page.fill('#code', code)
      await setUp(page, username)
      expect(await page.locator('#error').innerText()).toContain('There is an account of that name already')
      expect(await page.inputValue('#code')).toBe(code)
      await setUp(page, `admin-${javaScriptEnabled}`)
      expect(await page.locator('.who').innerText()).toBe(`admin-${javaScriptEnabled}`)
    })

    it('a wrong password is said so, the name stays, and the right one is taken', async () => {
      const { page } = await open({ javaScriptEnabled })
      await page.goto(app.client.request().url)
      expect(await page.locator('#error').count()).toBe(0)
      await fillIn(page, username, 'wrong')
      await page.click('#submit')
      expect(await page.locator('#error').innerText()).toContain('not right')
      expect(await page.inputValue('#username')).toBe(username)
      expect(await page.inputValue('#password')).toBe('')
      await page.fill('#password', password)
      await page.press('#password', 'Enter')
      await page.waitForURL(`${app.origin}/callback**`)
    })

    it('consent is asked until it is given, and either answer reaches the application', async () => {
      const stranger = await server.createUser()
      const { page } = await open({ javaScriptEnabled })
      await page.goto(cautious.client.request({ scope: 'openid email' }).url)
      await fillIn(page, stranger.username)
      await page.click('#submit')
      await page.click('#deny')
      await page.waitForURL(`${cautious.origin}/callback**`)
      expect(cautious.responses.at(-1)?.parameters.get('error')).toBe('access_denied')
      await page.goto(cautious.client.request({ scope: 'openid email' }).url)
      await page.click('#approve')
      await page.waitForURL(`${cautious.origin}/callback**`)
      const first = codeAt(cautious)
      expect(first).toMatch(/^flc_ac_/)
      await page.goto(cautious.client.request({ scope: 'openid email' }).url)
      expect(page.url()).toContain(`${cautious.origin}/callback`)
      expect(codeAt(cautious)).not.toBe(first)
    })

    it('signing out asks, ends the session and leads back to the application', async () => {
      const { page } = await open({ javaScriptEnabled })
      await logIn(page, app, username)
      const to = { client_id: app.client.clientId, post_logout_redirect_uri: `${app.origin}/bye`, state: 'left' }
      await page.goto(`${server.url}/logout?${new URLSearchParams(to)}`)
      await page.click('#confirm-logout')
      await page.waitForURL(`${app.origin}/bye?state=left`)
      await page.goto(app.client.request().url)
      expect(await page.locator('#password').isVisible()).toBe(true)
    })
  })

  it('the login needs no mouse', async () => {
    const { page } = await open()
    await page.goto(app.client.request().url)
    await page.waitForSelector('#username:focus')
    await page.keyboard.type(username)
    await page.keyboard.press('Tab')
    await page.keyboard.type(password)
    await page.keyboard.press('Enter')
    await page.waitForURL(`${app.origin}/callback**`)
  })
})
