import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'
import { claimsOf, headerOf, userinfo } from '../support/tokens.ts'

const orders = 'https://orders.example.com'
const billing = 'https://billing.example.com/api'
let server: TestServer
beforeAll(async () => {
  server = await startServer()
  await server.admin('POST', '/resources', { identifier: orders, scopes: ['orders:read', 'orders:write'] })
  await server.admin('POST', '/resources', {
    identifier: billing,
    scopes: ['invoices:read'],
    access_token_ttl_seconds: 60,
    signing_alg: 'EdDSA',
  })
  // A resource that is named and not known makes the instance look again; it would remember the scopes of before for some seconds.
  const client = await server.createClient({ grant_types: ['client_credentials'], redirect_uris: [], scope: '' })
  await client.post('/token', { grant_type: 'client_credentials', resource: billing })
})
afterAll(() => server.close())

const scope = 'openid profile orders:read orders:write invoices:read free'
const signIn = async (parameters: Record<string, string>, metadata: Record<string, unknown> = {}) => {
  const client = await server.createClient({ scope, ...metadata })
  const { username } = await server.createUser()
  return { client, ...(await client.signIn({ username, parameters })) }
}
const audienceOf = async (parameters: Record<string, string>, atToken: Record<string, string> = {}, metadata = {}) => {
  const { client, code, verifier } = await signIn(parameters, metadata)
  const { status, body } = await client.exchange(code, verifier, atToken)
  if (status !== 200) return { error: (body as unknown as { error: string }).error }
  const { aud, scope } = claimsOf(body.access_token)
  return { aud, scope }
}

describe('RFC 8707, RFC 9068 §3: the audience of an access token', () => {
  it('without resource: scopes of one API imply it, and openid adds this server', async () => {
    expect(await audienceOf({ scope: 'orders:read' })).toEqual({ aud: orders, scope: 'orders:read' })
    expect(await audienceOf({ scope: 'openid orders:read orders:write' })).toEqual({
      aud: [orders, server.url],
      scope: 'openid orders:read orders:write',
    })
  })

  it('without resource and without scopes of an API: this server', async () => {
    expect(await audienceOf({ scope: 'openid profile' })).toEqual({ aud: server.url, scope: 'openid profile' })
    expect(await audienceOf({ scope: 'free' })).toEqual({ aud: server.url, scope: 'free' })
  })

  it('without resource and without scopes of an API: the default_resource of the client, if it has one', async () => {
    expect(await audienceOf({ scope: 'profile' }, {}, { default_resource: orders })).toEqual({
      aud: orders,
      scope: 'profile',
    })
  })

  it('scopes of several APIs: invalid_target unless the request says which', async () => {
    const several = { scope: 'orders:read invoices:read' }
    expect(await audienceOf(several)).toEqual({ error: 'invalid_target' })
    expect(await audienceOf(several, { resource: billing })).toEqual({ aud: billing, scope: 'invoices:read' })
    expect(await audienceOf({ ...several, resource: orders })).toEqual({ aud: orders, scope: 'orders:read' })
  })

  it('scopes of other APIs are not in the token, and come with the next refresh for their own', async () => {
    const { client, code, verifier } = await signIn({ scope: 'openid orders:read invoices:read' })
    const first = await client.exchange(code, verifier, { resource: orders })
    expect(claimsOf(first.body.access_token).scope).toBe('openid orders:read')
    const second = await client.refresh(first.body.refresh_token, { resource: billing })
    expect(claimsOf(second.body.access_token)).toMatchObject({
      scope: 'openid invoices:read',
      aud: [billing, server.url],
    })
    expect(second.body.scope).toBe('openid invoices:read')
  })

  it('a resource of the authorization request limits the grant for good', async () => {
    const parameters = { scope: 'orders:read invoices:read', resource: orders }
    expect(await audienceOf(parameters)).toEqual({ aud: orders, scope: 'orders:read' })
    expect(await audienceOf(parameters, { resource: billing })).toEqual({ error: 'invalid_target' })
  })

  it('unknown, or not among allowed_resources: invalid_target, at the authorization endpoint by redirect', async () => {
    for (const [resource, metadata] of [
      ['https://unknown.example.com', {}],
      [billing, { allowed_resources: [orders] }],
    ] as const) {
      expect(await audienceOf({ scope: 'profile' }, { resource }, metadata)).toEqual({ error: 'invalid_target' })
      const { page } = await signIn({ scope: 'profile', resource }, metadata)
      expect(page.location?.searchParams.get('error')).toBe('invalid_target')
    }
    expect(
      await audienceOf({ scope: 'orders:read' }, { resource: orders }, { allowed_resources: [orders] }),
    ).toMatchObject({ aud: orders })
  })

  it('two resources at the token endpoint: invalid_target, and the code is not burnt', async () => {
    const { client, code, verifier } = await signIn({ scope: 'orders:read invoices:read' })
    const { authorization } = {
      authorization: `Basic ${Buffer.from(`${client.clientId}:${client.secret}`).toString('base64')}`,
    }
    const form: [string, string][] = [
      ['grant_type', 'authorization_code'],
      ['code', code],
      ['code_verifier', verifier],
      ['redirect_uri', client.redirectUri],
      ['resource', orders],
    ]
    const twice = await server.post('/token', [...form, ['resource', billing]], { authorization })
    expect(twice).toMatchObject({ status: 400, body: { error: 'invalid_target' } })
    expect((await server.post('/token', form, { authorization })).status).toBe(200)
  })

  it('the resource decides how its tokens are signed and how long they live', async () => {
    const { client, code, verifier } = await signIn({ scope: 'invoices:read' })
    const { body } = await client.exchange(code, verifier)
    expect(headerOf(body.access_token).alg).toBe('EdDSA')
    expect(body.expires_in).toBe(60)
  })

  it('userinfo takes a token only when this server is among its audiences', async () => {
    const { client, code, verifier } = await signIn({ scope: 'openid orders:read' })
    const { body } = await client.exchange(code, verifier)
    expect((await userinfo(server.url, body.access_token)).status).toBe(200)
    const without = await client.refresh(body.refresh_token, { scope: 'orders:read' })
    expect((await userinfo(server.url, without.body.access_token)).status).toBe(401)
  })

  it('client_credentials: the same rules', async () => {
    const client = await server.createClient({
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'orders:read invoices:read',
    })
    const ask = async (extra: Record<string, string>) =>
      client.post('/token', { grant_type: 'client_credentials', ...extra })
    expect((await ask({})).body).toMatchObject({ error: 'invalid_target' })
    const one = await ask({ scope: 'orders:read' })
    expect(claimsOf(String(one.body['access_token']))).toMatchObject({ aud: orders, scope: 'orders:read' })
    const named = await ask({ resource: billing })
    expect(claimsOf(String(named.body['access_token']))).toMatchObject({ aud: billing, scope: 'invoices:read' })
  })

  it('the admin API is an audience of its own, and cannot be mixed with another', async () => {
    const client = await server.createClient({
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'users:read orders:read',
    })
    const ask = async (extra: Record<string, string>) =>
      client.post('/token', { grant_type: 'client_credentials', ...extra })
    const admin = `${server.url}/admin`
    expect(claimsOf(String((await ask({ scope: 'users:read' })).body['access_token'])).aud).toBe(admin)
    expect((await ask({ scope: 'users:read', resource: admin })).status).toBe(200)
    expect((await ask({ resource: admin })).body).toMatchObject({ error: 'invalid_target' })
    expect((await ask({ scope: 'users:read orders:read' })).body).toMatchObject({ error: 'invalid_target' })
  })
})
