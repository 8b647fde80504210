import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser, Page } from '../support/browser.ts'
import { answerOf, asksForConsent, asksForPassword, fetchRaw, sendBytes } from '../support/front-channel.ts'
import { parse } from '../support/html.ts'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: TestClient
let careful: TestClient
let username: string

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient({ post_logout_redirect_uris: ['https://app.example.com/bye'] })
  careful = await server.createClient({ skip_consent: false })
  ;({ username } = await server.createUser())
})
afterAll(() => server.close())

/** Every route of the server: method and path, parameters filled in. */
function routes(): [string, string][] {
  const found: [string, string][] = []
  const stack: string[] = []
  for (const line of server.server.app.printRoutes({ commonPrefix: false }).split('\n')) {
    const [, indent = '', path = '', methods = ''] = /^([│├└─\s]*)(\S+) \(([A-Z, ]+)\)$/.exec(line) ?? []
    if (path === '') continue
    const depth = Math.floor(indent.length / 4)
    stack[depth] = depth <= 1 ? path.replace(/^(?!\/)/, '/') : (stack[depth - 1] ?? '') + path
    for (const method of methods.split(', ')) found.push([method, (stack[depth] ?? '').replaceAll(':id', 'x')])
  }
  return found
}

describe('every answer of the server', () => {
  it('forbids sniffing, framing and foreign content, and says no more than its origin to others', async () => {
    const all = [
      ...routes(),
      ...['/nothing', '/login/', '/admin/v1/nothing', '//evil.example', '/%', '/%c0%80', `/${'a'.repeat(3000)}`].map(
        (path): [string, string] => ['GET', path],
      ),
      ['PUT', '/login'] as [string, string],
    ]
    expect(all.length).toBeGreaterThan(50)
    for (const [method, path] of all) {
      const { headers, status } = await fetchRaw(server.url + path, { method })
      const seen = {
        route: `${method} ${path}`,
        sniffing: headers.get('x-content-type-options'),
        framing: headers.get('x-frame-options'),
        referrer: headers.get('referrer-policy'),
        policy: /default-src 'none'.*frame-ancestors 'none'/.test(headers.get('content-security-policy') ?? ''),
        server: headers.get('server') ?? headers.get('x-powered-by'),
        isOurs: status < 500,
      }
      expect(seen).toEqual({
        route: `${method} ${path}`,
        sniffing: 'nosniff',
        framing: 'DENY',
        referrer: 'same-origin',
        policy: true,
        server: null,
        isOurs: true,
      })
    }
  })

  it('is not cached, unless it is a document for everybody', async () => {
    const cached = []
    for (const [method, path] of routes()) {
      const { headers } = await fetchRaw(server.url + path, { method })
      if (headers.get('cache-control')?.includes('max-age')) cached.push(path)
    }
    expect([...new Set(cached)].sort()).toEqual([
      '/.well-known/jwks.json',
      '/.well-known/oauth-authorization-server',
      '/.well-known/openid-configuration',
      '/admin/v1/openapi.json',
      '/assets/console.css',
      '/assets/icon.svg',
      '/assets/style.css',
      '/not-before',
    ])
  })

  it('with a status of its own for what cannot be read, and without a word of the request', async () => {
    for (const path of ['/canary%', '/canary%c0%80', '/admin/v1/canary%']) {
      const response = await fetchRaw(server.url + path)
      const type = path.startsWith('/admin/') ? 'application/problem+json' : 'text/html; charset=utf-8'
      expect(response.status).toBe(400)
      expect(response.headers.get('content-type')).toBe(type)
      expect(response.headers.get('cache-control')).toBe('no-store')
      expect(await response.text()).not.toContain('canary')
    }
  })

  it('tells who asks for too much in headers no more than that', async () => {
    const { text } = await sendBytes(server.url, `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`)
    expect(text).toMatch(/^HTTP\/1\.1 431 /)
  })
})

/** One of each kind of page. */
async function pages(): Promise<Record<string, Page>> {
  const browser = server.browser()
  const login = await browser.open(app.request().url)
  const refused = await browser.submit(login, { username, password: 'wrong password' })
  await browser.submit(login, { username, password })
  return {
    login,
    refused,
    consent: await browser.open(careful.request().url),
    formPost: await browser.open(app.request({ response_mode: 'form_post' }).url),
    logout: await browser.open('/logout'),
    loggedOut: await server.browser().open('/logout'),
    expired: await browser.open('/login?tx=x'),
    error: await browser.open('/authorize'),
    notFound: await browser.open('/nothing'),
    front: await browser.open('/'),
  }
}

