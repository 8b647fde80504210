import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'
import { at, claimsOf, headerOf, isActive, userinfo } from '../support/tokens.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const service = (metadata: Record<string, unknown> = {}) =>
  server.createClient({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    scope: 'reports:read reports:write',
    ...metadata,
  })
const grant = { grant_type: 'client_credentials' }
const tokenOf = async (client: Awaited<ReturnType<typeof service>>, extra = {}) =>
  String((await client.post('/token', { ...grant, ...extra })).body['access_token'])

describe('RFC 6749 §4.4: a client in its own name', () => {
  it('gets an access token and nothing else: no refresh token, no ID token', async () => {
    const { status, body } = await (await service()).post('/token', grant)
    expect(status).toBe(200)
    expect(Object.keys(body).sort()).toEqual(['access_token', 'expires_in', 'scope', 'token_type'])
  })

  it('the token says so: sub is the client, and there is no session, no grant, no person', async () => {
    const client = await service()
    const token = await tokenOf(client)
    expect(headerOf(token)).toMatchObject({ typ: 'at+jwt', alg: 'ES256' })
    const claims = claimsOf(token)
    expect(claims).toMatchObject({ sub: client.clientId, client_id: client.clientId, aud: server.url, iss: server.url })
    for (const name of ['sid', 'gid', 'auth_time', 'acr', 'amr'] as const) expect(claims).not.toHaveProperty(name)
    expect(claims.rvp).toBeTypeOf('number')
  })

  it('scope: all that is registered by default, a part on request, nothing more', async () => {
    const client = await service()
    expect((await client.post('/token', grant)).body['scope']).toBe('reports:read reports:write')
    expect((await client.post('/token', { ...grant, scope: 'reports:read' })).body['scope']).toBe('reports:read')
    for (const scope of ['reports:delete', 'admin', 'openid', 'offline_access', 'a"b'])
      expect(await client.post('/token', { ...grant, scope })).toMatchObject({
        status: 400,
        body: { error: 'invalid_scope' },
      })
  })

  it('scopes about a person are never granted, even when they are registered', async () => {
    const client = await service({ scope: 'openid profile reports:read' })
    expect((await client.post('/token', grant)).body['scope']).toBe('reports:read')
    expect((await userinfo(server.url, await tokenOf(client))).status).toBe(403)
  })

  it('a public client cannot be registered for it', async () => {
    const answer = await server.admin('POST', '/clients', {
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'none',
    })
    expect(answer.status).toBe(400)
  })

  it('access_token_ttl_seconds of the client counts', async () => {
    const { body } = await (await service({ access_token_ttl_seconds: 77 })).post('/token', grant)
    expect(body['expires_in']).toBe(77)
    const { exp, iat } = claimsOf(String(body['access_token']))
    expect(exp - iat).toBe(77)
  })

  it('writes nothing: no grant, no session, no audit event', async () => {
    const counts = () =>
      server.db.query(
        'select (select count(*) from grants) g, (select count(*) from sessions) s, (select count(*) from audit_events) a',
      )
    const client = await service()
    const before = await counts()
    for (let i = 0; i < 5; i++) await client.post('/token', grant)
    expect(await counts()).toEqual(before)
  })
})

describe('how its tokens end', () => {
  it('after their time', async () => {
    const client = await service()
    const token = await tokenOf(client)
    await server.wait(299)
    expect(await isActive(client, token)).toBe(true)
    await server.wait(2)
    expect(await isActive(client, token)).toBe(false)
  })

  it('with the client: ended, disabled on another instance, deleted', async () => {
    const judge = await service({ scope: 'introspect:any' })
    for (const act of [
      (id: string) => server.admin('POST', '/revocations', { client_id: id }),
      (id: string) => server.admin('PATCH', `/clients/${id}`, { disabled: true }),
      (id: string) => server.admin('DELETE', `/clients/${id}`),
    ]) {
      const client = await service()
      const token = await tokenOf(client)
      expect(await isActive(judge, token)).toBe(true)
      await act(client.clientId)
      expect(await isActive(judge, token)).toBe(false)
    }
  })

  it('a disabled client gets no new ones at once, also from an instance that remembers it', async () => {
    const other = await server.another()
    const client = await service()
    expect((await at(other, client).post('/token', grant)).status).toBe(200)
    await server.admin('PATCH', `/clients/${client.clientId}`, { disabled: true })
    expect(await at(other, client).post('/token', grant)).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    })
    await other.close()
  })

  it('with everything; and the client just gets new ones', async () => {
    const client = await service()
    const token = await tokenOf(client)
    await server.admin('POST', '/revocations', { all: true })
    expect(await isActive(client, token)).toBe(false)
    expect(await isActive(client, await tokenOf(client))).toBe(true)
  })
})
