import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Page } from '../support/browser.ts'
import { answerOf, asksForPassword, claimsOf, fetchRaw, lastReason } from '../support/front-channel.ts'
import { parse } from '../support/html.ts'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: TestClient
let username: string

beforeAll(async () => {
  server = await startServer()
  await server.admin('POST', '/resources', { identifier: 'https://api.example.com', scopes: ['orders:read'] })
  await server.admin('POST', '/resources', { identifier: 'https://other.example.com', scopes: ['other:read'] })
  app = await server.createClient({
    scope: 'openid profile email orders:read',
    allowed_resources: ['https://api.example.com'],
  })
  ;({ username } = await server.createUser({ name: 'Alice Example' }))
})
afterAll(() => server.close())

type Changes = Record<string, string | undefined>
const open = (changes: Changes = {}, client = app) => server.browser().request(client.request(changes).url)

const expectPage = (page: Page) => {
  expect(page.status).toBe(400)
  expect(page.location).toBeUndefined()
  expect(page.headers.get('content-type')).toMatch(/^text\/html/)
  expect(parse(page.body).forms).toEqual([])
}

describe('RFC 6749 §4.1.2.1: until client and redirect URI are proven, an error is shown to the person and never redirected', () => {
  it.each<[string, Changes, string]>([
    ['no client_id', { client_id: undefined }, 'client_id is missing'],
    ['an empty client_id, which counts as none', { client_id: '' }, 'client_id is missing'],
    ['an unknown client', { client_id: 'nobody' }, 'unknown_client'],
    ['a client_id of 10 kB', { client_id: 'a'.repeat(10_000) }, 'unknown_client'],
    ['no redirect_uri, even if only one is registered', { redirect_uri: undefined }, 'redirect_uri is missing'],
    ['a redirect_uri of another site', { redirect_uri: 'https://evil.example/callback' }, 'redirect_mismatch'],
    [
      'a redirect_uri below the registered one',
      { redirect_uri: 'https://app.example.com/callback/x' },
      'redirect_mismatch',
    ],
    [
      'a redirect_uri with another query',
      { redirect_uri: 'https://app.example.com/callback?x=1' },
      'redirect_mismatch',
    ],
    [
      'an error on top: what is wrong besides does not matter',
      { redirect_uri: 'https://evil.example/', response_type: 'token' },
      'redirect_mismatch',
    ],
    [
      'a state of more than 2048 characters',
      { state: 's'.repeat(2049) },
      'state is too long or holds control characters',
    ],
    ['a state with a line break', { state: 'a\r\nb' }, 'state is too long or holds control characters'],
  ])('%s', async (_, changes, reason) => {
    for (const mode of ['query', 'form_post']) {
      expectPage(await open({ ...changes, response_mode: mode }))
      expect(lastReason(server)).toBe(reason)
    }
  })

  it.each(['client_id', 'redirect_uri', 'response_mode', 'state'])('%s sent twice', async (name) => {
    expectPage(await server.browser().request(`${app.request({ response_mode: 'query' }).url}&${name}=again`))
    expect(lastReason(server)).toBe(`${name} is repeated`)
  })

  it('a client that is disabled, at once', async () => {
    const client = await server.createClient()
    expect((await open({}, client)).status).toBe(303)
    await server.admin('PATCH', `/clients/${client.clientId}`, { disabled: true })
    expectPage(await open({}, client))
    expect(lastReason(server)).toBe('unknown_client')
  })

  it('a redirect URI that was removed, at once', async () => {
    const client = await server.createClient()
    expect((await open({}, client)).status).toBe(303)
    await server.admin('PATCH', `/clients/${client.clientId}`, { redirect_uris: ['https://app.example.com/new'] })
    expectPage(await open({}, client))
    expect(lastReason(server)).toBe('redirect_mismatch')
  })

  it('form_post to a custom scheme, where no form can go', async () => {
    const client = await server.createClient({
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['com.example.app:/callback'],
    })
    expectPage(await open({ response_mode: 'form_post' }, client))
    expect((await open({ prompt: 'none' }, client)).location?.href).toMatch(
      /^com\.example\.app:\/callback\?error=login_required/,
    )
  })

  it('tells nobody else what was wrong: the page names no value of the request', async () => {
    const page = await open({ redirect_uri: 'https://evil.example/canary' })
    expect(page.body).not.toContain('canary')
    expect(page.body).toContain(`id="reference"`)
  })
})

