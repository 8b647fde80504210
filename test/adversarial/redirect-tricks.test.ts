import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Page } from '../support/browser.ts'
import { parse } from '../support/html.ts'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'

const registered = 'https://app.example.com/callback'
const tail = 'app.example.com/callback'

/** Addresses that a lenient comparison would take for the registered one. Each became an advisory of some server. */
const mutants: Record<string, string[]> = {
  'scheme and its case': [
    `http://${tail}`,
    `HTTPS://${tail}`,
    `Https://${tail}`,
    `//${tail}`,
    `https:/${tail}`,
    `https:${tail}`,
    `https:///${tail}`,
    `https:\\\\${tail}`,
    `javascript:alert(1)//${tail}`,
    `JaVaScRiPt:alert(1)//${registered}`,
    'java\tscript:alert(1)',
    `data:text/html,${registered}`,
    `vbscript:${registered}`,
    `file:///${tail}`,
    `blob:${registered}`,
    `view-source:${registered}`,
    `feed:${registered}`,
    `com.example.app:/callback`,
    `intent://${tail}#Intent;scheme=https;end`,
  ],
  'user information': [
    `https://evil.example@${tail}`,
    `https://app.example.com@evil.example/callback`,
    `https://app.example.com:443@evil.example/callback`,
    `https://app.example.com%40evil.example/callback`,
    `https://x@@${tail}`,
    `https://a@b@${tail}`,
    `https://app.example.com@@evil.example/callback`,
    `https://@${tail}`,
    `https://:@${tail}`,
    `https://app.example.com#@evil.example/callback`,
    `https://app.example.com?@evil.example/callback`,
    `https://app.example.com\\@evil.example/callback`,
    `https://app.example.com&@evil.example/callback`,
    `https://app.example.com%00@evil.example/callback`,
    `https://evil.example#@${tail}`,
    `https://evil.example\\@${tail}`,
    `https://evil.example?@${tail}`,
  ],
  host: [
    'https://app.example.com.evil.example/callback',
    'https://evil-app.example.com/callback',
    'https://evilapp.example.com/callback',
    'https://evil.example/app.example.com/callback',
    'https://evil.example/?https://app.example.com/callback',
    'https://evil.example/#https://app.example.com/callback',
    'https://app.example.com./callback',
    'https://app.example.co/callback',
    'https://app.example.comm/callback',
    'https://appxexample.com/callback',
    'https://app.example%2ecom/callback',
    'https://app%2eexample.com/callback',
    'https://APP.example.com/callback',
    'https://app.EXAMPLE.com/callback',
    'https://аpp.example.com/callback',
    'https://app.exаmple.com/callback',
    'https://app。example。com/callback',
    'https://xn--pp-7kc.example.com/callback',
    'https://app.example.com%2eevil.example/callback',
    'https://app.example.com%0a.evil.example/callback',
    'https://app.example.com;.evil.example/callback',
    'https://app.example.com,evil.example/callback',
    'https://*.example.com/callback',
    'https://example.com/callback',
    'https://sub.app.example.com/callback',
    'https://[app.example.com]/callback',
    'https://2130706433/callback',
    'https://0x7f.0.0.1/callback',
    'https://evil.example',
    'https:evil.example',
  ],
  port: [
    'https://app.example.com:443/callback',
    'https://app.example.com:0443/callback',
    'https://app.example.com:/callback',
    'https://app.example.com:8443/callback',
    'https://app.example.com:80/callback',
    'https://app.example.com:443.evil.example/callback',
    'https://app.example.com:443@evil.example/callback',
    'https://app.example.com:99999/callback',
    'https://app.example.com:-1/callback',
    'https://app.example.com:443:443/callback',
  ],
  path: [
    'https://app.example.com',
    'https://app.example.com/',
    'https://app.example.com//callback',
    'https://app.example.com/callback/',
    'https://app.example.com/callback//',
    'https://app.example.com/callback/..',
    'https://app.example.com/callback/../evil',
    'https://app.example.com/callback/..;/evil',
    'https://app.example.com/callback/.;/',
    'https://app.example.com/callback/%2e%2e/evil',
    'https://app.example.com/callback/.%2e/evil',
    'https://app.example.com/callback/%252e%252e/evil',
    'https://app.example.com/callback/..%2fevil',
    'https://app.example.com/callback/..%5cevil',
    'https://app.example.com/callback/..\\evil',
    'https://app.example.com/./callback',
    'https://app.example.com/x/../callback',
    'https://app.example.com/callback;x=1',
    'https://app.example.com/callback.evil',
    'https://app.example.com/callbackevil',
    'https://app.example.com/callbac',
    'https://app.example.com/Callback',
    'https://app.example.com/CALLBACK',
    'https://app.example.com/%63allback',
    'https://app.example.com/callback%20',
    'https://app.example.com/callback%00',
    'https://app.example.com/callback%0d%0aLocation:%20https://evil.example',
    'https://app.example.com\\callback',
    'https://app.example.com/callback\\',
    `https://app.example.com/${'a'.repeat(10_000)}`,
    `${registered}/${'../'.repeat(500)}`,
    'https://app.example.com/open-redirect?to=https://evil.example',
  ],
  'query and fragment': [
    `${registered}?`,
    `${registered}?x=1`,
    `${registered}?code=stolen`,
    `${registered}?redirect_uri=https://evil.example`,
    `${registered}&x=1`,
    `${registered}#`,
    `${registered}#x`,
    `${registered}#@evil.example`,
    `${registered}?#`,
    `${registered}%3fx=1`,
    `${registered}%23`,
  ],
  characters: [
    ` ${registered}`,
    `${registered} `,
    `\t${registered}`,
    `${registered}\n`,
    `\r\n${registered}`,
    `${registered}\r\nLocation: https://evil.example`,
    `${registered}\0`,
    `${registered}\0.evil.example`,
    `https://app.example.com\0.evil.example/callback`,
    `\u0000${registered}`,
    `\ufeff${registered}`,
    `\u200b${registered}`,
    `${registered}\u2028`,
    `https://app.example.com\u3002evil.example/callback`,
    `https://app.example.com／callback`,
    `https：//${tail}`,
    `"${registered}"`,
    `<${registered}>`,
    `${registered},https://evil.example`,
    `${registered} https://evil.example`,
    `["${registered}"]`,
    `${registered}"><script>alert(1)</script>`,
    '*',
    'null',
    'undefined',
    '/',
    '/callback',
    '//evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    'https://',
    'http://',
    '::',
    '%',
    '\\ud800',
    'urn:ietf:wg:oauth:2.0:oob',
    'about:blank',
  ],
}
const all = Object.values(mutants).flat()

