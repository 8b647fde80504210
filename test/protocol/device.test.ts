import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser } from '../support/browser.ts'
import { cookieOf, fetchRaw } from '../support/front-channel.ts'
import { parse } from '../support/html.ts'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'
import { basic } from '../support/tokens.ts'

let server: TestServer
let app: TestClient
beforeAll(async () => {
  server = await startServer({ TRUST_PROXY: '127.0.0.1,::1' })
  app = await server.createClient()
})
afterAll(() => server.close())

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0'
interface Device {
  readonly address?: string
  readonly userAgent?: string
}
const headersOf = ({ address, userAgent }: Device) => ({
  ...(address === undefined ? {} : { 'x-forwarded-for': address }),
  'user-agent': userAgent ?? '',
})

/** Signs in from an address, with a browser that calls itself something. */
async function signIn(device: Device): Promise<Browser> {
  const { username } = await server.createUser()
  const browser = server.browser()
  const page = await browser.open(app.request().url)
  const { action = '', fields = {} } = parse(page.body).forms[0] ?? {}
  const url = new URL(action, page.url).href
  const answer = await browser.post(url, { ...fields, username, password }, headersOf(device))
  expect(answer.status).toBe(303)
  return browser
}
const sidOf = (browser: Browser) => cookieOf(browser, 'sso')?.value.split('.')[0] ?? ''
const shown = async (browser: Browser) => (await server.admin('GET', `/sessions/${sidOf(browser)}`)).body
/** A request of the browser that asks nothing and gets a code. */
async function use(browser: Browser, device: Device): Promise<string> {
  const { name, value } = cookieOf(browser, 'sso') ?? { name: '', value: '' }
  const { url, verifier } = app.request({ prompt: 'none' })
  const answer = await fetchRaw(url, { headers: { ...headersOf(device), cookie: `${name}=${value}` } })
  const code = new URL(answer.headers.get('location') ?? '').searchParams.get('code') ?? ''
  expect(code).not.toBe('')
  const { body } = await app.exchange(code, verifier)
  return body.refresh_token
}

describe('the browser of a session', () => {
  it.each([
    [firefox, 'Firefox on Linux'],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0',
      'Microsoft Edge on Windows',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
      'Chrome on Windows',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
      'Safari on iOS',
    ],
    [
      'Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36',
      'Chrome on Android',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15',
      'Safari on macOS',
    ],
  ])('is named as a person would: %s', async (userAgent, device) => {
    expect(await shown(await signIn({ userAgent }))).toMatchObject({ device, user_agent: userAgent })
  })

  it.each([
    '',
    ' ',
    '<script>alert(1)</script>',
    `';drop table sessions--`,
    'Mozilla/5.0',
    '\u00ff\u00fe',
    '('.repeat(400),
  ])('that says %j is no trouble', async (userAgent) => {
    const { device } = await shown(await signIn({ userAgent }))
    expect(device === null || typeof device === 'string').toBe(true)
  })

  it('is kept to 512 characters', async () => {
    const body = await shown(await signIn({ userAgent: `${firefox} ${'x'.repeat(4000)}` }))
    expect(String(body['user_agent'])).toHaveLength(512)
    expect(body['device']).toBe('Firefox on Linux')
  })

  it('and its address may change without ending the session (a phone that leaves the house)', async () => {
    const browser = await signIn({ address: '192.0.2.1', userAgent: firefox })
    await server.wait(61)
    await use(browser, { address: '2001:db8::7', userAgent: 'curl/8.0' })
    expect(await shown(browser)).toMatchObject({ alive: true, device: 'Firefox on Linux' })
  })
})

describe('the addresses of a session', () => {
  it('are that of the sign-in, and that of the last use', async () => {
    const browser = await signIn({ address: '192.0.2.1' })
    expect(await shown(browser)).toMatchObject({ ip: '192.0.2.1', last_ip: '192.0.2.1' })
    await server.wait(61)
    await use(browser, { address: '198.51.100.2' })
    expect(await shown(browser)).toMatchObject({ ip: '192.0.2.1', last_ip: '198.51.100.2' })
  })

  it('are written with the touch and never for their own sake', async () => {
    const browser = await signIn({ address: '192.0.2.1' })
    await server.wait(30)
    const row = () => server.db.query('select xmin from sessions where id = $1', [sidOf(browser)])
    const before = await row()
    await use(browser, { address: '198.51.100.2' })
    expect(await row()).toEqual(before)
    expect(await shown(browser)).toMatchObject({ last_ip: '192.0.2.1' })
  })

  it('are of the browser: the server of an app that refreshes has its own', async () => {
    const browser = await signIn({ address: '192.0.2.1' })
    await server.wait(61)
    const token = await use(browser, { address: '198.51.100.2' })
    await server.wait(61)
    const { last_seen_at: before } = await shown(browser)
    const answer = await server.post(
      '/token',
      { grant_type: 'refresh_token', refresh_token: token },
      { ...basic(app.clientId, app.secret ?? ''), 'x-forwarded-for': '203.0.113.9' },
    )
    expect(answer.status).toBe(200)
    const after = await shown(browser)
    expect(after['last_seen_at']).not.toEqual(before)
    expect(after).toMatchObject({ ip: '192.0.2.1', last_ip: '198.51.100.2' })
  })
})