describe('RFC 6749 §4.1.2.1: afterwards every error goes to the client', () => {
  const long = 'x'.repeat(50)
  it.each<[string, Changes, string]>([
    ['no response_type', { response_type: undefined }, 'invalid_request'],
    ['the implicit flow', { response_type: 'token' }, 'unsupported_response_type'],
    ['the implicit flow of OpenID Connect', { response_type: 'id_token' }, 'unsupported_response_type'],
    ['a hybrid flow', { response_type: 'code id_token' }, 'unsupported_response_type'],
    ['code twice in one response_type', { response_type: 'code code' }, 'unsupported_response_type'],
    ['another spelling of code', { response_type: 'CODE' }, 'unsupported_response_type'],
    ['no code_challenge', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['a code_challenge_method without a challenge', { code_challenge: undefined }, 'invalid_request'],
    ['a challenge without its method, which would mean plain', { code_challenge_method: undefined }, 'invalid_request'],
    ['PKCE plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['another spelling of S256', { code_challenge_method: 's256' }, 'invalid_request'],
    ['a challenge of 42 characters', { code_challenge: 'a'.repeat(42) }, 'invalid_request'],
    ['a challenge of 44 characters', { code_challenge: 'a'.repeat(44) }, 'invalid_request'],
    ['a challenge with padding', { code_challenge: `${'a'.repeat(42)}=` }, 'invalid_request'],
    ['a challenge in plain base64', { code_challenge: `${'a'.repeat(42)}+` }, 'invalid_request'],
    ['a scope that the client may not have', { scope: 'openid other:read' }, 'invalid_scope'],
    ['a scope of the admin API', { scope: 'openid admin' }, 'invalid_scope'],
    ['two spaces between scopes', { scope: 'openid  profile' }, 'invalid_scope'],
    ['a quote in a scope', { scope: 'openid pro"file' }, 'invalid_scope'],
    ['more than 50 scopes', { scope: Array.from({ length: 51 }, (_, i) => `s${i}`).join(' ') }, 'invalid_scope'],
    ['a scope of more than 2 kB', { scope: Array.from({ length: 42 }, () => long).join(' ') }, 'invalid_scope'],
    ['an unknown prompt', { prompt: 'create' }, 'invalid_request'],
    ['prompt=none with another', { prompt: 'none login' }, 'invalid_request'],
    ['a negative max_age', { max_age: '-1' }, 'invalid_request'],
    ['a max_age that is no whole number', { max_age: '1.5' }, 'invalid_request'],
    ['a max_age in words', { max_age: 'never' }, 'invalid_request'],
    ['claims that are no JSON', { claims: '{' }, 'invalid_request'],
    ['claims that are no object', { claims: '[]' }, 'invalid_request'],
    ['claims with a member of another type', { claims: '{"id_token":5}' }, 'invalid_request'],
    ['claims of more than 4 kB', { claims: `{"x":"${'x'.repeat(4096)}"}` }, 'invalid_request'],
    [
      'claims with an escaped NUL',
      { claims: String.raw`{"id_token":{"acr":{"values":["\u0000"]}}}` },
      'invalid_request',
    ],
    ['claims with half of a surrogate pair', { claims: String.raw`{"userinfo":{"x\ud800":null}}` }, 'invalid_request'],
    ['an unregistered resource', { resource: 'https://nowhere.example' }, 'invalid_target'],
    ['a resource that the client may not have', { resource: 'https://other.example.com' }, 'invalid_target'],
    ['an id_token_hint that is no token', { id_token_hint: 'garbage' }, 'invalid_request'],
    [
      'an id_token_hint without a signature',
      { id_token_hint: 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.' },
      'invalid_request',
    ],
    ['a nonce of more than 512 characters', { nonce: 'n'.repeat(513) }, 'invalid_request'],
    ['a login_hint of more than 320 characters', { login_hint: 'l'.repeat(321) }, 'invalid_request'],
    ['a NUL byte in any parameter', { ui_locales: 'de\0' }, 'invalid_request'],
    ['a request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
    ['a request_uri', { request_uri: 'https://evil.example/request.jwt' }, 'request_uri_not_supported'],
    ['a registration', { registration: '{}' }, 'registration_not_supported'],
  ])('%s', async (_, changes, error) => {
    for (const mode of ['query', 'form_post']) {
      const { url, state } = app.request({ ...changes, response_mode: mode })
      const page = await server.browser().request(url)
      const answer = answerOf(page)
      expect(answer).toEqual({ error, error_description: expect.any(String), state, iss: server.url })
      // RFC 6749 §4.1.2.1: no characters outside %x20-21 / %x23-5B / %x5D-7E
      expect(answer?.['error_description']).toMatch(/^[\x20\x21\x23-\x5B\x5D-\x7E]+$/)
      if (mode === 'query') expect(page.location?.href).toMatch(/^https:\/\/app\.example\.com\/callback\?/)
      else expect(parse(page.body).forms[0]?.action).toBe('https://app.example.com/callback')
    }
  })

  it.each(['fragment', 'query.jwt', 'jwt', 'web_message', 'FORM_POST'])(
    'response_mode=%s, answered in query mode',
    async (mode) => {
      const page = await open({ response_mode: mode })
      expect(page.location?.hash).toBe('')
      expect(answerOf(page)).toMatchObject({ error: 'invalid_request', iss: server.url })
    },
  )

  it.each(['nonce', 'scope', 'prompt', 'code_challenge', 'response_type', 'anything'])(
    '%s sent twice',
    async (name) => {
      const page = await server.browser().request(`${app.request().url}&${name}=openid&${name}=openid`)
      expect(answerOf(page)).toMatchObject({ error: 'invalid_request', iss: server.url })
    },
  )

  it('more than 100 parameters', async () => {
    const many = Array.from({ length: 100 }, (_, i) => `&p${i}=1`).join('')
    expect(answerOf(await server.browser().request(app.request().url + many))).toMatchObject({
      error: 'invalid_request',
    })
  })

  it('an ID token of another client as the hint', async () => {
    const other = await server.createClient()
    const { id_token: hint } = await other.tokens({ username })
    expect(answerOf(await open({ id_token_hint: hint }))).toMatchObject({ error: 'invalid_request' })
  })

  it('an access token as the hint', async () => {
    const { access_token: hint } = await app.tokens({ username })
    expect(answerOf(await open({ id_token_hint: hint }))).toMatchObject({ error: 'invalid_request' })
  })

  it('a client without the authorization code grant', async () => {
    const service = await server.createClient({ grant_types: ['client_credentials'], scope: 'orders:read' })
    expect(answerOf(await open({ scope: undefined }, service))).toMatchObject({ error: 'unauthorized_client' })
  })

  it('says nothing of the kind when no state was sent', async () => {
    expect(answerOf(await open({ state: undefined, prompt: 'none' }))).not.toHaveProperty('state')
  })
})

describe('RFC 6749 §4.1.2 and RFC 9207: the authorization response', () => {
  it('is a 303 with exactly code, state and iss, never cached', async () => {
    const browser = server.browser()
    await app.signIn({ browser, username })
    const { url, state } = app.request()
    const page = await browser.request(url)
    expect(page.status).toBe(303)
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(answerOf(page)).toEqual({ code: expect.stringMatching(/^flc_ac_/), state, iss: server.url })
  })

  it('adds to the query that the registered URI has', async () => {
    const client = await server.createClient({ redirect_uris: ['https://app.example.com/callback?tenant=a%20b'] })
    const { page } = await client.signIn({ username })
    expect(page.location?.href).toMatch(/^https:\/\/app\.example\.com\/callback\?tenant=a%20b&code=/)
  })

  it.each([
    'a b+c%20d',
    '"><script>alert(1)</script>',
    `'); alert('1`,
    'é — ü 漢字 😀',
    '\u2028\u2029\ufeff',
    'a=b&iss=https://evil.example&code=x',
    '#fragment?query',
    's'.repeat(2048),
  ])('gives state back as it was: %j', async (state) => {
    for (const mode of ['query', 'form_post']) {
      const page = await open({ state, prompt: 'none', response_mode: mode })
      expect(answerOf(page)).toMatchObject({ error: 'login_required', state, iss: server.url })
    }
  })

  it('answers form_post with a page whose only script is the submit line that its policy names', async () => {
    const { page, code } = await app.signIn({ username, parameters: { response_mode: 'form_post' } })
    expect(code).toBe('')
    expect(page.status).toBe(200)
    expect(page.headers.get('cache-control')).toBe('no-store')
    const [form] = parse(page.body).forms
    expect(form?.action).toBe('https://app.example.com/callback')
    expect(Object.keys(form?.fields ?? {}).sort()).toEqual(['code', 'iss', 'state'])
    const scripts = [...page.body.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map(([, script = '']) => script)
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(scripts).toHaveLength(1)
    expect(policy).toContain(
      `script-src 'sha256-${createHash('sha256')
        .update(scripts[0] ?? '')
        .digest('base64')}'`,
    )
    expect(policy).toContain(`form-action 'self' https://app.example.com https:;`)
  })

  it('stores only the hash of a code', async () => {
    const { code } = await app.signIn({ username })
    const rows = await server.db.query('select row_to_json(c)::text as text from authorization_codes c')
    expect(rows.length).toBeGreaterThan(0)
    expect(JSON.stringify(rows)).not.toContain(code)
    expect(JSON.stringify(server.log)).not.toContain(code)
  })
})

describe('RFC 9700 §2.1.1: PKCE', () => {
  it('may be left out only by a confidential client that says so', async () => {
    const without = { code_challenge: undefined, code_challenge_method: undefined }
    const client = await server.createClient({ require_pkce: false })
    const { code } = await client.signIn({ username, parameters: without })
    expect(
      (await client.post('/token', { grant_type: 'authorization_code', code, redirect_uri: client.redirectUri }))
        .status,
    ).toBe(200)
  })

  it('holds for a client that may leave it out and did not', async () => {
    const client = await server.createClient({ require_pkce: false })
    const { code, verifier } = await client.signIn({ username })
    const withoutVerifier = { grant_type: 'authorization_code', code, redirect_uri: client.redirectUri }
    expect((await client.post('/token', withoutVerifier)).body['error']).toBe('invalid_grant')
    expect((await client.exchange(code, verifier)).status).toBe(200)
  })

  it('cannot be added at the token endpoint: a verifier for a code without a challenge is refused', async () => {
    const client = await server.createClient({ require_pkce: false })
    const without = { code_challenge: undefined, code_challenge_method: undefined }
    const { code, verifier } = await client.signIn({ username, parameters: without })
    expect((await client.exchange(code, verifier)).body).toMatchObject({ error: 'invalid_grant' })
    expect(lastReason(server)).toBe('pkce_mismatch')
  })

  it('cannot be switched off for a public client', async () => {
    const { status } = await server.admin('POST', '/clients', {
      redirect_uris: ['https://app.example.com/callback'],
      token_endpoint_auth_method: 'none',
      require_pkce: false,
    })
    expect(status).toBe(400)
  })
})

describe('scope', () => {
  it('grants what was asked for', async () => {
    const { scope } = await app.tokens({ username, parameters: { scope: 'openid email' } })
    expect(scope).toBe('openid email')
  })

  it('may be left out: then there is no ID token', async () => {
    const { code, verifier } = await app.signIn({ username, parameters: { scope: undefined, nonce: undefined } })
    const { status, body } = await app.exchange(code, verifier)
    expect(status).toBe(200)
    expect(body).not.toHaveProperty('id_token')
  })

  it('loses an offline_access that the client may not have, instead of failing', async () => {
    const { scope } = await app.tokens({ username, parameters: { scope: 'openid offline_access' } })
    expect(scope).toBe('openid')
  })
})

describe('RFC 8707 §2: resource', () => {
  it('becomes the audience, beside this server for openid', async () => {
    const parameters = { scope: 'openid orders:read', resource: 'https://api.example.com' }
    const { access_token: token } = await app.tokens({ username, parameters })
    expect(claimsOf(token)).toMatchObject({ aud: ['https://api.example.com', server.url], scope: 'openid orders:read' })
  })

  it('may be sent twice, unlike any other parameter', async () => {
    const client = await server.createClient({ scope: 'openid orders:read other:read' })
    const url = `${client.request().url}&resource=https://api.example.com&resource=https://other.example.com`
    expect(asksForPassword(await server.browser().open(url))).toBe(true)
  })
})

describe('OpenID Connect Core §5.5: the claims parameter', () => {
  it('puts a claim into the ID token that would otherwise only be at userinfo', async () => {
    const plain = await app.tokens({ username, parameters: { scope: 'openid profile' } })
    expect(claimsOf(plain.id_token)).not.toHaveProperty('name')
    const claims = JSON.stringify({ id_token: { name: null, nonsense: { essential: true } } })
    const asked = await app.tokens({ username, parameters: { claims } })
    expect(claimsOf(asked.id_token)).toMatchObject({ name: 'Alice Example' })
    expect(claimsOf(asked.id_token)).not.toHaveProperty('nonsense')
  })

  it('cannot rewrite what the server says about itself', async () => {
    const claims = JSON.stringify({
      id_token: { iss: { value: 'https://evil.example' }, sub: { value: 'x' }, aud: null },
    })
    const { id_token: token } = await app.tokens({ username, parameters: { claims } })
    expect(claimsOf(token)).toMatchObject({ iss: server.url, aud: app.clientId })
  })
})

describe('OpenID Connect Core §3.1.2.1: a POST', () => {
  const post = (parameters: Changes = {}, headers: Record<string, string> = {}) =>
    server.browser().request('/authorize', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://app.example.com', ...headers },
      body: new URL(app.request(parameters).url).searchParams.toString(),
    })

  it('is set aside and taken up by a GET from this site, which has the cookies', async () => {
    const browser = server.browser()
    await app.signIn({ browser, username })
    const crossSite = await post()
    expect(crossSite.status).toBe(303)
    expect(crossSite.location?.pathname).toBe('/login')
    for (const line of crossSite.headers.getSetCookie()) {
      const [name = '', value = ''] = line.split(';')[0]?.split('=') ?? []
      browser.jar.set(name, value)
    }
    const answer = answerOf(await browser.follow(crossSite))
    expect(answer).toMatchObject({ code: expect.any(String), iss: server.url })
  })

  it('leads to the sign-in page without a session, and to login_required with prompt=none', async () => {
    const browser = server.browser()
    const body = new URL(app.request({ prompt: 'none' }).url).searchParams
    const page = await browser.follow(await browser.post('/authorize', Object.fromEntries(body)))
    expect(answerOf(page)).toMatchObject({ error: 'login_required' })
  })

  it('is validated before it is set aside', async () => {
    expectPage(await post({ redirect_uri: 'https://evil.example' }))
    expect(answerOf(await post({ response_type: 'token' }))).toMatchObject({ error: 'unsupported_response_type' })
  })

  it('is read from its body alone', async () => {
    const response = await fetchRaw(app.request().url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'x=1',
    })
    expect(response.status).toBe(400)
  })

  it.each(['application/json', 'multipart/form-data', 'text/plain'])('as %s is refused', async (type) => {
    const page = await post({}, { 'content-type': type })
    expect(page.status).toBe(415)
    expect(page.headers.get('content-type')).toMatch(/^text\/html/)
  })

  it.each(['HEAD', 'PUT', 'DELETE', 'OPTIONS'])('%s is no way to authorize', async (method) => {
    const response = await fetchRaw(app.request().url, { method })
    expect(response.status).toBe(404)
    expect(response.headers.get('location')).toBeNull()
  })
})
