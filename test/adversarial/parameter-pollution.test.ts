import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answerOf, asksForPassword, claimsOf, fetchRaw, lastReason } from '../support/front-channel.ts'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: TestClient
let other: TestClient
let username: string

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient({ post_logout_redirect_uris: ['https://app.example.com/bye'] })
  other = await server.createClient({ redirect_uris: ['https://evil.example/callback'] })
  ;({ username } = await server.createUser())
})
afterAll(() => server.close())

const pair = (name: string, value: string) => `&${encodeURIComponent(name)}=${encodeURIComponent(value)}`
const basic = () => `Basic ${Buffer.from(`${app.clientId}:${app.secret}`).toString('base64')}`
/** The request with more text behind it, and with the same text before everything else. */
const bothWays = (url: string, more: string) => [url + more, url.replace('?', `?${more.slice(1)}&`)]

describe('RFC 6749 §3.1: a parameter that comes twice counts neither time', () => {
  it.each(['client_id', 'redirect_uri', 'state', 'response_mode'])('%s: a page, in either order', async (name) => {
    const value = name === 'client_id' ? other.clientId : 'https://evil.example/callback'
    for (const url of bothWays(app.request({ response_mode: 'query' }).url, pair(name, value))) {
      const page = await server.browser().request(url)
      expect(page.status).toBe(400)
      expect(page.location).toBeUndefined()
    }
  })

  it.each([
    ['scope', 'openid admin'],
    ['prompt', 'none'],
    ['response_type', 'token'],
    ['code_challenge', 'B'.repeat(43)],
    ['code_challenge_method', 'plain'],
    ['nonce', 'other'],
    ['max_age', '0'],
    ['claims', '{}'],
    ['id_token_hint', 'x'],
    ['request', 'x'],
  ])('%s: an error, even when both are equal', async (name, value) => {
    for (const more of [pair(name, value) + pair(name, value), pair(name, value) + pair(name, 'x')])
      for (const url of bothWays(app.request({ [name]: undefined }).url, more))
        expect(answerOf(await server.browser().request(url))).toMatchObject({ error: 'invalid_request' })
  })

  it('a parameter without a value counts as absent, beside one with a value too', async () => {
    const url = app.request().url + pair('redirect_uri', '') + pair('client_id', '') + pair('prompt', '')
    expect(asksForPassword(await server.browser().open(url))).toBe(true)
  })

  it.each([
    ['grant_type', 'client_credentials'],
    ['code', 'x'],
    ['redirect_uri', 'https://evil.example'],
    ['code_verifier', 'x'.repeat(43)],
    ['client_id', 'someone'],
    ['client_secret', 'x'],
    ['scope', 'openid'],
    ['refresh_token', 'x'],
  ])('at the token endpoint: %s', async (name, value) => {
    const { code, verifier } = await app.signIn({ username })
    const form: [string, string][] = [
      ['grant_type', 'authorization_code'],
      ['code', code],
      ['redirect_uri', app.redirectUri],
      ['code_verifier', verifier],
    ]
    const twice: [string, string][] = form.some(([known]) => known === name)
      ? [[name, value]]
      : [
          [name, value],
          [name, value],
        ]
    for (const fields of [
      [...form, ...twice],
      [...twice, ...form],
    ]) {
      const { status, body } = await server.post('/token', fields, { authorization: basic() })
      expect({ status, error: body['error'] }).toEqual({ status: 400, error: 'invalid_request' })
    }
    expect((await app.exchange(code, verifier)).status).toBe(200)
  })

  it.each(['/introspect', '/revoke'])('at %s: token', async (path) => {
    const { access_token: token } = await app.tokens({ username })
    const fields: [string, string][] = [
      ['token', 'x'],
      ['token', token],
    ]
    const { body } = await server.post(path, fields, { authorization: basic() })
    expect(body['error']).toBe('invalid_request')
    expect((await app.post('/introspect', { token })).body).toMatchObject({ active: true })
  })

  it('at userinfo: access_token', async () => {
    const { access_token: token } = await app.tokens({ username })
    expect(
      (
        await server.post('/userinfo', [
          ['access_token', token],
          ['access_token', token],
        ])
      ).status,
    ).toBe(400)
  })

  it.each([
    ['username', 'someone'],
    ['password', 'x'],
    ['csrf', 'x'],
    ['tx', 'x'],
    ['action', 'cancel'],
  ])('in the sign-in form: %s', async (name, value) => {
    const browser = server.browser()
    const page = await browser.open(app.request().url)
    const fields = Object.fromEntries(
      [...page.body.matchAll(/name="(tx|csrf)" value="([^"]*)"/g)].map(([, n, v]) => [n, v ?? '']),
    )
    const body =
      new URLSearchParams({ ...fields, username, password }).toString() + pair(name, value) + pair(name, value)
    const answer = await browser.request('/login', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: server.url },
      body,
    })
    expect(answer.status).toBe(400)
    expect(answer.headers.getSetCookie()).toEqual([])
  })

  it.each(['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state'])('at logout: %s', async (name) => {
    const query = new URLSearchParams({
      client_id: app.clientId,
      post_logout_redirect_uri: 'https://app.example.com/bye',
    })
    const page = await server.browser().request(`/logout?${query}${pair(name, 'x')}${pair(name, 'x')}`)
    expect(page.status).toBe(400)
    expect(page.location).toBeUndefined()
  })
})