describe('every page', () => {
  it('is HTML in UTF-8 that nobody keeps', async () => {
    for (const [name, page] of Object.entries(await pages())) {
      expect({ name, type: page.headers.get('content-type') }).toEqual({ name, type: 'text/html; charset=utf-8' })
      expect({ name, caching: page.headers.get('cache-control') }).toEqual({ name, caching: 'no-store' })
    }
  })

  it('has a policy without unsafe words, with form-action and without a base', async () => {
    for (const [name, page] of Object.entries(await pages())) {
      const policy = page.headers.get('content-security-policy') ?? ''
      expect({ name, policy }).toEqual({ name, policy: expect.not.stringMatching(/unsafe|\*|script-src '(?!sha256)/) })
      for (const part of [`default-src 'none'`, `form-action 'self'`, `base-uri 'none'`, `frame-ancestors 'none'`])
        expect(policy.split('; ').some((directive) => directive.startsWith(part))).toBe(true)
    }
  })

  it('runs without scripts and inline styles, the submit line of form_post aside', async () => {
    for (const [name, { body }] of Object.entries(await pages())) {
      const scripts = body.match(/<script/g) ?? []
      expect({ name, scripts: scripts.length }).toEqual({ name, scripts: name === 'formPost' ? 1 : 0 })
      expect(body).not.toMatch(/<style|\sstyle="|\son\w+="|javascript:|<iframe|<object|<base/i)
    }
  })

  it('has forms that post, and fields with the names that password managers know', async () => {
    const { login, consent, logout } = await pages()
    for (const page of [login, consent, logout]) expect(page?.body).not.toMatch(/<form(?![^>]*method="post")/)
    expect(login?.body).toMatch(/<input(?=[^>]*id="username")(?=[^>]*autocomplete="username")/)
    expect(login?.body).toMatch(/<input(?=[^>]*id="password")(?=[^>]*autocomplete="current-password")/)
    for (const id of ['submit', 'username', 'password']) expect(login?.body).toContain(`id="${id}"`)
    for (const id of ['approve', 'deny']) expect(consent?.body).toContain(`id="${id}"`)
    expect(logout?.body).toContain('id="confirm-logout"')
  })

  it('of an error carries a reference that the log has too', async () => {
    const { error } = await pages()
    const reference = /<code id="reference">([^<]+)</.exec(error?.body ?? '')?.[1]
    expect(server.log.some((line) => line['request'] === reference)).toBe(true)
  })
})

describe('CSP form-action names where the form may lead, redirects included', () => {
  const policyOf = async (metadata: Record<string, unknown>) => {
    const client = await server.createClient(metadata)
    const page = await server.browser().open(client.request().url)
    return /form-action ([^;]*)/.exec(page.headers.get('content-security-policy') ?? '')?.[1]
  }
  const native = { application_type: 'native', token_endpoint_auth_method: 'none' }
  const development = 'http://localhost:* http://127.0.0.1:*'

  it.each<[string, Record<string, unknown>, string]>([
    ['the origin of the client', {}, `'self' https://app.example.com`],
    ['its port', { redirect_uris: ['https://app.example.com:8443/cb'] }, `'self' https://app.example.com:8443`],
    [
      'its other sites, to which it may send on',
      { post_logout_redirect_uris: ['https://bye.example.com/'], client_uri: 'https://home.example.com/x' },
      `'self' https://app.example.com https://bye.example.com https://home.example.com`,
    ],
    [
      'for a loopback address, the ports of development',
      { redirect_uris: ['http://127.0.0.1:5173/cb'] },
      `'self' http://127.0.0.1:5173 ${development}`,
    ],
    [
      'the scheme where a policy cannot name the host',
      { redirect_uris: ['http://[::1]:5173/cb'] },
      `'self' http: ${development}`,
    ],
    ['a custom scheme', { ...native, redirect_uris: ['com.example.app:/cb'] }, `'self' com.example.app:`],
  ])('%s', async (_, metadata, expected) => {
    expect(await policyOf(metadata)).toBe(expected)
  })

  it('nothing else where no client is known', async () => {
    const { headers } = await server.browser().open('/authorize?redirect_uri=https://evil.example')
    expect(headers.get('content-security-policy')).toMatch(/form-action 'self';/)
  })
})

describe('CWE-79: what comes from outside stays text', () => {
  const attacks = [
    `"><script>alert(1)</script>`,
    `'><img src=x onerror=alert(1)>`,
    `</textarea></form><form action=https://evil.example>`,
    '\u2028\u2029</script><svg onload=alert(1)>',
    '&lt;script&gt;&#34;&quot;',
    '{{7*7}}${7*7}<%= 7*7 %>',
  ]
  /** The elements of a page, attribute values left out: what an attack would change. */
  const elementsOf = (body: string) => body.replaceAll(/"[^"]*"/g, '""').match(/<[a-z!/][^>]*>/gi) ?? []
  const plain = 'plain'

  const echoes: [string, (value: string) => Promise<Page>][] = [
    ['login_hint', async (value) => server.browser().open(app.request({ login_hint: value }).url)],
    [
      'username',
      async (value) => {
        const browser = server.browser()
        return browser.submit(await browser.open(app.request().url), { username: value, password: 'wrong password' })
      },
    ],
    [
      'state in form_post',
      async (value) =>
        server.browser().open(app.request({ state: value, response_mode: 'form_post', prompt: 'none' }).url),
    ],
    [
      'state in logout',
      async (value) => {
        const { browser } = await app.signIn({ username })
        const uri = 'https://app.example.com/bye'
        const query = new URLSearchParams({ client_id: app.clientId, post_logout_redirect_uri: uri, state: value })
        return browser.open(`/logout?${query}`)
      },
    ],
    ...['client_id', 'redirect_uri', 'response_type', 'response_mode', 'scope', 'prompt', 'nonce'].map(
      (name): [string, (value: string) => Promise<Page>] => [
        `${name} of /authorize`,
        async (value) => {
          const page = await server.browser().request(app.request({ [name]: value }).url)
          return page.location ? { ...page, body: '' } : page
        },
      ],
    ),
    ...['id_token_hint', 'client_id', 'post_logout_redirect_uri'].map(
      (name): [string, (value: string) => Promise<Page>] => [
        `${name} of /logout`,
        async (value) => server.browser().open(`/logout?${new URLSearchParams({ [name]: value })}`),
      ],
    ),
    ['tx of /login', async (value) => server.browser().open(`/login?${new URLSearchParams({ tx: value })}`)],
    ['a path', async (value) => server.browser().open(`/${encodeURIComponent(value)}`)],
    [
      'an unknown parameter',
      async (value) => server.browser().open(`/authorize?${new URLSearchParams({ [value]: value })}`),
    ],
  ]

  it.each(echoes)('%s', async (_, open) => {
    const expected = elementsOf((await open(plain)).body)
    for (const attack of attacks) {
      const { body } = await open(attack)
      if (body !== '') expect(elementsOf(body)).toEqual(expected)
      expect(body).not.toContain(attack)
    }
  })

  it('the name of a client and of a person', async () => {
    const client = await server.createClient({ client_name: attacks[0], skip_consent: false })
    const user = await server.createUser({ username: `<b>${attacks[1]}` })
    const browser = server.browser()
    const login = await browser.open(client.request().url)
    const consent = await browser.submit(login, { username: user.username, password })
    expect(asksForPassword(login) && asksForConsent(consent)).toBe(true)
    for (const { body } of [login, consent, await browser.open(`/logout?client_id=${client.clientId}`)])
      expect(body).not.toMatch(/<script>|<img src=x|<b>/)
  })

  it('addresses of a client become links only when they are http(s)', async () => {
    for (const uri of ['javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'data:text/html,x', 'https://x.example/\n']) {
      for (const name of ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri']) {
        const { status } = await server.admin('POST', '/clients', { redirect_uris: [app.redirectUri], [name]: uri })
        expect({ uri, status }).toEqual({ uri, status: 400 })
      }
    }
  })
})

describe('OAuth 2.0 Form Post Response Mode', () => {
  it.each([
    '"><script>alert(1)</script>',
    '</textarea></form>',
    '\u2028 \u2029 \u00a0 \ufeff',
    `<!-- --> ]]> & &amp; &#x41; ' " \``,
    ' leading and trailing ',
    '😀 é ﬁ İ',
    '%00%0d%0a+',
  ])('carries state byte for byte: %j', async (state) => {
    const { page } = await app.signIn({ username, parameters: { state, response_mode: 'form_post' } })
    expect(answerOf(page)).toEqual({ code: expect.stringMatching(/^flc_ac_/), state, iss: server.url })
    const [form, ...others] = parse(page.body).forms
    expect(others).toEqual([])
    expect(form?.action).toBe(app.redirectUri)
  })

  it('refuses what no form can carry unchanged: control characters, which RFC 6749 Appendix A.5 excludes', async () => {
    for (const state of ['a\0b', 'a\nb', 'a\r\nb', 'a\tb', '\u0085', '\u007f']) {
      const page = await server.browser().request(app.request({ state, response_mode: 'form_post' }).url)
      expect(page.location).toBeUndefined()
      expect([400, 200]).toContain(page.status)
      expect(answerOf(page)?.['state']).toBeUndefined()
    }
  })

  it('works without JavaScript: there is a button', async () => {
    const { page } = await app.signIn({ username, parameters: { response_mode: 'form_post' } })
    expect(page.body).toMatch(/<button[^>]*type="submit"/)
  })

  it('answers an error in the same way', async () => {
    const { state, url } = app.request({ response_mode: 'form_post', scope: 'unknown' })
    const page = await server.browser().open(url)
    expect(answerOf(page)).toMatchObject({ error: 'invalid_scope', state, iss: server.url })
  })
})

describe('headers that a browser sends about itself change no address', () => {
  it.each<[string, Record<string, string>]>([
    ['X-Forwarded-Host', { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }],
    ['Forwarded', { forwarded: 'host=evil.example;proto=https' }],
    ['X-Original-URL', { 'x-original-url': '/admin', 'x-rewrite-url': '/admin' }],
  ])('%s', async (_, headers) => {
    const browser: Browser = server.browser()
    const page = await browser.request(app.request().url, { headers })
    expect(page.location?.origin).toBe(server.url)
    expect((await browser.follow(page)).body).not.toContain('evil.example')
  })

  it('Host', async () => {
    const path = app.request().url.slice(server.url.length)
    const { text } = await sendBytes(
      server.url,
      `GET ${path} HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n`,
    )
    expect(text).toMatch(/^HTTP\/1\.1 303 /)
    expect(text).not.toContain('evil.example')
  })
})
