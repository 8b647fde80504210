import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { describeInChromium } from '../support/chromium.ts'
import { claimsOf } from '../support/front-channel.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type Application, startApplication } from './application.ts'
import { codeAt, fillIn, logIn, useWindows } from './windows.ts'

interface Tab extends ReturnType<Application['client']['request']> {
  readonly app: Application
  readonly page: Page
}

const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
]

describeInChromium('Several tabs in Chromium', (browser) => {
  const open = useWindows(browser)
  let server: TestServer
  let apps: Application[]
  let careful: Application
  let anna: { id: string; username: string }
  let bert: { id: string; username: string }

  const app = () => apps[0] as Application
  beforeAll(async () => {
    server = await startServer({ SESSION_IDLE_SECONDS: '7200' })
    apps = [await startApplication(server), await startApplication(server), await startApplication(server)]
    careful = await startApplication(server, { skip_consent: false })
  })
  beforeEach(async () => {
    ;[anna, bert] = [await server.createUser(), await server.createUser()]
  })
  afterAll(async () => {
    await Promise.all([...apps, careful].map((each) => each.close()))
    await server.close()
  })

  /** Tabs of one window that are opened at the same moment. */
  const openTabs = async (context: BrowserContext, at: Application[], parameters: Record<string, string> = {}) => {
    const tabs: Tab[] = await Promise.all(
      at.map(async (each) => ({ app: each, ...each.client.request(parameters), page: await context.newPage() })),
    )
    await Promise.all(tabs.map(({ page, url }) => page.goto(url)))
    return tabs as [Tab, Tab, ...Tab[]]
  }
  const signIn = async ({ page }: Tab, user = anna) => {
    await page.bringToFront()
    await fillIn(page, user.username)
    await page.click('#submit')
  }
  /** The ID token of a tab that came back to its own application, with its own state, nonce and code challenge. */
  const landed = async ({ app: { origin, client }, page, state, nonce, verifier }: Tab) => {
    await page.waitForURL(`${origin}/callback?**`)
    const answer = new URL(page.url()).searchParams
    expect(answer.get('state')).toBe(state)
    const { status, body } = await client.exchange(answer.get('code') ?? '', verifier)
    expect(status).toBe(200)
    const claims = claimsOf(body.id_token)
    expect(claims).toMatchObject({ aud: client.clientId, nonce })
    return claims
  }
  const liveSessions = async ({ id }: { id: string }) =>
    (await server.db.query('select from sessions where user_id = $1 and revoked_at is null', [id])).length

  for (const [name, at, javaScriptEnabled, tried] of [
    ['three applications', () => apps, true, orders],
    ['three applications, without JavaScript', () => apps, false, orders.slice(-2)],
    ['one application with three states', () => [app(), app(), app()], true, orders],
  ] as const) {
    it.each(tried)(`${name}: opened together without a cookie, finished in the order %i, %i, %i`, async (...order) => {
      const { context } = await open({ javaScriptEnabled })
      const tabs = await openTabs(context, at())
      for (const [place, index] of order.entries()) {
        const tab = tabs[index] as Tab
        // The second one sends the form that it still shows, the third is reloaded.
        if (place < 2) await signIn(tab)
        else await tab.page.reload()
        expect((await landed(tab))['sub']).toBe(anna.id)
      }
      expect(await liveSessions(anna)).toBe(1)
    })
  }

  it('a stale form needs no password once somebody is signed in', async () => {
    const { context } = await open()
    const [one, two] = await openTabs(context, [app(), app()])
    await signIn(one)
    await landed(one)
    await two.page.bringToFront()
    await fillIn(two.page, anna.username, 'mistyped')
    await two.page.click('#submit')
    await landed(two)
  })

  it('the form of Anna, sent after Bert signed in in another tab, is for Anna, and Bert is signed out', async () => {
    const { context } = await open()
    const [annas, berts] = await openTabs(context, [app(), app()])
    await fillIn(annas.page, anna.username)
    await signIn(berts, bert)
    expect((await landed(berts))['sub']).toBe(bert.id)
    await annas.page.bringToFront()
    await annas.page.click('#submit')
    expect((await landed(annas))['sub']).toBe(anna.id)
    expect([await liveSessions(anna), await liveSessions(bert)]).toEqual([1, 0])
    const [next] = await openTabs(context, [apps[1] as Application])
    expect((await landed(next))['sub']).toBe(anna.id)
  })

  it.each(['query', 'form_post'])(
    'going back after the sign-in leads forward again, with a code of its own (%s)',
    async (mode) => {
      const { page } = await open()
      await page.goto(`${app().origin}/start`)
      const { verifier } = await logIn(page, app(), anna.username, { response_mode: mode })
      const first = await app().client.exchange(codeAt(app()), verifier)
      expect(first.status).toBe(200)
      const before = app().responses.length
      await page.goBack()
      await expect.poll(() => app().responses.length).toBe(before + 1)
      expect((await app().client.exchange(codeAt(app()), verifier)).status).toBe(200)
      // A code that came twice would have ended what the first one gave.
      expect((await app().client.refresh(first.body.refresh_token)).status).toBe(200)
      expect(await liveSessions(anna)).toBe(1)
    },
  )

  it('going back to an answered question leads forward again', async () => {
    const { context } = await open()
    const [tab] = await openTabs(context, [careful])
    await signIn(tab)
    await tab.page.waitForSelector('#approve')
    await tab.page.click('#approve')
    const first = await landed(tab)
    await tab.page.goBack()
    expect(await landed(tab)).toMatchObject({ sid: first['sid'] })
  })

  it('a double click on "Allow" gives a code that works', async () => {
    const { context } = await open()
    const [tab] = await openTabs(context, [careful])
    await signIn(tab)
    await tab.page.waitForSelector('#approve')
    await tab.page.dblclick('#approve')
    await landed(tab)
  })

  it('a question in two tabs: yes in one, no in the other, and each counts for its own request', async () => {
    const { page, context } = await open()
    await logIn(page, app(), anna.username)
    const [one, two] = await openTabs(context, [careful, careful])
    await two.page.click('#approve')
    await landed(two)
    await one.page.bringToFront()
    await one.page.click('#deny')
    await one.page.waitForURL(`${careful.origin}/callback?**`)
    const answer = new URL(one.page.url()).searchParams
    expect([answer.get('error'), answer.get('state'), answer.get('code')]).toEqual(['access_denied', one.state, null])
  })

  it('signed out in another tab while a question is open: sign in, and the question comes back', async () => {
    const { page, context } = await open()
    await logIn(page, app(), anna.username)
    const [tab] = await openTabs(context, [careful])
    await page.goto(`${server.url}/logout`)
    await page.click('#confirm-logout')
    await page.waitForURL(`${server.url}/logout/confirm`)
    await tab.page.bringToFront()
    await tab.page.click('#approve')
    await tab.page.waitForSelector('#password')
    await signIn(tab)
    await tab.page.waitForSelector('#approve')
    await tab.page.click('#approve')
    expect((await landed(tab))['sub']).toBe(anna.id)
  })

  it('after LOGIN_TRANSACTION_TTL_SECONDS a form offers to start the same request again', async () => {
    const { context } = await open()
    const [one, two] = await openTabs(context, [app(), apps[1] as Application])
    await server.wait(1801)
    await signIn(one)
    await one.page.click('a.button.primary')
    await signIn(one)
    await landed(one)
    await two.page.reload()
    await two.page.click('a.button.primary')
    expect((await landed(two))['sub']).toBe(anna.id)
    expect(await liveSessions(anna)).toBe(1)
  })

  it('of seventeen tabs the oldest says what to do, and the others finish', async () => {
    const { context } = await open()
    const [oldest] = await openTabs(context, [app()])
    const [second] = await openTabs(context, [app()])
    for (let i = 0; i < 15; i++)
      await openTabs(context, [apps[i % 3] as Application]).then(([{ page }]) => page.close())
    await signIn(oldest)
    await oldest.page.waitForSelector('text=Go back to the app and start again')
    await signIn(second)
    await landed(second)
  })
})
