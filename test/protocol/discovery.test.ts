import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clientAuthMethods } from '../../src/protocol/client-auth/index.ts'
import { grantTypes } from '../../src/protocol/grant-types/index.ts'
import { fetchRaw } from '../support/front-channel.ts'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: TestClient
let document: Record<string, unknown>
const paths = ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/.well-known/jwks.json']

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
  document = (await (await fetch(server.url + paths[0])).json()) as Record<string, unknown>
})
afterAll(() => server.close())

const listOf = (name: string): string[] => document[name] as string[]

describe('OpenID Connect Discovery §4.3 and RFC 8414 §3.3: the metadata', () => {
  it('names the issuer exactly as it is in tokens, and begins every address with it', () => {
    expect(document['issuer']).toBe(server.url)
    const addresses = Object.entries(document).filter(([name]) => /(_endpoint|_uri)$/.test(name))
    expect(addresses.length).toBeGreaterThan(7)
    for (const [, address] of addresses) expect(String(address).startsWith(`${server.url}/`)).toBe(true)
  })

  it('is the same under both well-known addresses', async () => {
    expect(await (await fetch(server.url + paths[1])).json()).toEqual(document)
  })

  it('has what OpenID Connect Discovery §3 requires', () => {
    const required = [
      'issuer',
      'authorization_endpoint',
      'token_endpoint',
      'jwks_uri',
      'response_types_supported',
      'subject_types_supported',
      'id_token_signing_alg_values_supported',
    ]
    for (const name of required) expect(document).toHaveProperty(name)
    expect(listOf('id_token_signing_alg_values_supported')).toContain('RS256')
    expect(listOf('scopes_supported')).toContain('openid')
  })

  it('does not depend on what the request says about the host', async () => {
    const headers = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', forwarded: 'host=evil.example' }
    expect(await (await fetch(server.url + paths[0], { headers })).json()).toEqual(document)
  })

  it('holds no relic: no implicit flow, no password grant, no plain PKCE, no unsigned token', () => {
    expect(listOf('response_types_supported')).toEqual(['code'])
    expect(listOf('code_challenge_methods_supported')).toEqual(['S256'])
    for (const relic of ['password', 'implicit']) expect(listOf('grant_types_supported')).not.toContain(relic)
    for (const alg of ['none', 'HS256']) expect(listOf('id_token_signing_alg_values_supported')).not.toContain(alg)
    expect(listOf('response_modes_supported')).not.toContain('fragment')
  })
})

describe('what it promises is what is there', () => {
  it.each([
    ['authorization_endpoint', 'GET', 400],
    ['token_endpoint', 'POST', 401],
    ['userinfo_endpoint', 'GET', 401],
    ['jwks_uri', 'GET', 200],
    ['introspection_endpoint', 'POST', 401],
    ['revocation_endpoint', 'POST', 401],
    ['end_session_endpoint', 'GET', 200],
    ['not_before_endpoint', 'GET', 200],
  ])('%s answers', async (name, method, status) => {
    const headers = method === 'POST' ? { 'content-type': 'application/x-www-form-urlencoded' } : {}
    const response = await fetchRaw(String(document[name]), {
      method,
      headers,
      ...(method === 'POST' ? { body: 'token=x&grant_type=x' } : {}),
    })
    expect(response.status).toBe(status)
  })

  it('every grant type and client authentication method of the tables, and no other', () => {
    expect(listOf('grant_types_supported').sort()).toEqual(Object.keys(grantTypes).sort())
    expect(listOf('token_endpoint_auth_methods_supported').sort()).toEqual(Object.keys(clientAuthMethods).sort())
    expect(listOf('introspection_endpoint_auth_methods_supported')).not.toContain('none')
  })

  it('every prompt and response mode is accepted, and nothing beside them', async () => {
    const errorOf = async (parameters: Record<string, string>) => {
      const { location, body } = await server.browser().request(app.request(parameters).url)
      return location?.searchParams.get('error') ?? (body.includes('name="error"') ? 'error' : undefined)
    }
    for (const prompt of listOf('prompt_values_supported'))
      expect(await errorOf({ prompt })).toBe(prompt === 'none' ? 'login_required' : undefined)
    for (const mode of listOf('response_modes_supported'))
      expect(await errorOf({ response_mode: mode })).toBeUndefined()
    expect(await errorOf({ prompt: 'create' })).toBe('invalid_request')
    expect(await errorOf({ response_mode: 'fragment' })).toBe('invalid_request')
  })

  it('the JWK Set holds public keys for the algorithms in use, and no private part of any', async () => {
    const { keys } = (await (await fetch(server.url + paths[2])).json()) as { keys: Record<string, unknown>[] }
    const algs = keys.map((key) => key['alg'])
    for (const alg of ['RS256', 'ES256']) expect(algs).toContain(alg)
    for (const key of keys) {
      expect(key).toMatchObject({
        kid: expect.any(String),
        use: 'sig',
        alg: expect.any(String),
        kty: expect.any(String),
      })
      for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k']) expect(key).not.toHaveProperty(secret)
    }
  })

  it('every signing algorithm is one that a client can have its ID tokens signed with', async () => {
    const { username } = await server.createUser()
    for (const alg of listOf('id_token_signing_alg_values_supported')) {
      const client = await server.createClient({ id_token_signed_response_alg: alg })
      const { id_token: token } = await client.tokens({ username })
      const header = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as {
        alg: string
        kid: string
      }
      expect(header.alg).toBe(alg)
      const { keys } = (await (await fetch(server.url + paths[2])).json()) as { keys: { kid: string }[] }
      expect(keys.map(({ kid }) => kid)).toContain(header.kid)
    }
  })

  it.each<[string, Record<string, string>, string]>([
    ['request_parameter_supported', { request: 'x' }, 'request_not_supported'],
    ['request_uri_parameter_supported', { request_uri: 'https://x.example' }, 'request_uri_not_supported'],
  ])('%s is false, and so it is', async (name, parameters, error) => {
    expect(document[name]).toBe(false)
    const { location } = await server.browser().request(app.request(parameters).url)
    expect(location?.searchParams.get('error')).toBe(error)
  })

  it('RFC 9207 §3: iss is announced', () => {
    expect(document['authorization_response_iss_parameter_supported']).toBe(true)
  })
})

describe.each(paths)('RFC 9110: %s', (path) => {
  it('is JSON that everybody may read and cache for a while', async () => {
    const { headers, status } = await fetch(server.url + path)
    expect(status).toBe(200)
    expect(headers.get('content-type')).toMatch(/^application\/json/)
    expect(headers.get('cache-control')).toMatch(/^public, max-age=\d+/)
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('access-control-allow-credentials')).toBeNull()
    expect(headers.getSetCookie()).toEqual([])
  })

  it('answers HEAD with the headers of GET and no body', async () => {
    const [head, get] = [await fetch(server.url + path, { method: 'HEAD' }), await fetch(server.url + path)]
    expect(head.status).toBe(200)
    expect(await head.text()).toBe('')
    for (const name of ['etag', 'content-type', 'cache-control', 'content-length'])
      expect(head.headers.get(name)).toBe(get.headers.get(name))
  })

  it('answers 304 to who has it already, and 200 to who has another', async () => {
    const etag = (await fetch(server.url + path)).headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[^"]+"$/)
    const again = await fetch(server.url + path, { headers: { 'if-none-match': etag } })
    expect(again.status).toBe(304)
    expect(await again.text()).toBe('')
    expect(again.headers.get('etag')).toBe(etag)
    expect((await fetch(server.url + path, { headers: { 'if-none-match': '"other"' } })).status).toBe(200)
  })
})
