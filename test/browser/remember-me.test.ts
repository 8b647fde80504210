import { mkdirSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeInChromium } from '../support/chromium.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type Application, startApplication } from './application.ts'
import { codeAt, fillIn, useWindows } from './windows.ts'

const directory = process.env['SCREENSHOT_DIR'] ?? path.join(os.tmpdir(), 'falconer-screenshots')
const looks = [
  { look: 'light', colorScheme: 'light', viewport: { width: 1280, height: 860 } },
  { look: 'dark', colorScheme: 'dark', viewport: { width: 1280, height: 860 } },
  { look: 'phone', colorScheme: 'light', viewport: { width: 390, height: 844 } },
  { look: 'phone-dark', colorScheme: 'dark', viewport: { width: 390, height: 844 } },
] as const

describeInChromium('"Keep me signed in"', (browser) => {
  const open = useWindows(browser)
  let server: TestServer
  let app: Application
  beforeAll(async () => {
    mkdirSync(directory, { recursive: true })
    server = await startServer({ REMEMBER_ME: 'true' })
    app = await startApplication(server, { client_name: 'Larkspur Orders' })
  })
  afterAll(async () => {
    await app.close()
    await server.close()
  })

  it.each(looks)('fits its window and is easy to hit: $look', async ({ look, ...options }) => {
    const { page } = await open(options)
    await page.goto(app.client.request().url)
    await page.screenshot({ path: path.join(directory, `remember-${look}.png`), fullPage: true })
    await page.check('#remember-me')
    await page.screenshot({ path: path.join(directory, `remember-ticked-${look}.png`), fullPage: true })
    const wide = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    expect(wide, 'scrolls sideways').toBe(0)
    // WCAG 2.2, 2.5.8: at least 24 by 24 CSS pixels.
    const target = await page.locator('label[for="remember-me"]').boundingBox()
    expect(target?.height).toBeGreaterThanOrEqual(24)
    const box = await page.locator('#remember-me').boundingBox()
    expect(Math.abs((box?.width ?? 0) - (box?.height ?? 1))).toBeLessThan(1)
  })

  it('by keyboard: after the password, ticked with the space bar, sent with Enter; the cookie outlives the browser', async () => {
    const { username } = await server.createUser()
    const { page, context } = await open()
    await page.goto(app.client.request().url)
    await fillIn(page, username)
    await page.focus('#password')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.id')).toBe('remember-me')
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')
    await page.screenshot({ path: path.join(directory, 'remember-focus.png') })
    expect(outline).not.toBe('none')
    await page.keyboard.press('Space')
    expect(await page.isChecked('#remember-me')).toBe(true)
    await page.keyboard.press('Enter')
    await page.waitForURL(`${app.origin}/callback**`)
    expect(codeAt(app)).not.toBe('')
    const cookie = (await context.cookies(server.url)).find(({ name }) => name.startsWith('sso'))
    expect((cookie?.expires ?? 0) - Date.now() / 1000).toBeGreaterThan(29 * 86_400)
  })

  it('by its words: the label ticks it, is its name, and has the warning; left alone the cookie goes with the browser', async () => {
    const { username } = await server.createUser()
    const { page, context } = await open()
    await page.goto(app.client.request().url)
    const box = page.getByRole('checkbox', { name: /keep me signed in/i })
    await page.getByText('Keep me signed in').click()
    expect(await box.isChecked()).toBe(true)
    await page.getByText('Keep me signed in').click()
    expect(await box.isChecked()).toBe(false)
    await fillIn(page, username)
    await page.click('#submit')
    await page.waitForURL(`${app.origin}/callback**`)
    const cookie = (await context.cookies(server.url)).find(({ name }) => name.startsWith('sso'))
    expect(cookie?.expires).toBe(-1)
  })

  it('keeps its tick when the password was wrong', async () => {
    const { username } = await server.createUser()
    const { page } = await open()
    await page.goto(app.client.request().url)
    await page.check('#remember-me')
    await fillIn(page, username, 'wrong')
    await page.click('#submit')
    await page.waitForSelector('#error')
    expect(await page.isChecked('#remember-me')).toBe(true)
    await page.screenshot({ path: path.join(directory, 'remember-error.png'), fullPage: true })
  })
})
