import { mkdirSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { describeInChromium } from '../support/chromium.ts'
import { password, startServer, type TestServer } from '../support/server.ts'
import { type Application, startApplication } from './application.ts'
import { fillIn, logIn, useWindows } from './windows.ts'

const directory = process.env['SCREENSHOT_DIR'] ?? path.join(os.tmpdir(), 'falconer-screenshots')
const wanted = 'violet lamp under water'

const desk = { width: 1280, height: 860 }
const phone = { width: 390, height: 844 }
const looks = [
  { look: 'light', colorScheme: 'light', viewport: desk },
  { look: 'dark', colorScheme: 'dark', viewport: desk },
  { look: 'phone', colorScheme: 'light', viewport: phone },
  { look: 'phone-dark', colorScheme: 'dark', viewport: phone },
  { look: 'no-scripts', colorScheme: 'light', viewport: phone, javaScriptEnabled: false },
] as const

describeInChromium('The account pages in Chromium', (browser) => {
  const open = useWindows(browser)
  let server: TestServer
  let app: Application
  let username: string

  beforeAll(async () => {
    mkdirSync(directory, { recursive: true })
    server = await startServer()
    app = await startApplication(server)
  })
  beforeEach(async () => {
    ;({ username } = await server.createUser())
  })
  afterAll(async () => {
    await app.close()
    await server.close()
  })

  const fill = async (page: Page, current: string, fresh: string, repeated = fresh) => {
    await page.fill('#current-password', current)
    await page.fill('#new-password', fresh)
    await page.fill('#repeat-password', repeated)
  }
  const focused = (page: Page) => page.locator(':focus').getAttribute('id')

  it.each(looks)('the journey to a new password: $look', async ({ look, ...options }) => {
    const [here, there] = [await open(options), await open()]
    const { page } = here
    const shoot = async (name: string) => {
      await page.screenshot({ path: path.join(directory, `${name}-${look}.png`), fullPage: true })
      // A page without scripts of its own can still be measured from outside.
      const body = await page.locator('main').boundingBox()
      expect((body?.x ?? 0) + (body?.width ?? 0), `${name} is wider than its window`).toBeLessThanOrEqual(
        options.viewport.width,
      )
    }
    await page.goto(`${server.url}/account/password`)
    await shoot('account-signed-out')
    await Promise.all([here, there].map((window) => logIn(window.page, app, username)))

    await page.goto(server.url)
    await shoot('front-signed-in')
    await page.click('text=Change your password')
    await page.waitForURL('**/account/password')
    expect(await focused(page)).toBe('current-password')
    expect(await page.isChecked('#sign-out-others')).toBe(true)
    await shoot('password')

    await fill(page, 'not the right one', wanted)
    await page.click('#submit')
    expect(await page.locator('#error').innerText()).toContain('The current password is not right')
    expect(await focused(page)).toBe('current-password')
    expect(await page.inputValue('#new-password')).toBe('')
    await shoot('password-wrong')

    await fill(page, password, 'short')
    await page.click('#submit')
    expect(await page.locator('#error').innerText()).toContain('must have at least 8 characters')
    expect(await focused(page), 'all fields are empty: it begins at the first').toBe('current-password')
    await shoot('password-unfit')

    await fill(page, password, wanted)
    await page.click('#submit')
    await page.waitForURL('**/account/password/changed?**')
    expect(await page.locator('#signed-out').innerText()).toBe('You were signed out in one other place.')
    await shoot('password-changed')
    await page.reload()
    expect(await page.locator('h1').innerText()).toBe('Your password was changed')

    await page.goto(app.client.request().url)
    expect(page.url(), 'still signed in here').toContain(app.origin)
    await there.page.goto(app.client.request().url)
    await fillIn(there.page, username)
    await there.page.click('#submit')
    expect(await there.page.locator('#error').innerText()).toContain('not right')
    await fillIn(there.page, username, wanted)
    await there.page.click('#submit')
    await there.page.waitForURL(`${app.origin}/callback**`)
  })

  it('other browsers stay signed in when the box is unticked, which one click on its words does', async () => {
    const [here, there] = [await open(), await open()]
    for (const { page } of [here, there]) await logIn(page, app, username)
    const { page } = here
    await page.goto(`${server.url}/account/password`)
    await page.click('text=Sign out everywhere else')
    expect(await page.isChecked('#sign-out-others')).toBe(false)
    await fill(page, 'not the right one', wanted)
    await page.click('#submit')
    expect(await page.isChecked('#sign-out-others'), 'also after an error').toBe(false)
    await fill(page, password, wanted)
    await page.press('#repeat-password', 'Enter')
    await page.waitForURL('**/account/password/changed?**')
    expect(await page.innerText('main')).toContain('Wherever else you were signed in, you still are.')
    await there.page.goto(app.client.request().url)
    expect(there.page.url()).toContain(app.origin)
  })

  it('the form needs no mouse, and nothing hidden stands in the way', async () => {
    const { page } = await open()
    await logIn(page, app, username)
    await page.goto(`${server.url}/account/password`)
    await page.waitForSelector('#current-password:focus')
    for (const [word, next] of [
      [password, 'new-password'],
      [wanted, 'repeat-password'],
      [wanted, 'sign-out-others'],
    ] as const) {
      await page.keyboard.type(word)
      await page.keyboard.press('Tab')
      expect(await focused(page)).toBe(next)
    }
    await page.keyboard.press('Tab')
    expect(await focused(page)).toBe('submit')
    await page.keyboard.press('Enter')
    await page.waitForURL('**/account/password/changed?**')
  })
})
