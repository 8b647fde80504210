import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { describeInChromium } from '../support/chromium.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type Application, startApplication } from './application.ts'
import { codeAt, fillIn, logIn, useWindows } from './windows.ts'

describeInChromium('Journeys in Chromium', (browser) => {
  const open = useWindows(browser)
  let server: TestServer
  let app: Application
  let second: Application
  let user: { id: string; username: string }

  beforeAll(async () => {
    server = await startServer()
    app = await startApplication(server)
    second = await startApplication(server)
  })
  beforeEach(async () => {
    user = await server.createUser()
    for (const { responses } of [app, second]) responses.length = 0
  })
  afterAll(async () => {
    await Promise.all([app.close(), second.close()])
    await server.close()
  })

  const liveSessions = async () => {
    const rows = await server.db.query('select from sessions where user_id = $1 and revoked_at is null', [user.id])
    return rows.length
  }

  it('a second application gets in without a prompt', async () => {
    const { page } = await open()
    await logIn(page, app, user.username)
    const { url, verifier } = second.client.request()
    await page.goto(url)
    expect(page.url()).toContain(`${second.origin}/callback`)
    expect((await second.client.exchange(codeAt(second), verifier)).status).toBe(200)
    expect(await liveSessions()).toBe(1)
  })

  it('a form_post response submits itself', async () => {
    const { page } = await open()
    const { verifier } = await logIn(page, app, user.username, { response_mode: 'form_post' })
    expect(app.responses.map(({ method }) => method)).toEqual(['POST'])
    expect((await app.client.exchange(codeAt(app), verifier)).status).toBe(200)
  })

  it('a form_post response has a button where scripts do not run', async () => {
    const { page } = await open({ javaScriptEnabled: false })
    await page.goto(app.client.request({ response_mode: 'form_post' }).url)
    await fillIn(page, user.username)
    await page.click('#submit')
    await page.waitForSelector(`form[action="${app.origin}/callback"]`)
    await page.click('#submit')
    await page.waitForURL(`${app.origin}/callback`)
    expect(codeAt(app)).toMatch(/^flc_ac_/)
  })

  it('an authorization request that a page of the application posts finds the session of the browser', async () => {
    const { page } = await open()
    await logIn(page, app, user.username)
    const fields = [...new URL(app.client.request().url).searchParams]
    const inputs = fields.map(([name, value]) => `<input name="${name}" value="${value}">`).join('')
    const form = `<form method="post" action="${server.url}/authorize">${inputs}<button>Log in</button></form>`
    await page.evaluate(`document.body.innerHTML = ${JSON.stringify(form)}`)
    await page.click('button')
    await expect.poll(() => app.responses.length).toBe(2)
    expect(codeAt(app)).toMatch(/^flc_ac_/)
  })

  it.each(['query', 'form_post'])('an application may redirect on from its callback (%s)', async (mode) => {
    const { page } = await open()
    const frontEnd = `${second.origin}/front-end`
    app.onward = frontEnd
    await page.goto(app.client.request({ response_mode: mode }).url)
    await fillIn(page, user.username)
    await page.click('#submit')
    await page.waitForURL(frontEnd)
    app.onward = undefined
    expect(codeAt(app)).toMatch(/^flc_ac_/)
  })

  it('giving up at the login leads back to the application', async () => {
    const { page } = await open()
    await page.goto(app.client.request().url)
    await page.click('#cancel')
    await page.waitForURL(`${app.origin}/callback**`)
    expect(app.responses[0]?.parameters.get('error')).toBe('access_denied')
  })

  it('a redirect URI that is not registered gets an error page and no redirect', async () => {
    const { page } = await open()
    const answer = await page.goto(app.client.request({ redirect_uri: `${second.origin}/callback` }).url)
    expect(answer?.status()).toBe(400)
    expect(new URL(page.url()).origin).toBe(server.url)
    expect(await page.locator('#error').innerText()).toContain('redirect_uri is not registered')
    expect(second.responses).toEqual([])
  })

  it('three tabs that begin with no cookie finish in reverse order (keycloak#32658)', async () => {
    const { context } = await open()
    const requests = [app.client.request(), second.client.request(), app.client.request()]
    const tabs = await Promise.all(requests.map(() => context.newPage()))
    await Promise.all(tabs.map((tab, i) => tab.goto(requests[i]?.url ?? '')))
    for (const tab of tabs.toReversed()) {
      await tab.bringToFront()
      await fillIn(tab, user.username)
      await tab.click('#submit')
      await tab.waitForURL('**/callback**')
    }
    expect(tabs.map((tab) => new URL(tab.url()).searchParams.get('state'))).toEqual(requests.map(({ state }) => state))
    const used = await Promise.all([
      app.client.exchange(codeAt(app, 0), requests[2]?.verifier ?? ''),
      app.client.exchange(codeAt(app, 1), requests[0]?.verifier ?? ''),
      second.client.exchange(codeAt(second), requests[1]?.verifier ?? ''),
    ])
    expect(used.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(await liveSessions()).toBe(1)
  })

  it('going back after the login leads forward again, to neither a form nor an error', async () => {
    const { page } = await open()
    const { state, verifier } = await logIn(page, app, user.username)
    await page.goBack()
    await page.waitForURL(`${app.origin}/callback**`)
    expect(app.responses.map(({ parameters }) => parameters.get('state'))).toEqual([state, state])
    expect((await app.client.exchange(codeAt(app), verifier)).status).toBe(200)
    expect(await liveSessions()).toBe(1)
  })

  it('a double click on the button makes one session and a code that works', async () => {
    const { page } = await open()
    const { url, verifier } = app.client.request()
    await page.goto(url)
    await fillIn(page, user.username)
    await page.dblclick('#submit')
    // The second click may stop the way back that the answer to the first one has begun.
    const isBack = () => page.waitForURL(`${app.origin}/callback**`)
    await isBack().catch(isBack)
    const code = new URL(page.url()).searchParams.get('code') ?? ''
    expect((await app.client.exchange(code, verifier)).status).toBe(200)
    expect(await liveSessions()).toBe(1)
  })
})
