import { mkdirSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeInChromium, type Window } from '../support/chromium.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type Application, startApplication } from './application.ts'
import { fillIn, setUp, useWindows } from './windows.ts'

const directory = process.env['SCREENSHOT_DIR'] ?? path.join(os.tmpdir(), 'falconer-screenshots')

const looks = [
  { look: 'light', colorScheme: 'light', viewport: { width: 1280, height: 860 } },
  { look: 'dark', colorScheme: 'dark', viewport: { width: 1280, height: 860 } },
  { look: 'phone', colorScheme: 'light', viewport: { width: 390, height: 844 } },
  { look: 'phone-dark', colorScheme: 'dark', viewport: { width: 390, height: 844 } },
] as const

describeInChromium('The looks of the pages', (browser) => {
  const open = useWindows(browser)
  let server: TestServer
  let app: Application

  beforeAll(async () => {
    mkdirSync(directory, { recursive: true })
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
    const shoot = async ({ page }: Window, name: string) => {
      await page.screenshot({ path: path.join(directory, `${name}-${look}.png`), fullPage: true })
      const overflow = await page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      )
      expect(overflow, `${name} scrolls sideways`).toBe(0)
    }

    it('every page fits its window', async () => {
      const { username } = await server.createUser({ username: `ann-${look}@larkspur.example.com` })
      const window = await open(options)
      const { page } = window
      await page.goto(server.url)
      await shoot(window, 'front')
      await page.goto(app.client.request({ scope: 'openid profile email offline_access orders:read' }).url)
      await shoot(window, 'login')
      await fillIn(page, username, 'wrong')
      await page.click('#submit')
      await page.waitForSelector('#error')
      await shoot(window, 'login-wrong')
      await fillIn(page, username)
      await page.click('#submit')
      await page.waitForSelector('#approve')
      await shoot(window, 'consent')
      await page.goto(`${server.url}/logout?client_id=${app.client.clientId}`)
      await shoot(window, 'logout')
      await page.click('#confirm-logout')
      await page.waitForURL('**/logout/confirm')
      await shoot(window, 'logged-out')
      await page.goto(app.client.request({ redirect_uri: 'https://elsewhere.example.com/callback' }).url)
      await shoot(window, 'error')
      await page.goto(`${server.url}/login?tx=gone`)
      await shoot(window, 'expired')
      const { body: link } = await server.admin<{ url: string }>('POST', '/setup-links', {})
      await page.goto(link.url)
      await shoot(window, 'setup')
      await setUp(page, username)
      await shoot(window, 'setup-taken')
      await setUp(page, `admin-${look}`)
      await shoot(window, 'set-up')
    })
  })
})
