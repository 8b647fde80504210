import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { answerOf, claimsOf, fetchRaw } from '../support/front-channel.ts'
import { parse } from '../support/html.ts'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: TestClient
let other: TestClient
let user: { id: string; username: string }

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
  other = await server.createClient()
  user = await server.createUser({ email: 'alice@example.com' })
})
afterAll(() => server.close())

/** Everything that an answer shows, what is new in every answer left out. */
async function shapeOf(response: Response) {
  const volatile = new Set(['date', 'content-length', 'etag'])
  const text = await response.text()
  return {
    status: response.status,
    headers: [...response.headers].filter(([name]) => !volatile.has(name)),
    body: text.replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '').replaceAll(/ value="[^"]*"/g, ''),
  }
}
const post = (path: string, form: Record<string, string>, headers: Record<string, string> = {}) =>
  fetchRaw(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
  })
const basic = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})

/** The same answer for a thing that exists and for one that does not. */
async function expectSame(...answers: Promise<Response>[]): Promise<void> {
  const [first, ...rest] = await Promise.all(answers.map(async (answer) => shapeOf(await answer)))
  for (const shape of rest) expect(shape).toEqual(first)
}

describe('nobody learns who has an account', () => {
  it('from the sign-in form (GHSA-jq8w-8q2f-ffm9, GHSA-83cg-9mwq-gj42)', async () => {
    const attempt = async (username: string) => {
      const browser = server.browser()
      const page = await browser.open(app.request().url)
      const cookie = [...browser.jar].map(([name, value]) => `${name}=${value}`).join('; ')
      const { tx = '', csrf = '' } = parse(page.body).forms[0]?.fields ?? {}
      return post('/login', { tx, csrf, username, password: 'wrong password' }, { cookie, origin: server.url })
    }
    await expectSame(
      attempt(user.username),
      attempt('nobody'),
      attempt('alice@example.com'),
      attempt('bob@example.com'),
      attempt(user.id),
    )
  })

  it('from being locked out: a name that does not exist is locked as well', async () => {
    const limited = await server.another({ RATE_LIMITS: 'login_account=2/900' })
    const statuses = async (username: string) => {
      const seen = []
      for (let i = 0; i < 4; i++) {
        const browser = limited.browser()
        const page = await browser.open(app.request().url.replace(server.url, limited.url))
        const answer = await browser.submit(page, { username, password: 'wrong password' }, { origin: server.url })
        seen.push(`${answer.status} ${parse(answer.body).error}`)
      }
      return seen
    }
    expect(await statuses('nobody at all')).toEqual(await statuses(user.username))
    await limited.close()
  })

  it('from login_hint, with or without prompt=none', async () => {
    for (const prompt of ['none', 'login']) {
      const state = 'same'
      const parameters = { prompt, state, nonce: 'n', code_challenge: 'A'.repeat(43) }
      const [known, unknown] = await Promise.all(
        [user.username, 'nobody'].map(async (hint) => {
          const page = await server.browser().request(app.request({ ...parameters, login_hint: hint }).url)
          return { status: page.status, location: page.location?.href.replace(/tx=.*/, '') }
        }),
      )
      expect(known).toEqual(unknown)
    }
  })

  it('from a sub: an id_token_hint has to be signed', async () => {
    const forged = (sub: string) =>
      `e30.${Buffer.from(JSON.stringify({ sub, aud: app.clientId })).toString('base64url')}.x`
    const errors = await Promise.all(
      [user.id, randomUUID()].map(async (sub) =>
        answerOf(await server.browser().request(app.request({ id_token_hint: forged(sub), state: 's' }).url)),
      ),
    )
    expect(errors[0]).toEqual(errors[1])
  })

  it('from the admin API without the right token', async () => {
    const service = await server.createClient({ grant_types: ['client_credentials'], scope: 'introspect:any' })
    const { body } = await service.post('/token', { grant_type: 'client_credentials' })
    for (const headers of [
      {},
      { authorization: 'Bearer x' },
      { authorization: `Bearer ${String(body['access_token'])}` },
    ]) {
      await expectSame(
        ...[user.id, randomUUID(), 'x'].map((id) => fetchRaw(`${server.url}/admin/v1/users/${id}`, { headers })),
      )
    }
  })
})

describe('nobody learns what others hold', () => {
  it('a code of another client is as wrong as one that never was', async () => {
    const { code, verifier } = await app.signIn({ username: user.username })
    const form = { grant_type: 'authorization_code', redirect_uri: app.redirectUri, code_verifier: verifier }
    const madeUp = `${code.slice(0, 10)}${code.slice(10).split('').toReversed().join('')}`
    await expectSame(
      ...[code, madeUp, 'x', `flc_ac_${'A'.repeat(43)}_000000`].map((value) =>
        post('/token', { ...form, code: value }, basic(other.clientId, other.secret ?? '')),
      ),
    )
    expect((await app.exchange(code, verifier)).status).toBe(200)
  })

  it('a token of another client is exactly active: false, like one that never was', async () => {
    const { access_token: access, refresh_token: refresh } = await app.tokens({ username: user.username })
    const answers = [access, refresh, 'x', 'flc_rt_x', `${access}x`].map((token) =>
      post('/introspect', { token }, basic(other.clientId, other.secret ?? '')),
    )
    await expectSame(...answers)
    const { body } = await other.post('/introspect', { token: access })
    expect(body).toEqual({ active: false })
  })

  it('a handle of another browser is as expired as one that never was', async () => {
    const page = await server.browser().open(app.request().url)
    await expectSame(
      fetchRaw(page.url),
      fetchRaw(`${server.url}/login?tx=${'A'.repeat(43)}`),
      fetchRaw(`${server.url}/login?tx=x`),
    )
  })

  it('a session of another is as absent as one that never was', async () => {
    const { browser } = await app.signIn({ username: user.username })
    const [name, value] = [...browser.jar].find(([key]) => key.startsWith('sso')) ?? ['', '']
    const ask = (cookie: string) =>
      fetchRaw(app.request({ prompt: 'none', state: 's' }).url, { headers: { cookie: `${name}=${cookie}` } })
    await expectSame(
      ask(`${value.split('.')[0]}.${'A'.repeat(43)}`),
      ask(`${randomUUID()}.${'A'.repeat(43)}`),
      ask('x'),
    )
  })

  it('a wrong secret of a client is like the secret of a client that is not there', async () => {
    const form = { grant_type: 'client_credentials' }
    await expectSame(
      post('/token', form, basic(app.clientId, 'x'.repeat(40))),
      post('/token', form, basic('nobody', 'x'.repeat(40))),
      post('/token', form, basic(app.clientId, '')),
      post('/token', form, basic('nobody', '')),
    )
  })

  it('a password that was right of an account that is disabled is like a wrong one', async () => {
    const disabled = await server.createUser()
    await server.admin('POST', `/users/${disabled.id}/disable`)
    const attempt = async (secret: string) => {
      const browser = server.browser()
      const page = await browser.submit(await browser.open(app.request().url), {
        username: disabled.username,
        password: secret,
      })
      return { status: page.status, error: parse(page.body).error, cookies: page.headers.getSetCookie() }
    }
    expect(await attempt(password)).toEqual(await attempt('wrong password'))
  })
})

it('ids tell nothing but the time: no count, and no secret in a sub or sid', async () => {
  const { id_token: token } = await app.tokens({ username: user.username })
  for (const name of ['sub', 'sid'])
    expect(claimsOf(token)[name]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})
