import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { at, basic, claimsOf, isActive, userinfo } from '../support/tokens.ts'

let server: TestServer
let app: TestClient
beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
})
afterAll(() => server.close())

const tokensOf = async (client = app, scope = 'openid') => {
  const user = await server.createUser()
  return { user, ...(await client.tokens({ username: user.username, parameters: { scope } })) }
}
const revoke = (token: string, client = app, extra = {}) => client.post('/revoke', { token, ...extra })
/** What happened to it after it was made. */
const auditOf = (id: string | undefined) =>
  server.db.query(
    `select type, reason, outcome from audit_events where target_id = $1 and type <> 'code.redeemed' order by at`,
    [id],
  )

describe('RFC 7009 §2: a client revokes a refresh token', () => {
  it('200 with an empty body; the grant ends with all of its tokens', async () => {
    const tokens = await tokensOf()
    const { status, body, headers } = await revoke(tokens.refresh_token)
    expect([status, body]).toEqual([200, ''])
    expect(headers.get('cache-control')).toBe('no-store')
    expect((await app.refresh(tokens.refresh_token)).status).toBe(400)
    expect(await isActive(app, tokens.access_token)).toBe(false)
    expect((await userinfo(server.url, tokens.access_token)).status).toBe(401)
    expect(await auditOf(claimsOf(tokens.access_token).gid)).toEqual([
      { type: 'grant.ended', reason: 'revoked_by_client', outcome: 'success' },
    ])
  })

  it('of any generation, also one that is long replaced', async () => {
    const tokens = await tokensOf()
    const second = await app.refresh(tokens.refresh_token)
    const third = await app.refresh(second.body.refresh_token)
    await server.wait(600)
    expect((await revoke(tokens.refresh_token)).status).toBe(200)
    expect((await app.refresh(third.body.refresh_token)).status).toBe(400)
    expect(await auditOf(claimsOf(tokens.access_token).gid)).toMatchObject([{ reason: 'revoked_by_client' }])
  })

  it('ends that grant only: not another of the same person and client, not the session, not an offline one', async () => {
    const tokens = await tokensOf()
    const { username } = tokens.user
    const other = await app.tokens({ username, browser: tokens.browser })
    const offline = await app.tokens({
      username,
      browser: tokens.browser,
      parameters: { scope: 'openid offline_access' },
    })
    await revoke(tokens.refresh_token)
    expect((await app.refresh(other.refresh_token)).status).toBe(200)
    expect((await app.refresh(offline.refresh_token)).status).toBe(200)
    expect((await app.signIn({ browser: tokens.browser, parameters: { prompt: 'none' } })).code).not.toBe('')
  })

  it('an offline one: the online grants stay', async () => {
    const offline = await tokensOf(app, 'openid offline_access')
    const online = await app.tokens({ username: offline.user.username, browser: offline.browser })
    await revoke(offline.refresh_token)
    expect((await app.refresh(offline.refresh_token)).status).toBe(400)
    expect((await app.refresh(online.refresh_token)).status).toBe(200)
  })
})

describe('RFC 7009 §2.1: a client revokes an access token', () => {
  it('it dies alone: the grant, its refresh token and its other access tokens live', async () => {
    const tokens = await tokensOf()
    const second = await app.refresh(tokens.refresh_token)
    expect((await revoke(second.body.access_token)).status).toBe(200)
    expect(await isActive(app, second.body.access_token)).toBe(false)
    expect((await userinfo(server.url, second.body.access_token)).status).toBe(401)
    expect(await isActive(app, tokens.access_token)).toBe(true)
    expect((await app.refresh(second.body.refresh_token)).status).toBe(200)
    expect(await auditOf(claimsOf(second.body.access_token).jti)).toMatchObject([{ type: 'token.ended' }])
  })

  it('a token of the client itself', async () => {
    const service = await server.createClient({ grant_types: ['client_credentials'], redirect_uris: [], scope: 'x' })
    const token = String((await service.post('/token', { grant_type: 'client_credentials' })).body['access_token'])
    await revoke(token, service)
    expect(await isActive(service, token)).toBe(false)
  })

  it('stays revoked after a restart, until it would have expired anyway', async () => {
    const { access_token } = await tokensOf()
    await revoke(access_token)
    const restarted = await server.another()
    expect(await at(restarted, app).isActive(access_token)).toBe(false)
    await restarted.close()
    const [row] = await server.db.query<{ left: number }>(
      'select extract(epoch from expires_at - clock_now())::float8 as left from revoked_jtis where jti = $1',
      [claimsOf(access_token).jti],
    )
    expect(row?.left).toBeGreaterThan(295)
    expect(row?.left).toBeLessThanOrEqual(300)
  })
})

