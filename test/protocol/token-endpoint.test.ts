import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { basic, lastReason } from '../support/tokens.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const service = (metadata: Record<string, unknown> = {}) =>
  server.createClient({ grant_types: ['client_credentials'], redirect_uris: [], scope: 'reports:read', ...metadata })
const grant = { grant_type: 'client_credentials' }

/** A request with headers that fetch would fold into one. */
function raw(path: string, headers: string[], body: string): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(server.url)
  return new Promise((resolve, reject) => {
    const all = ['Host', `${hostname}:${port}`, 'Content-Length', String(body.length), ...headers]
    const sent = httpRequest({ hostname, port, path, method: 'POST', headers: all }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

describe('RFC 6749 §2.3: how a client authenticates', () => {
  it('client_secret_basic: id and secret in the Authorization header', async () => {
    const { clientId, secret } = await service()
    const { status, body } = await server.post('/token', grant, basic(clientId, secret ?? ''))
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: 'reports:read' })
  })

  it('client_secret_basic: each part is form-decoded, so colons, spaces, percents and non-ASCII ids work', async () => {
    const clientId = 'app:one%20+two'
    const secret = 'a secret: with + and % and = in it, long enough'.replaceAll(' ', '~')
    await service({ client_id: clientId, client_secret: secret })
    const form = (text: string) => new URLSearchParams([['x', text]]).toString().slice(2)
    expect((await server.post('/token', grant, basic(form(clientId), form(secret)))).status).toBe(200)
    const percent = basic(encodeURIComponent(clientId), encodeURIComponent(secret))
    expect((await server.post('/token', grant, percent)).status).toBe(200)
    // Undecoded, the first colon ends the id.
    const plain = await server.post('/token', grant, basic(clientId, secret))
    expect(plain).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    const unicode = await server.post('/token', grant, basic(form('käse☕'), form(secret)))
    expect(unicode).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    expect(lastReason(server)).toBe('unknown_client')
  })

  it('client_secret_basic: the scheme is case-insensitive, and a client_id in the body has to agree', async () => {
    const { clientId, secret } = await service()
    const { authorization } = basic(clientId, secret ?? '')
    const lower = { authorization: authorization.replace('Basic', 'bAsIc') }
    expect((await server.post('/token', grant, lower)).status).toBe(200)
    expect((await server.post('/token', { ...grant, client_id: clientId }, { authorization })).status).toBe(200)
    const other = await server.post('/token', { ...grant, client_id: 'somebody-else' }, { authorization })
    expect(other).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
  })

  it('client_secret_post: id and secret in the body', async () => {
    const { clientId, secret = '' } = await service({ token_endpoint_auth_method: 'client_secret_post' })
    const form = { ...grant, client_id: clientId, client_secret: secret }
    expect((await server.post('/token', form)).status).toBe(200)
    expect((await server.post('/token', { ...form, client_secret: `${secret}x` })).status).toBe(401)
  })

  it('none: a public client says who it is', async () => {
    const client = await server.createClient({ token_endpoint_auth_method: 'none' })
    const { username } = await server.createUser()
    const { refresh_token } = await client.tokens({ username })
    expect((await client.refresh(refresh_token)).status).toBe(200)
  })

  it('two methods at once are an invalid_request', async () => {
    const { clientId, secret = '' } = await service()
    const both = { ...grant, client_id: clientId, client_secret: secret }
    const answer = await server.post('/token', both, basic(clientId, secret))
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  it('two Authorization headers are an invalid_request, even when they are the same', async () => {
    const { clientId, secret = '' } = await service()
    const { authorization } = basic(clientId, secret)
    const type = ['content-type', 'application/x-www-form-urlencoded']
    const twice = ['Authorization', authorization, 'authorization', authorization, ...type]
    const answer = await raw('/token', twice, 'grant_type=client_credentials')
    expect(answer.status).toBe(400)
    expect(JSON.parse(answer.body)).toMatchObject({ error: 'invalid_request' })
  })

  describe('answers 401 invalid_client in the same words, and the log knows why', () => {
    const cases: [string, string, (client: TestClient, post: TestClient) => [Record<string, string>, object]][] = [
      ['an unknown client', 'unknown_client', () => [grant, basic('nobody', 'x'.repeat(40))]],
      ['a wrong secret', 'wrong_secret', (c) => [grant, basic(c.clientId, 'x'.repeat(40))]],
      ['an empty secret', 'wrong_secret', (c) => [grant, basic(c.clientId, '')]],
      ['the secret of another client', 'wrong_secret', (c, p) => [grant, basic(c.clientId, p.secret ?? '')]],
      [
        'a registered method that is not this one: post instead of basic',
        'wrong_method',
        (c) => [{ ...grant, client_id: c.clientId, client_secret: c.secret ?? '' }, {}],
      ],
      ['basic instead of post', 'wrong_method', (_, p) => [grant, basic(p.clientId, p.secret ?? '')]],
      ['a confidential client without its secret', 'wrong_method', (c) => [{ ...grant, client_id: c.clientId }, {}]],
      ['no credentials', 'no_credentials', () => [grant, {}]],
      ['a bearer token', 'unknown_scheme', () => [grant, { authorization: 'Bearer x' }]],
      ['an unknown scheme', 'unknown_scheme', () => [grant, { authorization: 'Digest username="x"' }]],
      ['Basic without credentials', 'malformed_basic', () => [grant, { authorization: 'Basic' }]],
      ['characters outside of base64', 'malformed_basic', () => [grant, { authorization: 'Basic a$b=' }]],
      ['base64 without a colon', 'malformed_basic', () => [grant, { authorization: 'Basic YWJj' }]],
      ['an empty id', 'malformed_basic', () => [grant, basic('', 'x'.repeat(40))]],
      ['a percent sign that escapes nothing', 'malformed_basic', (c) => [grant, basic(c.clientId, '100%')]],
      ['bytes that are no UTF-8', 'malformed_basic', (c) => [grant, basic(c.clientId, '%ff%fe')]],
      ['a NUL', 'malformed_basic', () => [grant, basic('a%00b', 'x'.repeat(40))]],
      ['an id of 5,000 characters', 'malformed_basic', () => [grant, basic('a'.repeat(5000), 'x')]],
    ]
    it.each(cases)('%s', async (_, reason, make) => {
      const client = await service()
      const poster = await service({ token_endpoint_auth_method: 'client_secret_post' })
      const [form, headers] = make(client, poster)
      const answer = await server.post('/token', form, headers as Record<string, string>)
      expect(answer.status).toBe(401)
      expect(answer.body).toEqual({ error: 'invalid_client', error_description: 'Client authentication failed' })
      expect(lastReason(server)).toBe(reason)
    })
  })

  it('a client that tried Basic is challenged with Basic', async () => {
    const { headers } = await server.post('/token', grant, basic('nobody', 'x'))
    expect(headers.get('www-authenticate')).toMatch(/^Basic realm=/)
    expect((await server.post('/token', grant)).headers.get('www-authenticate')).toBeNull()
  })

  it('a rotated secret: both work during the overlap, the old one no longer after it', async () => {
    const { clientId, secret = '' } = await service()
    const { body } = await server.admin<{ client_secret: string }>('POST', `/clients/${clientId}/secrets`, {
      overlap_seconds: 60,
    })
    const fresh = await server.another()
    const status = async (value: string) => (await fresh.post('/token', grant, basic(clientId, value))).status
    expect([await status(secret), await status(body.client_secret)]).toEqual([200, 200])
    await fresh.close()
    await server.wait(61)
    const later = await server.another()
    const after = async (value: string) => (await later.post('/token', grant, basic(clientId, value))).status
    expect([await after(secret), await after(body.client_secret)]).toEqual([401, 200])
    await later.close()
  })

  it('a disabled client is refused', async () => {
    const { clientId, secret = '' } = await service({ disabled: true })
    expect((await server.post('/token', grant, basic(clientId, secret))).status).toBe(401)
  })
})

describe('RFC 6749 §3.2: requests at the token endpoint', () => {
  const call = async (form: [string, string][]) => {
    const { clientId, secret = '' } = await service()
    return server.post('/token', form, basic(clientId, secret))
  }

  it.each(['grant_type', 'scope', 'client_id', 'code', 'refresh_token', 'unknown_parameter'])(
    'a repeated %s is an invalid_request',
    async (name) => {
      const answer = await call([
        ['grant_type', 'client_credentials'],
        [name, 'a'],
        [name, 'a'],
      ])
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    },
  )

  it('a parameter without a value counts as absent, also for repetition', async () => {
    expect(
      (
        await call([
          ['grant_type', 'client_credentials'],
          ['scope', ''],
        ])
      ).body['scope'],
    ).toBe('reports:read')
    expect(
      (
        await call([
          ['grant_type', ''],
          ['grant_type', 'client_credentials'],
        ])
      ).status,
    ).toBe(200)
  })

  it('unknown parameters are ignored', async () => {
    expect(
      (
        await call([
          ['grant_type', 'client_credentials'],
          ['foo', 'bar'],
        ])
      ).status,
    ).toBe(200)
  })

  it('a missing grant_type is an invalid_request', async () => {
    expect(await call([['scope', 'reports:read']])).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  it.each([
    ['authorization_code', 'code'],
    ['refresh_token', 'refresh_token'],
  ])('%s without %s is an invalid_request', async (grantType, missing) => {
    const client = await server.createClient()
    const answer = await client.post('/token', { grant_type: grantType })
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    expect(answer.body['error_description']).toContain(missing)
  })

  it.each(['password', 'implicit', 'constructor', '__proto__', 'toString', 'urn:example:custom', 'Client_Credentials'])(
    'grant_type %s is unsupported',
    async (name) => {
      expect(await call([['grant_type', name]])).toMatchObject({
        status: 400,
        body: { error: 'unsupported_grant_type' },
      })
    },
  )

  it('a grant type that the client is not registered for is unauthorized_client', async () => {
    expect(
      await call([
        ['grant_type', 'refresh_token'],
        ['refresh_token', 'x'],
      ]),
    ).toMatchObject({
      status: 400,
      body: { error: 'unauthorized_client' },
    })
  })

  it('the client is authenticated before anything is said about the rest', async () => {
    expect((await server.post('/token', { grant_type: 'password' })).body['error']).toBe('invalid_client')
  })

  it.each(['GET', 'PUT', 'PATCH', 'DELETE'])('%s is answered with 405 and Allow: POST', async (method) => {
    const response = await fetch(`${server.url}/token?grant_type=client_credentials`, { method })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST')
  })

  it.each(['application/json', 'text/plain', 'multipart/form-data; boundary=x'])(
    'a body of type %s is not read',
    async (type) => {
      const { clientId, secret = '' } = await service()
      const response = await fetch(`${server.url}/token`, {
        method: 'POST',
        headers: { 'content-type': type, ...basic(clientId, secret) },
        body: JSON.stringify(grant),
      })
      expect(response.status).toBeGreaterThanOrEqual(400)
      expect(response.status).toBeLessThan(500)
      expect(await response.json()).toMatchObject({ error: 'invalid_request' })
    },
  )

  it('parameters in the query string do not count', async () => {
    const { clientId, secret = '' } = await service()
    const answer = await server.post('/token?grant_type=client_credentials', {}, basic(clientId, secret))
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  it('a body beyond 64 KiB and more than 100 parameters are refused', async () => {
    expect(
      (
        await call([
          ['grant_type', 'client_credentials'],
          ['x', 'y'.repeat(70_000)],
        ])
      ).status,
    ).toBe(413)
    const many = Array.from({ length: 101 }, (_, i): [string, string] => [`p${i}`, '1'])
    expect((await call([['grant_type', 'client_credentials'], ...many])).status).toBe(400)
  })

  it('a NUL in a parameter is an invalid_request, not a failure', async () => {
    expect(
      await call([
        ['grant_type', 'client_credentials'],
        ['scope', 'a\0b'],
      ]),
    ).toMatchObject({ status: 400 })
  })
})

describe('RFC 6749 §5: the answer', () => {
  it('is JSON that no cache may keep, whether it grants or refuses', async () => {
    const { clientId, secret = '' } = await service()
    const headers = basic(clientId, secret)
    const answers = [
      await server.post('/token', grant, headers),
      await server.post('/token', { grant_type: 'password' }, headers),
      await server.post('/token', grant),
    ]
    expect(answers.map((answer) => answer.status)).toEqual([200, 400, 401])
    for (const answer of answers) {
      expect(answer.headers.get('cache-control')).toBe('no-store')
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    }
  })

  it('an error description is printable ASCII without quote and backslash, whatever was sent', async () => {
    const { clientId, secret = '' } = await service()
    const name = 'ä"\\\n<script>'
    const answer = await server.post(
      '/token',
      [
        [name, '1'],
        [name, '2'],
      ],
      basic(clientId, secret),
    )
    expect(answer.body['error_description']).toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]+$/)
  })
})

describe('failed client authentications', () => {
  it('are slowed down per client and network, and never keep the right secret out', async () => {
    const limited = await server.another({ RATE_LIMITS: 'client_auth=3/300', TRUST_PROXY: '127.0.0.1,::1' })
    const client = await server.createClient({ grant_types: ['client_credentials'], redirect_uris: [] })
    const form = { grant_type: 'client_credentials' }
    const from = (address: string, secret: string) =>
      limited.post('/token', form, { ...basic(client.clientId, secret), 'x-forwarded-for': address })
    for (const i of [1, 2, 3]) expect((await from(`2001:db8::${i}`, 'wrong')).status).toBe(401)
    const slowed = await from('2001:db8::4', 'wrong')
    expect([slowed.status, Number(slowed.headers.get('retry-after')) > 0]).toEqual([429, true])
    expect((await from('2001:db8:0:1::1', 'wrong')).status).toBe(401)
    expect((await from('2001:db8::5', client.secret ?? '')).status).toBe(200)
    await limited.close()
  })
})
