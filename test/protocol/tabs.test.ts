import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Browser, Page } from '../support/browser.ts'
import { answerOf, asksForConsent, asksForPassword, claimsOf, cookieOf, lastReason } from '../support/front-channel.ts'
import { connect } from '../support/global-setup.ts'
import { parse } from '../support/html.ts'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let apps: TestClient[]
let careful: TestClient
let anna: { id: string; username: string }
let bert: { id: string; username: string }
let browser: Browser

const app = () => apps[0] as TestClient
beforeAll(async () => {
  server = await startServer({ SESSION_IDLE_SECONDS: '7200' })
  apps = []
  for (const name of ['first', 'second', 'third'])
    apps.push(await server.createClient({ redirect_uris: [`https://${name}.example.com/callback`] }))
  careful = await server.createClient({ skip_consent: false })
})
beforeEach(async () => {
  browser = server.browser()
  ;[anna, bert] = [await server.createUser(), await server.createUser()]
})
afterAll(() => server.close())

interface Tab extends ReturnType<TestClient['request']> {
  readonly client: TestClient
  readonly page: Page
}

/** Tabs of one browser that are opened at the same moment. */
const openTabs = (clients: TestClient[], parameters: Record<string, string> = {}): Promise<Tab[]> =>
  Promise.all(
    clients.map(async (client) => {
      const request = client.request(parameters)
      return { client, ...request, page: await browser.open(request.url) }
    }),
  )
const openTab = async (client: TestClient, parameters: Record<string, string> = {}) =>
  (await openTabs([client], parameters))[0] as Tab
const as = ({ username }: { username: string }) => ({ username, password })

/** The ID token of a tab that came back to its own client, with its own state, nonce and code challenge. */
async function landed({ client, state, nonce, verifier }: Tab, page: Page): Promise<Record<string, unknown>> {
  expect(page.location?.href ?? `${page.status} ${page.body}`).toContain(client.redirectUri)
  expect(answerOf(page)).toEqual({ code: expect.any(String), state, iss: server.url })
  const { status, body } = await client.exchange(answerOf(page)?.['code'] ?? '', verifier)
  expect(status).toBe(200)
  const claims = claimsOf(body.id_token)
  expect(claims).toMatchObject({ aud: client.clientId, nonce })
  return claims
}
const expectDenied = ({ client, state }: Tab, page: Page) => {
  expect(`${page.location?.origin}${page.location?.pathname}`).toBe(client.redirectUri)
  expect(answerOf(page)).toMatchObject({ error: 'access_denied', state })
  expect(answerOf(page)).not.toHaveProperty('code')
}
const sessionsOf = ({ id }: { id: string }) =>
  server.db.query<{ reason: string | null }>(
    'select revoke_reason as reason from sessions where user_id = $1 order by id',
    [id],
  )
const signOut = async () => browser.submit(await browser.open('/logout'), {})
const isSignedIn = async () =>
  answerOf(await browser.open(app().request({ prompt: 'none' }).url))?.['code'] !== undefined

const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
]
const ways: [string, (page: Page) => Promise<Page>][] = [
  ['their form is sent', (page) => browser.submit(page, as(anna))],
  ['their form is sent with a wrong password', (page) => browser.submit(page, { ...as(anna), password: 'mistyped' })],
  ['they are reloaded', (page) => browser.open(page.url)],
]

describe.each([
  ['three clients', () => apps, {}],
  ['one client with three states', () => [app(), app(), app()], {}],
  ['three clients that want a fresh sign-in', () => apps, { prompt: 'login' }],
] as const)('three tabs of %s, opened together in a browser without cookies', (_, clients, parameters) => {
  it.each(orders)(
    'finish in the order %i, %i, %i, each at home; only the first needs the password (keycloak#12406, keycloak#24112, keycloak#36150, keycloak#32658)',
    async (...order) => {
      for (const [name, finish] of ways) {
        browser = server.browser()
        anna = await server.createUser()
        const tabs = await openTabs([...clients()], parameters)
        const sids = new Set<unknown>()
        for (const [place, index] of order.entries()) {
          const tab = tabs[index] as Tab
          const page = await (place === 0 ? browser.submit(tab.page, as(anna)) : finish(tab.page))
          const claims = await landed(tab, page)
          expect(claims['sub'], name).toBe(anna.id)
          sids.add(claims['sid'])
        }
        expect(sids.size, name).toBe(1)
        expect(await sessionsOf(anna), name).toEqual([{ reason: null }])
      }
    },
  )

  it('are sent at the same moment: each at home, and the browser stays signed in', async () => {
    const tabs = await openTabs([...clients()], parameters)
    const pages = await Promise.all(tabs.map(({ page }) => browser.submit(page, as(anna))))
    for (const [i, tab] of tabs.entries()) expect((await landed(tab, pages[i] as Page))['sub']).toBe(anna.id)
    expect(await isSignedIn()).toBe(true)
  })
})