describe('RFC 7009 §2.1: the token of another client (autentico#182)', () => {
  it.each(['refresh_token', 'access_token'] as const)(
    '%s: 400, nothing happens to it, and it is audited',
    async (kind) => {
      const tokens = await tokensOf()
      const thief = await server.createClient()
      expect(await revoke(tokens[kind], thief)).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
      expect(await isActive(app, tokens.access_token)).toBe(true)
      expect((await app.refresh(tokens.refresh_token)).status).toBe(200)
      const events = await server.db.query(
        `select outcome, reason, target_kind from audit_events where type = 'token.revocation_refused' and actor = $1`,
        [`client:${thief.clientId}`],
      )
      expect(events).toEqual([{ outcome: 'failure', reason: 'client_mismatch', target_kind: kind }])
    },
  )
})

describe('RFC 7009 §2.2: what is not there needs no revoking', () => {
  it.each<[string, () => Promise<string> | string]>([
    ['nonsense', () => 'nonsense'],
    ['a JWT of somebody else', () => 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOiJ4In0.AAAA'],
    ['a refresh token with a changed character', async () => (await tokensOf()).refresh_token.replace(/.$/, '!')],
    ['an ID token', async () => (await tokensOf()).id_token],
    [
      'a token that is revoked already',
      async () => {
        const { refresh_token } = await tokensOf()
        await revoke(refresh_token)
        return refresh_token
      },
    ],
    [
      'an access token that has expired',
      async () => {
        const { access_token } = await tokensOf()
        await server.wait(301)
        return access_token
      },
    ],
  ])('%s: 200', async (_, make) => {
    expect((await revoke(await make())).status).toBe(200)
  })

  it('twice: one position, one audit event', async () => {
    const { refresh_token, access_token } = await tokensOf()
    const head = async () => Number((await server.db.query('select seq from feed_head'))[0]?.['seq'])
    const before = await head()
    for (let i = 0; i < 3; i++) await revoke(access_token)
    for (let i = 0; i < 3; i++) await revoke(refresh_token)
    expect(await head()).toBe(before + 2)
    expect(await auditOf(claimsOf(access_token).gid)).toHaveLength(1)
    expect(await auditOf(claimsOf(access_token).jti)).toHaveLength(1)
  })
})

describe('RFC 7009 §2: the request', () => {
  it('needs client authentication like the token endpoint', async () => {
    const { refresh_token } = await tokensOf()
    const bad = [
      await server.post('/revoke', { token: refresh_token }),
      await server.post('/revoke', { token: refresh_token }, basic(app.clientId, 'x'.repeat(40))),
      await server.post('/revoke', { token: refresh_token, client_id: app.clientId }),
    ]
    expect(bad.map(({ status }) => status)).toEqual([401, 401, 401])
    expect((await app.refresh(refresh_token)).status).toBe(200)
  })

  it('a public client revokes its own token by naming itself', async () => {
    const spa = await server.createClient({ token_endpoint_auth_method: 'none' })
    const { refresh_token } = await tokensOf(spa)
    expect((await revoke(refresh_token, spa)).status).toBe(200)
    expect((await spa.refresh(refresh_token)).status).toBe(400)
  })

  it('a wrong token_type_hint changes nothing', async () => {
    const { refresh_token } = await tokensOf()
    await revoke(refresh_token, app, { token_type_hint: 'access_token' })
    expect((await app.refresh(refresh_token)).status).toBe(400)
  })

  it('without a token: invalid_request; by GET: 405', async () => {
    expect(await app.post('/revoke', {})).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    expect((await fetch(`${server.url}/revoke?token=x`)).status).toBe(405)
  })
})