describe('what is said in two places', () => {
  it('a POST to /authorize is read from its body: the query changes nothing', async () => {
    const own = new URL(app.request({ prompt: 'none' }).url).searchParams.toString()
    const response = await fetchRaw(other.request({ state: 'evil' }).url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: own,
    })
    const page = await server.browser().open(response.headers.get('location') ?? '')
    expect(page.location?.origin).not.toBe('https://evil.example')
  })

  it('a token request in the query is none', async () => {
    const { code, verifier } = await app.signIn({ username })
    const query = new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: app.redirectUri,
    })
    const { status } = await server.post(`/token?${query}`, {}, { authorization: basic() })
    expect(status).toBe(400)
    expect((await app.exchange(code, verifier)).status).toBe(200)
  })

  it('two ways of client authentication are refused (RFC 6749 §2.3)', async () => {
    const form = { grant_type: 'client_credentials', client_id: app.clientId, client_secret: app.secret ?? '' }
    const { status } = await server.post('/token', form, { authorization: basic() })
    expect(status).toBe(400)
  })

  it('a client_id beside Basic credentials has to be the same', async () => {
    const form = { grant_type: 'refresh_token', refresh_token: 'x', client_id: other.clientId }
    expect((await server.post('/token', form, { authorization: basic() })).status).toBeGreaterThanOrEqual(400)
    const { code, verifier } = await app.signIn({ username })
    const exchange = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: app.redirectUri }
    const { body } = await server.post('/token', { ...exchange, client_id: other.clientId }, { authorization: basic() })
    expect(body).not.toHaveProperty('access_token')
  })
})

describe('names that a parser might take for another', () => {
  it.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', '__defineGetter__', 'valueOf'])(
    '%s is a parameter like any other: unknown, so ignored',
    async (name) => {
      const url = app.request().url + pair(name, 'x') + pair(`${name}[redirect_uri]`, 'https://evil.example')
      expect(asksForPassword(await server.browser().open(url))).toBe(true)
      const { body } = await app.post('/token', { grant_type: name, [name]: 'x' })
      expect(body['error']).toBe('unsupported_grant_type')
      const claims = `{"id_token":{"${name}":{"essential":true}},"${name}":{"x":1}}`
      const { id_token: token } = await app.tokens({ username, parameters: { claims } })
      expect(claimsOf(token)['iss']).toBe(server.url)
    },
  )

  it.each(['scope[]', 'scope[0]', 'scope.0', 'SCOPE', ' scope', 'scope ', 'scope\u200b', 'ѕcope'])(
    '%j is not scope',
    async (name) => {
      const { code, verifier } = await app.signIn({ username, parameters: { [name]: 'openid profile email' } })
      const { body } = await app.exchange(code, verifier)
      expect(body.scope).toBe('openid')
    },
  )

  it.each(['%73cope', 'sc%6fpe', 'scope'])('%s is scope: percent escapes are decoded once', async (name) => {
    const page = await server.browser().request(`${app.request({ scope: undefined }).url}&${name}=unknown`)
    expect(answerOf(page)).toMatchObject({ error: 'invalid_scope' })
    const twice = name.replaceAll('%', '%25')
    if (twice !== name) {
      const ignored = await server.browser().open(`${app.request({ scope: undefined }).url}&${twice}=unknown`)
      expect(asksForPassword(ignored)).toBe(true)
    }
  })

  it('a semicolon separates nothing', async () => {
    const page = await server
      .browser()
      .request(`${app.request({ state: undefined }).url}&state=a;scope=unknown;prompt=none`)
    expect(page.location?.pathname).toBe('/login')
  })

  it('a sixteen-bit or doubly encoded ampersand separates nothing', async () => {
    const page = await server
      .browser()
      .request(app.request({ state: 'a%26redirect_uri=https://evil.example', prompt: 'none' }).url)
    expect(answerOf(page)).toMatchObject({ error: 'login_required', state: 'a%26redirect_uri=https://evil.example' })
    expect(lastReason(server)).not.toBe('redirect_mismatch')
  })
})
