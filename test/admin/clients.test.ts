import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const redirect_uris = ['https://app.example.com/callback']
type Body = Record<string, unknown>
const authenticates = async (id: string, secret: string) => {
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  const { body } = await server.post('/token', { grant_type: 'client_credentials' }, { authorization })
  return body['error'] !== 'invalid_client'
}

describe('admin: clients', () => {
  it('are made with a secret that is shown once', async () => {
    const { status, body, headers } = await server.admin('POST', '/clients', { redirect_uris })
    expect(status).toBe(201)
    expect(body).toMatchObject({ client_secret: expect.stringMatching(/^flc_cs_/), client_secret_expires_at: 0 })
    expect(headers.get('location')).toContain(`/admin/v1/clients/${String(body['client_id'])}`)
    const read = await server.admin('GET', `/clients/${String(body['client_id'])}`)
    expect(read.body).not.toHaveProperty('client_secret')
    const stored = await server.db.query(
      'select metadata::text from clients union all select encode(hash, $1) from client_secrets',
      ['escape'],
    )
    expect(JSON.stringify(stored)).not.toContain(String(body['client_secret']))
  })

  it('keep what a statement reads in columns and nothing twice', async () => {
    const wanted = {
      client_id: 'columns',
      redirect_uris,
      grant_types: ['authorization_code', 'refresh_token'],
      scope: 'openid a:b',
      skip_consent: true,
      refresh_token_rotation: 'never',
      refresh_grace_seconds: 3,
      lost_response_window_seconds: 60,
      refresh_counts_as_activity: false,
    }
    const { body } = await server.admin('POST', '/clients', wanted)
    expect(body).toMatchObject(wanted)
    const [row] = await server.db.query<Body>(`select * from clients where client_id = 'columns'`)
    expect(row).toMatchObject({
      grant_types: wanted.grant_types,
      scopes: ['openid', 'a:b'],
      skip_consent: true,
      rotates: false,
      grace_s: 3,
      lost_response_s: 60,
      refresh_is_activity: false,
    })
    for (const name of [
      'scope',
      'grant_types',
      'skip_consent',
      'disabled',
      'refresh_grace_seconds',
      'client_id',
      'client_secret',
    ])
      expect(row?.['metadata']).not.toHaveProperty(name)
  })

  it('have no secret when they cannot keep one', async () => {
    const { body } = await server.admin('POST', '/clients', { redirect_uris, token_endpoint_auth_method: 'none' })
    expect(body).not.toHaveProperty('client_secret')
    const rotated = await server.admin('POST', `/clients/${String(body['client_id'])}/secrets`, {})
    expect(rotated.status).toBe(409)
  })

  it('have an id that is taken once', async () => {
    expect((await server.admin('POST', '/clients', { client_id: 'twice', redirect_uris })).status).toBe(201)
    const again = await server.admin('POST', '/clients', { client_id: 'twice', redirect_uris })
    expect(again).toMatchObject({ status: 409, body: { pointer: '/client_id', type: 'urn:falconer:problem:conflict' } })
  })

  it('name a default resource that is registered', async () => {
    const wanted = { redirect_uris, default_resource: 'https://later.example.com' }
    expect((await server.admin('POST', '/clients', wanted)).body).toMatchObject({ pointer: '/default_resource' })
    await server.admin('POST', '/resources', { identifier: 'https://later.example.com' })
    expect((await server.admin('POST', '/clients', wanted)).status).toBe(201)
    const removed = await server.admin('DELETE', `/resources/${encodeURIComponent('https://later.example.com')}`)
    expect(removed.status).toBe(409)
  })

  it('are changed member by member, and null brings a default back', async () => {
    await server.admin('POST', '/clients', {
      client_id: 'patched',
      redirect_uris,
      client_name: 'A',
      require_pkce: false,
    })
    const { body } = await server.admin('PATCH', '/clients/patched', { client_name: 'B', require_pkce: null })
    expect(body).toMatchObject({ client_name: 'B', require_pkce: true, redirect_uris })
    const bad = await server.admin('PATCH', '/clients/patched', { redirect_uris: ['http://app.example.com/'] })
    expect(bad).toMatchObject({ status: 400, body: { pointer: '/redirect_uris/0' } })
    const [event] = await server.db.query<Body>(
      `select detail from audit_events where type = 'client.updated' and client_id = 'patched'`,
    )
    expect(event?.['detail']).toEqual({
      changes: { client_name: { from: 'A', to: 'B' }, require_pkce: { from: false, to: true } },
    })
  })

  it('are not changed by who has seen an older version (If-Match)', async () => {
    await server.admin('POST', '/clients', { client_id: 'versioned', redirect_uris })
    const etag = (await server.admin('GET', '/clients/versioned')).headers.get('etag') ?? ''
    const first = await server.admin('PATCH', '/clients/versioned', { client_name: 'A' }, { 'if-match': etag })
    expect(first.status).toBe(200)
    const second = await server.admin('PATCH', '/clients/versioned', { client_name: 'B' }, { 'if-match': etag })
    expect(second.status).toBe(412)
  })

  it('are known with every change at once on the instance that made it', async () => {
    const id = 'changing'
    const { body } = await server.admin('POST', '/clients', { client_id: id, grant_types: ['client_credentials'] })
    const old = String(body['client_secret'])
    expect(await authenticates(id, old)).toBe(true)
    const rotated = await server.admin('POST', `/clients/${id}/secrets`, { overlap_seconds: 0 })
    expect(await authenticates(id, old)).toBe(false)
    expect(await authenticates(id, String(rotated.body['client_secret']))).toBe(true)
  })

  it('rotate their secret: the old one works for the overlap', async () => {
    const first = 'first-secret-of-this-client-0123456789'
    await server.admin('POST', '/clients', {
      client_id: 'rotating',
      client_secret: first,
      grant_types: ['client_credentials'],
    })
    const { status, body } = await server.admin('POST', '/clients/rotating/secrets', { overlap_seconds: 60 })
    expect(status).toBe(201)
    const other = await server.another()
    expect(await authenticates('rotating', first)).toBe(true)
    await other.close()
    await server.wait(61)
    const later = await server.another()
    const basic = (secret: string) => ({
      authorization: `Basic ${Buffer.from(`rotating:${secret}`).toString('base64')}`,
    })
    const ask = (secret: string) => later.post('/token', { grant_type: 'client_credentials' }, basic(secret))
    expect((await ask(first)).status).toBe(401)
    expect((await ask(String(body['client_secret']))).status).toBe(200)
    await later.close()
  })

  it('lose everything when they are disabled, and do not get it back', async () => {
    const client = await server.createClient()
    const { username } = await server.createUser()
    const { refresh_token, access_token } = await client.tokens({ username })
    const { status, body } = await server.admin('PATCH', `/clients/${client.clientId}`, { disabled: true })
    expect({ status, disabled: body['disabled'] }).toEqual({ status: 200, disabled: true })
    await server.admin('PATCH', `/clients/${client.clientId}`, { disabled: false })
    expect((await client.refresh(refresh_token)).body).toMatchObject({ error: 'invalid_grant' })
    const userinfo = await fetch(`${server.url}/userinfo`, { headers: { authorization: `Bearer ${access_token}` } })
    expect(userinfo.status).toBe(401)
    const [ended] = await server.db.query<Body>(
      `select reason, client_id from audit_events where type = 'client.ended' and client_id = $1`,
      [client.clientId],
    )
    expect(ended).toEqual({ reason: 'disabled', client_id: client.clientId })
  })

  it('are deleted with all that they held, once or twice', async () => {
    const client = await server.createClient()
    const { username } = await server.createUser()
    const { access_token } = await client.tokens({ username })
    for (const _ of [1, 2]) expect((await server.admin('DELETE', `/clients/${client.clientId}`)).status).toBe(204)
    expect((await server.admin('GET', `/clients/${client.clientId}`)).status).toBe(404)
    const userinfo = await fetch(`${server.url}/userinfo`, { headers: { authorization: `Bearer ${access_token}` } })
    expect(userinfo.status).toBe(401)
  })

  it('are listed page by page, with a cursor of their own', async () => {
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`
      const { body } = await server.admin<{ items: Body[]; next_cursor: string | null }>(
        'GET',
        `/clients?limit=3${query}`,
      )
      seen.push(...body.items.map((item) => String(item['client_id'])))
      cursor = body.next_cursor
      if (cursor) expect((await server.admin('GET', `/users?cursor=${cursor}`)).status).toBe(400)
    } while (cursor)
    const all = await server.db.query<{ client_id: string }>('select client_id from clients order by id')
    expect(seen).toEqual(all.map((row) => row.client_id))
  })
})

describe('admin: resources', () => {
  it('are found by their percent-encoded identifier', async () => {
    const identifier = `https://api.example.com/a/very/long/path/${'x'.repeat(150)}?v=1`
    const made = await server.admin('POST', '/resources', { identifier, scopes: ['orders:read'] })
    expect(made).toMatchObject({ status: 201, body: { identifier, scopes: ['orders:read'], signing_alg: 'ES256' } })
    const path = `/resources/${encodeURIComponent(identifier)}`
    expect((await server.admin('GET', path)).body).toMatchObject({ identifier })
    const changed = await server.admin('PATCH', path, {
      scopes: [],
      access_token_ttl_seconds: 60,
      signing_alg: 'RS256',
    })
    expect(changed.body).toMatchObject({ scopes: [], access_token_ttl_seconds: 60, signing_alg: 'RS256' })
    for (const _ of [1, 2]) expect((await server.admin('DELETE', path)).status).toBe(204)
    expect((await server.admin('GET', path)).status).toBe(404)
  })

  it.each([
    [{ identifier: 'https://api.example.com#a' }, '/identifier'],
    [{ identifier: 'a b' }, '/identifier'],
    [{ identifier: 'api', scopes: ['openid'] }, '/scopes/0'],
    [{ identifier: 'api', scopes: ['admin'] }, '/scopes/0'],
    [{ identifier: 'api', access_token_ttl_seconds: 3601 }, '/access_token_ttl_seconds'],
    [{ identifier: 'api', signing_alg: 'HS256' }, '/signing_alg'],
  ])('refuses %j', async (given, pointer) => {
    expect((await server.admin('POST', '/resources', given)).body).toMatchObject({ status: 400, pointer })
  })

  it('are never this server itself', async () => {
    const { body } = await server.admin('POST', '/resources', { identifier: `${server.url}/admin` })
    expect(body).toMatchObject({ status: 400, pointer: '/identifier' })
  })
})