describe('a server that is slow between two reads', () => {
  it.each([{ prompt: 'login' }, { max_age: '0' }])('takes a sign-in for the answer to %o that it is', async (wish) => {
    const tab = await openTab(app(), wish)
    const locker = await connect(server.db.url)
    // The session is read with its consents; the login transaction has been read by then.
    await locker.query('begin; lock table consents in access exclusive mode')
    const sending = browser.post('/login', { ...parse(tab.page.body).forms[0]?.fields, ...as(anna) })
    const waiting = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
    while ((await locker.query(waiting)).rowCount === 0) await sleep(5)
    await server.wait(5)
    await locker.query('commit')
    await locker.end()
    await landed(tab, await sending)
  })
})

describe('two people at one browser', () => {
  it('a form of Anna that is sent after Bert signed in is answered for Anna, and ends what Bert left open', async () => {
    const [annas, berts] = (await openTabs([app(), app()])) as [Tab, Tab]
    expect((await landed(berts, await browser.submit(berts.page, as(bert))))['sub']).toBe(bert.id)
    expect((await landed(annas, await browser.submit(annas.page, as(anna))))['sub']).toBe(anna.id)
    expect(await sessionsOf(bert)).toEqual([{ reason: 'replaced' }])
    expect(await sessionsOf(anna)).toEqual([{ reason: null }])
    const next = await openTab(apps[1] as TestClient)
    expect((await landed(next, next.page))['sub']).toBe(anna.id)
  })

  it('with a wrong password it gets no code, and Bert stays signed in', async () => {
    const [annas, berts] = (await openTabs([app(), app()])) as [Tab, Tab]
    await browser.submit(berts.page, as(bert))
    const refused = await browser.submit(annas.page, { ...as(anna), password: 'mistyped' })
    expect(refused.status).toBe(401)
    expect(asksForPassword(refused)).toBe(true)
    expect(await sessionsOf(bert)).toEqual([{ reason: null }])
    expect((await landed(annas, await browser.submit(refused, as(anna))))['sub']).toBe(anna.id)
  })

  it.each(['approve', 'deny'])('what Anna was asked is not answered for Bert: %s', async (decision) => {
    for (const bertAllowedItBefore of [false, true]) {
      browser = server.browser()
      if (bertAllowedItBefore) await careful.signIn({ username: bert.username })
      const asked = await openTab(careful)
      const consent = await browser.submit(asked.page, as(anna))
      expect(asksForConsent(consent)).toBe(true)
      await app().signIn({ browser, username: bert.username, parameters: { prompt: 'login' } })
      const answer = await browser.submit(consent, { decision })
      expect(answer.location).toBeUndefined()
      expect(answer.status).toBe(400)
      expect(lastReason(server)).toBe('csrf_token')
    }
  })
})

describe('a consent page in two tabs', () => {
  const twoQuestions = async () => {
    await app().signIn({ browser, username: anna.username })
    const tabs = (await openTabs([careful, careful])) as [Tab, Tab]
    for (const { page } of tabs) expect(asksForConsent(page)).toBe(true)
    return tabs
  }
  const answer = ({ page }: Tab, decision: string) => browser.submit(page, { decision })

  it('approved in both, one after the other and at once: each tab gets its own code', async () => {
    const [one, two] = await twoQuestions()
    await landed(two, await answer(two, 'approve'))
    await landed(one, await answer(one, 'approve'))
    anna = bert
    browser = server.browser()
    const tabs = await twoQuestions()
    const pages = await Promise.all(tabs.map((tab) => answer(tab, 'approve')))
    for (const [i, tab] of tabs.entries()) await landed(tab, pages[i] as Page)
  })

  it('approved in one, the other one is reloaded: it goes on to its client', async () => {
    const [one, two] = await twoQuestions()
    await landed(two, await answer(two, 'approve'))
    await landed(one, await browser.open(one.page.url))
  })

  it('approved in one and denied in the other: no is no, for that request', async () => {
    const [one, two] = await twoQuestions()
    await landed(two, await answer(two, 'approve'))
    expectDenied(one, await answer(one, 'deny'))
  })

  it('denied in one, the other still asks', async () => {
    const [one, two] = await twoQuestions()
    expectDenied(two, await answer(two, 'deny'))
    expect(asksForConsent(await browser.open(one.page.url))).toBe(true)
    await landed(one, await answer(one, 'approve'))
  })

  it('sent twice, and gone back to after it was answered: leads to the client again', async () => {
    const [one, two] = await twoQuestions()
    const pages = await Promise.all([answer(one, 'approve'), answer(one, 'approve')])
    for (const page of pages) await landed(one, page)
    await landed(one, await browser.open(one.page.url))
    for (let i = 0; i < 2; i++) expectDenied(two, await answer(two, 'deny'))
  })

  it('after signing out in another tab, saying yes leads to signing in and back to the question', async () => {
    const [one] = await twoQuestions()
    await signOut()
    const page = await answer(one, 'approve')
    expect(asksForPassword(page)).toBe(true)
    const asked = await browser.submit(page, as(anna))
    expect(asksForConsent(asked)).toBe(true)
    await landed(one, await browser.submit(asked, { decision: 'approve' }))
  })

  it('signed out and in again as the same person in another tab: the old page counts no more', async () => {
    const [one] = await twoQuestions()
    await signOut()
    await app().signIn({ browser, username: anna.username })
    expect((await answer(one, 'approve')).status).toBe(400)
    const asked = await browser.open(one.page.url)
    await landed(one, await browser.submit(asked, { decision: 'approve' }))
  })
})