const loopback = [
  'http://localhost:5173/cb',
  'http://localhost.evil.example:5173/cb',
  'http://127.0.0.1.evil.example/cb',
  'http://127.0.0.1@evil.example/cb',
  'http://127.0.0.1:5173@evil.example/cb',
  'http://evil.example@127.0.0.1/cb',
  'http://127.0.0.1:0/cb',
  'http://127.0.0.1:65536/cb',
  'http://127.0.0.1:080/cb',
  'http://127.0.0.1:+80/cb',
  'http://127.0.0.1: 80/cb',
  'http://127.0.0.1:/cb',
  'http://127.0.0.1:80:80/cb',
  'http://127.1/cb',
  'http://127.0.0.2/cb',
  'http://0/cb',
  'http://0.0.0.0/cb',
  'http://2130706433/cb',
  'http://0x7f000001/cb',
  'http://0177.0.0.1/cb',
  'http://[::1]/cb',
  'http://[::ffff:127.0.0.1]/cb',
  'http://[0:0:0:0:0:0:0:1]/cb',
  'https://127.0.0.1/cb',
  'HTTP://127.0.0.1/cb',
  'http://127.0.0.1/cb/',
  'http://127.0.0.1/CB',
  'http://127.0.0.1/cb?x=1',
  'http://127.0.0.1/cb#',
  'http://127.0.0.1:5173\\@evil.example/cb',
  'http://127.0.0.1:5173#@evil.example/cb',
  'http://127.0.0.1:5173/../cb',
]

let server: TestServer
let app: TestClient
let native: TestClient
let username: string

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient({ redirect_uris: [registered], post_logout_redirect_uris: [registered] })
  native = await server.createClient({
    application_type: 'native',
    token_endpoint_auth_method: 'none',
    redirect_uris: ['http://127.0.0.1/cb'],
  })
  ;({ username } = await server.createUser())
})
afterAll(() => server.close())

/** What a page of ours looks like that leads nowhere: no Location, no form, no link, no refresh, no policy that names another place. */
function leadsNowhere(page: Page, mutant: string): void {
  const seen = {
    mutant,
    status: page.status,
    location: page.headers.get('location'),
    refresh: page.headers.get('refresh') ?? /http-equiv/i.exec(page.body)?.[0] ?? null,
    forms: parse(page.body).forms.length,
    links: [...page.body.matchAll(/<a [^>]*href="([^"]*)"/g)].length,
    policy: /form-action ([^;]*)/.exec(page.headers.get('content-security-policy') ?? '')?.[1],
  }
  const nowhere = { location: null, refresh: null, forms: 0, links: 0, policy: `'self'` }
  expect(seen).toEqual({ mutant, status: 400, ...nowhere })
}

