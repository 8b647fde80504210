import { afterAll, beforeAll, describe, it } from 'vitest'
import { describeInChromium } from '../support/chromium.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type Application, startApplication } from './application.ts'
import { looks, shoot } from './looks.ts'
import { fillIn, setUp, useWindows } from './windows.ts'

describeInChromium('The looks of the pages', (browser) => {
  const open = useWindows(browser)
  let server: TestServer
  let app: Application

  beforeAll(async () => {
    server = await startServer()
    app = await startApplication(server, {
      client_name: 'Larkspur Orders',
      client_uri: 'https://larkspur.example.com',
      policy_uri: 'https://larkspur.example.com/privacy',
      tos_uri: 'https://larkspur.example.com/terms',
      skip_consent: false,
      scope: 'openid profile email offline_access orders:read',
    })
    await server.admin('POST', '/resources', { identifier: 'https://orders.example.com', scopes: ['orders:read'] })
  })
  afterAll(async () => {
    await app.close()
    await server.close()
  })

  describe.each(looks)('$look', ({ look, ...options }) => {
    it('every page fits its window', async () => {
      const { username } = await server.createUser({ username: `ann-${look}@larkspur.example.com` })
      const window = await open(options)
      const { page } = window
      await page.goto(server.url)
      await shoot(window, `front-${look}`)
      await page.goto(app.client.request({ scope: 'openid profile email offline_access orders:read' }).url)
      await shoot(window, `login-${look}`)
      await fillIn(page, username, 'wrong')
      await page.click('#submit')
      await page.waitForSelector('#error')
      await shoot(window, `login-wrong-${look}`)
      await fillIn(page, username)
      await page.click('#submit')
      await page.waitForSelector('#approve')
      await shoot(window, `consent-${look}`)
      await page.goto(`${server.url}/logout?client_id=${app.client.clientId}`)
      await shoot(window, `logout-${look}`)
      await page.click('#confirm-logout')
      await page.waitForURL('**/logout/confirm')
      await shoot(window, `logged-out-${look}`)
      await page.goto(app.client.request({ redirect_uri: 'https://elsewhere.example.com/callback' }).url)
      await shoot(window, `error-${look}`)
      await page.goto(`${server.url}/login?tx=gone`)
      await shoot(window, `expired-${look}`)
      const { body: link } = await server.admin<{ url: string }>('POST', '/setup-links', {})
      await page.goto(link.url)
      await shoot(window, `setup-${look}`)
      await setUp(page, username)
      await shoot(window, `setup-taken-${look}`)
      await setUp(page, `admin-${look}`)
      await shoot(window, `set-up-${look}`)
    })
  })
})