describe('LOGIN_TRANSACTION_TTL_SECONDS', () => {
  const again = (page: Page) => /href="(\/login\/again[^"]*)"/.exec(page.body)?.[1] ?? ''

  it('over in every tab: each page begins its own request anew, and only the first needs the password', async () => {
    const tabs = await openTabs(apps)
    await server.wait(1801)
    for (const [i, tab] of tabs.toReversed().entries()) {
      const late = await browser.submit(tab.page, as(anna))
      expect(late.status).toBe(400)
      const fresh = await browser.open(again(late))
      expect(asksForPassword(fresh)).toBe(i === 0)
      await landed(tab, i === 0 ? await browser.submit(fresh, as(anna)) : fresh)
    }
    expect(await sessionsOf(anna)).toHaveLength(1)
  })

  it('over on a consent page: it begins anew too, with the question', async () => {
    await app().signIn({ browser, username: anna.username })
    const tab = await openTab(careful)
    await server.wait(1801)
    const late = await browser.submit(tab.page, { decision: 'approve' })
    expect(late.status).toBe(400)
    const asked = await browser.open(again(late))
    expect(asksForConsent(asked)).toBe(true)
    await landed(tab, await browser.submit(asked, { decision: 'approve' }))
  })

  it('over, and "Start again" chosen twice: both lead home', async () => {
    const tab = await openTab(app())
    await server.wait(1801)
    const href = again(await browser.open(tab.page.url))
    const [one, two] = await Promise.all([browser.open(href), browser.open(href)])
    await landed(tab, await browser.submit(two, as(anna)))
    await landed(tab, await browser.submit(one, as(anna)))
  })
})

describe('more than sixteen tabs', () => {
  it('one after the other: the oldest says what to do, the sixteen younger ones go on', async () => {
    const tabs: Tab[] = []
    for (let i = 0; i < 18; i++) tabs.push(await openTab(apps[i % 3] as TestClient))
    for (const { page } of tabs.slice(0, 2)) {
      const late = await browser.submit(page, as(anna))
      expect(late.status).toBe(400)
      expect(late.body).toContain('Go back to the app and start again')
    }
    expect(await sessionsOf(anna)).toEqual([])
    for (const tab of tabs.slice(2)) await landed(tab, await browser.submit(tab.page, as(anna)))
    expect(await sessionsOf(anna)).toHaveLength(1)
  })

  it('twenty at the same moment: all go on until another is opened', async () => {
    const tabs = await openTabs(Array.from({ length: 20 }, () => app()))
    await openTab(app())
    expect([...browser.jar.keys()].filter((name) => name.startsWith('tx-'))).toHaveLength(16)
    const answers = await Promise.all(tabs.map(({ page }) => browser.open(page.url)))
    expect(answers.filter(asksForPassword)).toHaveLength(15)
    for (const [i, page] of answers.entries())
      if (asksForPassword(page)) await landed(tabs[i] as Tab, await browser.submit(page, as(anna)))
  })

  it('a tab whose cookie alone was lost is refused; the others of the browser are not', async () => {
    const [lost, kept] = (await openTabs([app(), app()])) as [Tab, Tab]
    const name = [...browser.jar.keys()].find((each) => each.endsWith(lost.page.url.slice(-43, -35))) ?? ''
    expect(browser.jar.delete(name)).toBe(true)
    expect((await browser.submit(lost.page, as(anna))).status).toBe(400)
    expect(cookieOf(browser, 'sso')).toBeUndefined()
    await landed(kept, await browser.submit(kept.page, as(anna)))
    // Nor does a live session make up for it.
    expect((await browser.open(lost.page.url)).status).toBe(400)
  })
})

describe('turning back', () => {
  it('on a sign-in page after signing in in another tab: no is no', async () => {
    const [one, two] = (await openTabs([app(), app()])) as [Tab, Tab]
    await landed(two, await browser.submit(two.page, as(anna)))
    expectDenied(one, await browser.submit(one.page, { action: 'cancel' }))
    expect(await isSignedIn()).toBe(true)
  })
})
