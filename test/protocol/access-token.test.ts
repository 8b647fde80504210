import { createPublicKey, verify } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'
import { claimsOf, headerOf } from '../support/tokens.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const tokensOf = async (scope: string, metadata: Record<string, unknown> = {}) => {
  const client = await server.createClient(metadata)
  const user = await server.createUser()
  return { client, user, ...(await client.tokens({ username: user.username, parameters: { scope } })) }
}
const head = async () => Number((await server.db.query('select seq from feed_head'))[0]?.['seq'])
const clock = async () => Number((await server.db.query('select extract(epoch from clock_now()) as now'))[0]?.['now'])

describe('RFC 9068 §2: the access token', () => {
  it('is a signed at+jwt whose key is in the JWK Set', async () => {
    const { access_token: token } = await tokensOf('openid')
    const header = headerOf(token)
    expect(Object.keys(header).sort()).toEqual(['alg', 'kid', 'typ'])
    expect(header).toMatchObject({ typ: 'at+jwt', alg: 'ES256' })
    const { keys } = (await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] }
    const jwk = keys.find(({ kid }) => kid === header.kid)
    const key = createPublicKey({ key: jwk as never, format: 'jwk' })
    const [input, signature = ''] = [token.slice(0, token.lastIndexOf('.')), token.split('.')[2]]
    const bytes = Buffer.from(signature, 'base64url')
    expect(verify('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }, bytes)).toBe(true)
  })

  it('carries exactly these claims, and neither a name nor an e-mail address', async () => {
    const { access_token, client, user } = await tokensOf('openid profile email')
    const claims = claimsOf(access_token)
    expect(claims).toEqual({
      iss: server.url,
      sub: user.id,
      aud: server.url,
      client_id: client.clientId,
      exp: claims.iat + 300,
      iat: expect.any(Number),
      jti: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      rvp: await head(),
      scope: 'openid profile email',
      gid: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      sid: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      auth_time: expect.any(Number),
      acr: 'urn:falconer:acr:1fa',
      amr: ['pwd'],
    })
    for (const name of ['exp', 'iat', 'auth_time', 'rvp'] as const) expect(Number.isInteger(claims[name])).toBe(true)
    expect(Math.abs(claims.iat - (await clock()))).toBeLessThan(3)
  })

  it('of an offline grant names the grant and no session; its ID token still names the session', async () => {
    const { access_token, id_token } = await tokensOf('openid offline_access')
    expect(claimsOf(access_token)).toHaveProperty('gid')
    expect(claimsOf(access_token)).not.toHaveProperty('sid')
    expect(claimsOf(id_token)).toHaveProperty('sid')
  })

  it('every token has an id of its own', async () => {
    const { client, access_token, refresh_token } = await tokensOf('openid')
    const again = [await client.refresh(refresh_token), await client.refresh(refresh_token)]
    const ids = [access_token, ...again.map(({ body }) => body.access_token)].map((token) => claimsOf(token).jti)
    expect(new Set(ids).size).toBe(3)
  })

  it('rvp is the feed position that the mint was authorised at, and grows with it', async () => {
    const { client, access_token, refresh_token } = await tokensOf('openid')
    const victim = await tokensOf('openid')
    await server.admin('POST', '/revocations', { grant_id: claimsOf(victim.access_token).gid })
    const { body } = await client.refresh(refresh_token)
    expect(claimsOf(body.access_token).rvp).toBe(claimsOf(access_token).rvp + 1)
    expect(claimsOf(body.access_token).rvp).toBe(await head())
  })

  it('stays below 1 kB with every identity scope, and below that with a long issuer and many scopes', async () => {
    const { access_token } = await tokensOf('openid profile email address phone')
    expect(access_token.length).toBeLessThan(1024)
    const scope = Array.from({ length: 8 }, (_, i) => `orders:operation-${i}`).join(' ')
    expect((await tokensOf(scope, { scope })).access_token.length).toBeLessThan(1024)
  })
})

describe('no access token outlives what it was made from', () => {
  const life = ({ access_token, expires_in }: { access_token: string; expires_in: number }) => {
    const { exp, iat } = claimsOf(access_token)
    expect(exp - iat).toBe(expires_in)
    return expires_in
  }

  it('access_token_ttl_seconds of the client, when it is shorter than what is left', async () => {
    expect(life(await tokensOf('openid', { access_token_ttl_seconds: 42 }))).toBe(42)
  })

  it('the idle time of the client', async () => {
    const tokens = await tokensOf('openid', { session_idle_seconds: 100 })
    expect(life(tokens)).toBeLessThanOrEqual(100)
    expect(life((await tokens.client.refresh(tokens.refresh_token)).body)).toBeLessThanOrEqual(100)
  })

  it('the maximum of the client: each refresh gives less', async () => {
    const tokens = await tokensOf('openid', { session_max_seconds: 250 })
    expect(life(tokens)).toBeLessThanOrEqual(250)
    await server.wait(200)
    const { body } = await tokens.client.refresh(tokens.refresh_token)
    expect(life(body)).toBeLessThanOrEqual(50)
    const [{ expires_at: end } = { expires_at: new Date(0) }] = await server.db.query<{ expires_at: Date }>(
      'select expires_at from grants where id = $1',
      [claimsOf(body.access_token).gid],
    )
    expect(claimsOf(body.access_token).exp).toBeLessThanOrEqual(end.getTime() / 1000)
  })

  it('the session, which may be older than the grant', async () => {
    const short = await startServer({ SESSION_MAX_SECONDS: '600', SESSION_IDLE_SECONDS: '600' })
    const client = await short.createClient()
    const { username } = await short.createUser()
    const first = await client.tokens({ username })
    await short.wait(500)
    const second = await client.tokens({ username, browser: first.browser })
    expect(claimsOf(second.access_token).sid).toBe(claimsOf(first.access_token).sid)
    expect(life(second)).toBeLessThanOrEqual(100)
    await short.close()
  })
})