it('the table is worth its name', () => {
  expect(new Set(all).size).toBeGreaterThanOrEqual(120)
  expect(all).not.toContain(registered)
})

describe.each(['query', 'form_post'])('RFC 9700 §4.1: redirect_uri, in response_mode %s', (mode) => {
  it.each<[string, Record<string, string>]>([
    ['a request that is right otherwise', {}],
    ['one that would end in an error', { response_type: 'token' }],
    ['one that may ask nothing', { prompt: 'none' }],
  ])('is never followed unless it is the registered one (CVE-2026-7504, CVE-2026-3872): %s', async (_, changes) => {
    for (const mutant of all) {
      const { url } = app.request({ ...changes, redirect_uri: mutant, response_mode: mode })
      leadsNowhere(await server.browser().request(url), mutant)
    }
  })

  it('nor with a live session, where a code would be issued at once', async () => {
    const { browser } = await app.signIn({ username })
    const [before] = await server.db.query<{ n: number }>('select count(*)::int as n from authorization_codes')
    for (const mutant of all)
      leadsNowhere(await browser.request(app.request({ redirect_uri: mutant, response_mode: mode }).url), mutant)
    expect(await server.db.query('select count(*)::int as n from authorization_codes')).toEqual([before])
  })

  it('nor for a loopback address, where only the port is free', async () => {
    for (const mutant of loopback)
      leadsNowhere(
        await server.browser().request(native.request({ redirect_uri: mutant, response_mode: mode }).url),
        mutant,
      )
    for (const port of ['', ':80', ':1', ':5173', ':65535']) {
      const redirectUri = `http://127.0.0.1${port}/cb`
      const { url } = native.request({ redirect_uri: redirectUri, response_mode: mode, prompt: 'none' })
      const page = await server.browser().request(url)
      const target = page.headers.get('location') ?? parse(page.body).forms[0]?.action
      expect(target?.startsWith(redirectUri)).toBe(true)
    }
  })
})

it('a port is not free for a web client, nor for localhost', async () => {
  for (const [metadata, presented] of [
    [{ redirect_uris: ['http://127.0.0.1:5173/cb'] }, 'http://127.0.0.1:5174/cb'],
    [{ redirect_uris: ['http://localhost:5173/cb'], application_type: 'native' }, 'http://localhost:5174/cb'],
  ] as const) {
    const client = await server.createClient(metadata)
    leadsNowhere(await server.browser().request(client.request({ redirect_uri: presented }).url), presented)
  }
})

it('RFC 9700 §4.1: redirect_uri by POST', async () => {
  for (const mutant of all) {
    const parameters = Object.fromEntries(new URL(app.request({ redirect_uri: mutant }).url).searchParams)
    leadsNowhere(await server.browser().post('/authorize', parameters), mutant)
  }
})

it('a name that only looks like redirect_uri does not count', async () => {
  const { url } = app.request({ redirect_uri: undefined })
  for (const name of [
    'redirect_uri[]',
    'redirect_uri[0]',
    'redirect_uri%00',
    'Redirect_Uri',
    'redirect-uri',
    ' redirect_uri',
  ]) {
    const page = await server.browser().request(`${url}&${encodeURIComponent(name)}=${encodeURIComponent(registered)}`)
    leadsNowhere(page, name)
  }
})

describe('OpenID Connect RP-Initiated Logout §3: post_logout_redirect_uri', () => {
  it('is never followed unless it is the registered one, with a valid hint', async () => {
    const { id_token: hint } = await app.tokens({ username })
    for (const mutant of all) {
      const query = new URLSearchParams({ id_token_hint: hint, post_logout_redirect_uri: mutant })
      leadsNowhere(await server.browser().request(`/logout?${query}`), mutant)
    }
  })

  it('nor with a client_id, nor without anything', async () => {
    const { browser } = await app.signIn({ username })
    for (const mutant of all) {
      const parameters: Record<string, string> = { client_id: app.clientId, post_logout_redirect_uri: mutant }
      leadsNowhere(await browser.request(`/logout?${new URLSearchParams(parameters)}`), mutant)
      leadsNowhere(await server.browser().post('/logout', parameters), mutant)
      leadsNowhere(await server.browser().post('/logout/confirm', parameters), mutant)
    }
    for (const mutant of [...all, registered]) {
      const page = await server
        .browser()
        .request(`/logout?${new URLSearchParams({ post_logout_redirect_uri: mutant })}`)
      expect({ mutant, location: page.headers.get('location') }).toEqual({ mutant, location: null })
    }
  })
})
