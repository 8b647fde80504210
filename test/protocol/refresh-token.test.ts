import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { at, claimsOf, damaged, during, isActive, lastReason, userinfo } from '../support/tokens.ts'

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
const refused = { error: 'invalid_grant', error_description: 'The refresh token is not valid' }
const expectRefusal = async (client: TestClient, refreshToken: string, reason: string) => {
  expect(await client.refresh(refreshToken)).toMatchObject({ status: 400, body: refused })
  expect(lastReason(server)).toBe(reason)
}
const reasonOf = async (accessToken: string) =>
  (await server.db.query('select revoke_reason as reason from grants where id = $1', [claimsOf(accessToken).gid]))[0]?.[
    'reason'
  ]

describe('RFC 6749 §6: a refresh', () => {
  it('answers with a new access token, a new refresh token and the granted scope', async () => {
    const tokens = await tokensOf()
    const { status, body, headers } = await app.refresh(tokens.refresh_token)
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: 'openid' })
    expect(body.refresh_token).not.toBe(tokens.refresh_token)
    expect(claimsOf(body.access_token).jti).not.toBe(claimsOf(tokens.access_token).jti)
    expect(headers.get('cache-control')).toBe('no-store')
  })

  it('stays in its grant and its session, and leaves earlier access tokens alive', async () => {
    const tokens = await tokensOf()
    const { body } = await app.refresh(tokens.refresh_token)
    const [before, after] = [claimsOf(tokens.access_token), claimsOf(body.access_token)]
    expect([after.gid, after.sid, after.sub, after.auth_time]).toEqual([
      before.gid,
      before.sid,
      before.sub,
      before.auth_time,
    ])
    expect(await isActive(app, tokens.access_token)).toBe(true)
  })

  it('scope narrows this access token only: the next refresh has all of the grant again', async () => {
    const tokens = await tokensOf(app, 'openid profile email')
    const narrow = await app.refresh(tokens.refresh_token, { scope: 'openid email' })
    expect(narrow.body.scope).toBe('openid email')
    expect(claimsOf(narrow.body.access_token).scope).toBe('openid email')
    expect((await app.refresh(narrow.body.refresh_token)).body.scope).toBe('openid profile email')
  })

  it('without openid among the narrowed scopes there is no ID token', async () => {
    const tokens = await tokensOf(app, 'openid email')
    expect((await app.refresh(tokens.refresh_token, { scope: 'email' })).body.id_token).toBeUndefined()
  })

  it.each(['openid phone', 'openid admin', 'nonsense', 'openid  profile', '"'])(
    'scope cannot widen (%s), and the attempt costs nothing: the same refresh token still works much later',
    async (scope) => {
      const tokens = await tokensOf(app, 'openid profile')
      const answer = await app.refresh(tokens.refresh_token, { scope })
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_scope' } })
      await server.wait(60)
      expect((await app.refresh(tokens.refresh_token)).status).toBe(200)
    },
  )

  it('a resource that is not known, or not part of the grant, costs nothing either', async () => {
    await server.admin('POST', '/resources', { identifier: 'https://a.example.com', scopes: ['a'] })
    await server.admin('POST', '/resources', { identifier: 'https://b.example.com', scopes: ['b'] })
    const client = await server.createClient({ scope: 'openid a b' })
    const { username } = await server.createUser()
    const parameters = { scope: 'openid a', resource: 'https://a.example.com' }
    const tokens = await client.tokens({ username, parameters })
    for (const resource of ['https://b.example.com', 'https://unknown.example.com']) {
      const answer = await client.refresh(tokens.refresh_token, { resource })
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_target' } })
    }
    await server.wait(60)
    expect((await client.refresh(tokens.refresh_token, { resource: 'https://a.example.com' })).status).toBe(200)
  })
})

describe('OpenID Connect Core §12.2: the ID token of a refresh', () => {
  it('has the original auth_time, sub, aud and sid, a new iat and at_hash, and no nonce', async () => {
    const tokens = await tokensOf()
    await server.wait(100)
    const { body } = await app.refresh(tokens.refresh_token)
    const [before, after] = [claimsOf(tokens.id_token), claimsOf(body.id_token)]
    expect(before.nonce).toBeDefined()
    expect(after.nonce).toBeUndefined()
    for (const name of ['iss', 'sub', 'aud', 'sid', 'auth_time', 'acr', 'amr'] as const)
      expect(after[name]).toEqual(before[name])
    expect(after.iat - before.iat).toBeGreaterThanOrEqual(100)
    expect(after.at_hash).not.toBe(before.at_hash)
  })
})

describe('a lost answer: the immediate predecessor gets the same successor for 10 seconds', () => {
  it('the same refresh token, a fresh access token, and nothing is written (auth-js#213, F3-Nation#375, HQBase#41, open-bank-oss#3619)', async () => {
    const tokens = await tokensOf()
    const first = await app.refresh(tokens.refresh_token)
    const row = () =>
      server.db.query('select xmin, rt_gen, rt_rotated_at from grants where id = $1', [
        claimsOf(tokens.access_token).gid,
      ])
    const before = await row()
    for (let retry = 0; retry < 3; retry++) {
      const again = await app.refresh(tokens.refresh_token)
      expect(again.body.refresh_token).toBe(first.body.refresh_token)
      expect(again.body.access_token).not.toBe(first.body.access_token)
      expect(await isActive(app, again.body.access_token)).toBe(true)
    }
    expect(await row()).toEqual(before)
    expect((await app.refresh(first.body.refresh_token)).status).toBe(200)
  })

  it('32 at once: one rotation, and every answer has the same successor (opik#8287)', async () => {
    const tokens = await tokensOf()
    const answers = await Promise.all(Array.from({ length: 32 }, () => app.refresh(tokens.refresh_token)))
    expect(answers.map(({ status }) => status)).toEqual(Array(32).fill(200))
    expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1)
    const [row] = await server.db.query('select rt_gen from grants where id = $1', [claimsOf(tokens.access_token).gid])
    expect(row).toEqual({ rt_gen: 1 })
  })

  it('the window is measured from the rotation and never renewed by a retry (supabase/auth#1901)', async () => {
    const tokens = await tokensOf()
    const first = await app.refresh(tokens.refresh_token)
    for (let retry = 0; retry < 3; retry++) {
      await server.wait(3)
      expect((await app.refresh(tokens.refresh_token)).status).toBe(200)
    }
    await server.wait(1.5)
    await expectRefusal(app, tokens.refresh_token, 'reuse')
    await expectRefusal(app, first.body.refresh_token, 'revoked')
  })

  it('a token two generations old is reuse, even inside the window (django-oauth-toolkit#1617)', async () => {
    const first = await tokensOf()
    const second = await app.refresh(first.refresh_token)
    const third = await app.refresh(second.body.refresh_token)
    await expectRefusal(app, first.refresh_token, 'reuse')
    await expectRefusal(app, third.body.refresh_token, 'revoked')
  })

  it('three rotations within one second, then the first and the second again: reuse, whatever the clock says (keycloak#50999)', async () => {
    for (const replayed of [0, 1]) {
      const first = await tokensOf()
      const chain = [first.refresh_token]
      for (let i = 0; i < 3; i++) chain.push((await app.refresh(chain[i] ?? '')).body.refresh_token)
      await expectRefusal(app, chain[replayed] ?? '', 'reuse')
      await expectRefusal(app, chain[3] ?? '', 'revoked')
    }
  })

  it('REFRESH_GRACE_SECONDS holds for every client that has no time of its own, those of before too', async () => {
    const own = await server.createClient({ refresh_grace_seconds: 10 })
    const strict = await server.another({ REFRESH_GRACE_SECONDS: '0' })
    for (const [client, status] of [
      [app, 400],
      [own, 200],
    ] as const) {
      const { refresh_token } = await tokensOf(client)
      await at(strict, client).refresh(refresh_token)
      expect((await at(strict, client).refresh(refresh_token)).status).toBe(status)
    }
    await strict.close()
  })

  it('refresh_grace_seconds 0: the second use is reuse at once', async () => {
    const strict = await server.createClient({ refresh_grace_seconds: 0 })
    const tokens = await tokensOf(strict)
    const { body } = await strict.refresh(tokens.refresh_token)
    await expectRefusal(strict, tokens.refresh_token, 'reuse')
    await expectRefusal(strict, body.refresh_token, 'revoked')
  })

  it('refresh_grace_seconds 0, 16 at once: one rotates, no other gets anything', async () => {
    const strict = await server.createClient({ refresh_grace_seconds: 0 })
    const tokens = await tokensOf(strict)
    const answers = await Promise.all(Array.from({ length: 16 }, () => strict.refresh(tokens.refresh_token)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  })

  it('lost_response_window_seconds: the predecessor still works after the grace, until the window closes', async () => {
    const mobile = await server.createClient({ lost_response_window_seconds: 600 })
    const tokens = await tokensOf(mobile)
    const { body } = await mobile.refresh(tokens.refresh_token)
    await server.wait(590)
    expect((await mobile.refresh(tokens.refresh_token)).body.refresh_token).toBe(body.refresh_token)
    await server.wait(11)
    await expectRefusal(mobile, tokens.refresh_token, 'reuse')
  })
})

describe('RFC 9700 §4.14.2: a refresh token used twice', () => {
  it('ends the whole grant, with the token that the thief does not hold and every access token (pipeshub#3271)', async () => {
    const tokens = await tokensOf()
    const { body: current } = await app.refresh(tokens.refresh_token)
    await server.wait(11)
    await expectRefusal(app, tokens.refresh_token, 'reuse')
    await expectRefusal(app, current.refresh_token, 'revoked')
    for (const token of [tokens.access_token, current.access_token]) {
      expect(await isActive(app, token)).toBe(false)
      expect((await userinfo(server.url, token)).status).toBe(401)
    }
    expect(await reasonOf(tokens.access_token)).toBe('reuse')
  })

  it('is audited once, with its feed position, however often the old token comes back', async () => {
    const tokens = await tokensOf()
    await app.refresh(tokens.refresh_token)
    await server.wait(11)
    for (let i = 0; i < 3; i++) await app.refresh(tokens.refresh_token)
    const { gid } = claimsOf(tokens.access_token)
    const events = await server.db.query(
      `select type, reason, position, actor, user_id, client_id from audit_events where target_id = $1 and type <> 'code.redeemed'`,
      [gid],
    )
    expect(events).toEqual([
      {
        type: 'grant.ended',
        reason: 'reuse',
        position: expect.anything(),
        actor: `client:${app.clientId}`,
        user_id: tokens.user.id,
        client_id: app.clientId,
      },
    ])
  })

  it('leaves the other grants of the same person and client alone, and the session (HQBase#41)', async () => {
    const tokens = await tokensOf()
    const other = await app.tokens({ username: tokens.user.username, browser: tokens.browser })
    const elsewhere = await app.tokens({ username: tokens.user.username })
    await app.refresh(tokens.refresh_token)
    await server.wait(11)
    await app.refresh(tokens.refresh_token)
    expect((await app.refresh(other.refresh_token)).status).toBe(200)
    expect((await app.refresh(elsewhere.refresh_token)).status).toBe(200)
    expect((await app.signIn({ browser: tokens.browser, parameters: { prompt: 'none' } })).code).not.toBe('')
  })

  it('presented by another client it is a mismatch, and the victim is not signed out', async () => {
    const thief = await server.createClient()
    const tokens = await tokensOf()
    const { body } = await app.refresh(tokens.refresh_token)
    await server.wait(11)
    await expectRefusal(thief, tokens.refresh_token, 'client_mismatch')
    await expectRefusal(thief, body.refresh_token, 'client_mismatch')
    expect((await app.refresh(body.refresh_token)).status).toBe(200)
  })

  it('survives a restart between the rotation and the replay (CVE-2026-9802, keycloak#49426)', async () => {
    const first = await server.another()
    const tokens = await tokensOf()
    const { body } = await at(first, app).refresh(tokens.refresh_token)
    await first.close()
    await server.wait(11)
    const second = await server.another()
    expect((await at(second, app).refresh(tokens.refresh_token)).status).toBe(400)
    expect((await at(second, app).refresh(body.refresh_token)).status).toBe(400)
    await second.close()
  })
})

describe('refresh_token_rotation: never (confidential clients)', () => {
  it('answers with the same refresh token every time, which can be used for ever and never counts as reused', async () => {
    const fixed = await server.createClient({ refresh_token_rotation: 'never' })
    const tokens = await tokensOf(fixed)
    for (let i = 0; i < 3; i++) {
      const { body } = await fixed.refresh(tokens.refresh_token)
      expect(body.refresh_token).toBe(tokens.refresh_token)
      await server.wait(60)
    }
  })
  it('is refused for a public client', async () => {
    const answer = await server.admin('POST', '/clients', {
      redirect_uris: ['https://app.example.com/cb'],
      token_endpoint_auth_method: 'none',
      refresh_token_rotation: 'never',
    })
    expect(answer.status).toBe(400)
  })
})

describe('how long it lives', () => {
  it('online: as long as it is used within the idle time, up to the session maximum', async () => {
    const tokens = await tokensOf()
    let current = tokens.refresh_token
    for (let use = 1; use <= 22; use++) {
      await server.wait(0.45 * 3600)
      const { status, body } = await app.refresh(current)
      expect(status, `after ${use * 0.45} h`).toBe(200)
      current = body.refresh_token
    }
    await server.wait(0.15 * 3600)
    expect((await app.refresh(current)).status).toBe(400)
  })

  it('online: dead after the idle time, and using the token kept the session of the browser alive', async () => {
    const tokens = await tokensOf()
    await server.wait(1700)
    const { body } = await app.refresh(tokens.refresh_token)
    await server.wait(1700)
    expect((await app.signIn({ browser: tokens.browser, parameters: { prompt: 'none' } })).code).not.toBe('')
    await server.wait(101)
    await expectRefusal(app, body.refresh_token, 'expired')
  })

  it('refresh_counts_as_activity: false lets the session idle although the token is used', async () => {
    const quiet = await server.createClient({ refresh_counts_as_activity: false })
    const tokens = await tokensOf(quiet)
    await server.wait(1700)
    const { body } = await quiet.refresh(tokens.refresh_token)
    await server.wait(101)
    await expectRefusal(quiet, body.refresh_token, 'session_dead')
  })

  it('a client may have less than the server: session_idle_seconds, session_max_seconds', async () => {
    const short = await server.createClient({ session_idle_seconds: 60, session_max_seconds: 100 })
    const idle = await tokensOf(short)
    await server.wait(61)
    await expectRefusal(short, idle.refresh_token, 'expired')
    const used = await tokensOf(short)
    await server.wait(55)
    const { body } = await short.refresh(used.refresh_token)
    await server.wait(50)
    await expectRefusal(short, body.refresh_token, 'expired')
  })

  it('logout ends an online grant at once', async () => {
    const tokens = await tokensOf()
    const page = await tokens.browser.open(`${server.url}/logout?id_token_hint=${tokens.id_token}`)
    expect(page.status).toBe(200)
    await expectRefusal(app, tokens.refresh_token, 'revoked')
    expect(await isActive(app, tokens.access_token)).toBe(false)
  })

  it('offline: survives logout, the session maximum and the session idle time; lives 30 days unused', async () => {
    const tokens = await tokensOf(app, 'openid offline_access')
    await tokens.browser.open(`${server.url}/logout?id_token_hint=${tokens.id_token}`)
    expect(await isActive(app, tokens.access_token)).toBe(true)
    await server.wait(29 * 86_400)
    const { status, body } = await app.refresh(tokens.refresh_token)
    expect(status).toBe(200)
    expect(claimsOf(body.access_token).sid).toBeUndefined()
    expect(claimsOf(body.id_token).sid).toBe(claimsOf(tokens.id_token).sid)
    await server.wait(30 * 86_400 + 1)
    await expectRefusal(app, body.refresh_token, 'expired')
  })

  it('offline: over after 60 days, however often it was used', async () => {
    const tokens = await tokensOf(app, 'openid offline_access')
    await server.wait(29 * 86_400)
    const second = await app.refresh(tokens.refresh_token)
    await server.wait(29 * 86_400)
    const third = await app.refresh(second.body.refresh_token)
    expect(third.status).toBe(200)
    await server.wait(2 * 86_400 + 1)
    await expectRefusal(app, third.body.refresh_token, 'expired')
  })
})

describe('what was withdrawn since (GHSA-895x-rfqp-jh5c)', () => {
  const change = async (client: TestClient, metadata: object) => {
    expect((await server.admin('PATCH', `/clients/${client.clientId}`, metadata)).status).toBe(200)
  }

  it('a scope that the client lost is not in the next token', async () => {
    const client = await server.createClient()
    const tokens = await tokensOf(client, 'openid profile email')
    await change(client, { scope: 'openid profile' })
    const fresh = await server.another()
    const { body } = await at(fresh, client).refresh(tokens.refresh_token)
    await fresh.close()
    expect(body.scope).toBe('openid profile')
    expect(claimsOf(body.access_token).scope).toBe('openid profile')
  })

  it('offline_access that the client lost ends offline refreshes at once, on an instance that still remembers the client', async () => {
    const client = await server.createClient()
    const tokens = await tokensOf(client, 'openid offline_access')
    await change(client, { scope: 'openid' })
    await expectRefusal(client, tokens.refresh_token, 'withdrawn')
    expect(await isActive(client, tokens.refresh_token)).toBe(false)
  })

  it('the grant type that the client lost ends refreshes at once', async () => {
    const client = await server.createClient()
    const tokens = await tokensOf(client)
    const remembering = await server.another()
    await at(remembering, client).refresh('nothing')
    await change(client, { grant_types: ['authorization_code'] })
    expect(await at(remembering, client).refresh(tokens.refresh_token)).toMatchObject({ status: 400, body: refused })
    expect(lastReason(remembering)).toBe('withdrawn')
    expect((await client.refresh(tokens.refresh_token)).body).toMatchObject({ error: 'unauthorized_client' })
    await remembering.close()
  })

  it('a consent that was taken back ends refreshes at once; one for other scopes does not suffice', async () => {
    const client = await server.createClient({ skip_consent: false })
    const tokens = await tokensOf(client, 'openid email')
    const refreshed = await client.refresh(tokens.refresh_token)
    expect(refreshed.status).toBe(200)
    await server.db.query(`update consents set scopes = '{openid}' where user_id = $1`, [tokens.user.id])
    await expectRefusal(client, refreshed.body.refresh_token, 'withdrawn')
    await server.db.query('delete from consents where user_id = $1', [tokens.user.id])
    await expectRefusal(client, refreshed.body.refresh_token, 'withdrawn')
  })

  it('a user who was disabled, deleted or given a new password; a client that was disabled or deleted (ofbiz#1646, eduvpn#99)', async () => {
    const acts: ((userId: string, client: TestClient) => Promise<{ status: number }>)[] = [
      (id) => server.admin('POST', `/users/${id}/disable`),
      (id) => server.admin('DELETE', `/users/${id}`),
      (id) => server.admin('POST', `/users/${id}/password`, { password: 'another long password, is it not' }),
      (_, { clientId }) => server.admin('PATCH', `/clients/${clientId}`, { disabled: true }),
      (_, { clientId }) => server.admin('DELETE', `/clients/${clientId}`),
    ]
    for (const scope of ['openid', 'openid offline_access']) {
      for (const [index, act] of acts.entries()) {
        const client = await server.createClient()
        const tokens = await tokensOf(client, scope)
        const { body } = await client.refresh(tokens.refresh_token)
        expect((await act(tokens.user.id, client)).status, `act ${index}`).toBeLessThan(300)
        expect([400, 401], `act ${index}, ${scope}`).toContain((await client.refresh(body.refresh_token)).status)
        expect((await userinfo(server.url, body.access_token)).status, `act ${index}, ${scope}`).toBe(401)
      }
    }
  })
})

describe('every term of liveness', () => {
  const afterLogin = "clock_now() + interval '1 s'"
  const ofGrant = 'id = (select client from grants where id = $1)'
  const ofUser = 'id = (select user_id from grants where id = $1)'
  const ofSession = 'id = (select session_id from grants where id = $1)'
  it.each<[string, string, string]>([
    ['the grant is revoked', 'revoked', 'update grants set revoked_at = now() where id = $1'],
    ['the grant is past its end', 'expired', 'update grants set expires_at = clock_now() where id = $1'],
    ['the grant is past its idle time', 'expired', 'update grants set idle_s = -1 where id = $1'],
    ['the grant is older than the line of its user', 'revoked', `update users set ended_pos = 1000000 where ${ofUser}`],
    [
      'the grant is older than the line of its client',
      'revoked',
      `update clients set ended_pos = 1000000 where ${ofGrant}`,
    ],
    ['the user is disabled', 'disabled', `update users set disabled_at = now() where ${ofUser}`],
    ['the client is disabled', 'disabled', `update clients set disabled_at = now() where ${ofGrant}`],
    [
      'the login is older than the line of the user',
      'not_before',
      `update users set not_before = ${afterLogin} where ${ofUser}`,
    ],
    [
      'the login is older than the line of the client',
      'not_before',
      `update clients set not_before = ${afterLogin} where ${ofGrant}`,
    ],
    ['the session is revoked', 'session_dead', `update sessions set revoked_at = now() where ${ofSession}`],
    ['the session is past its end', 'session_dead', `update sessions set expires_at = clock_now() where ${ofSession}`],
    ['the session is past its idle time', 'session_dead', `update sessions set idle_s = -1 where ${ofSession}`],
    [
      'the session is older than the line of its user',
      'session_dead',
      `update sessions set created_pos = -1 where ${ofSession}`,
    ],
    ['the row of the session is gone', 'session_dead', `delete from sessions where ${ofSession}`],
    ['the nonce is that of another grant', 'forged', `update grants set rt_nonce_hash = '\\x00' where id = $1`],
  ])('%s', async (_, reason, statement) => {
    const client = await server.createClient()
    const tokens = await tokensOf(client)
    const { gid } = claimsOf(tokens.access_token)
    await client.refresh(tokens.refresh_token)
    await server.db.query(statement, [gid])
    await expectRefusal(client, tokens.refresh_token, reason)
    expect(await isActive(client, tokens.refresh_token).catch(() => false)).toBe(false)
  })

  it('an ending that is under way: the refresh waits for it, and is refused (keycloak#51312)', async () => {
    const tokens = await tokensOf()
    const ending = 'update grants set revoked_at = now() where id = $1'
    const { gid } = claimsOf(tokens.access_token)
    const { answer, waited } = await during(server, [ending, gid], () => app.refresh(tokens.refresh_token))
    expect([waited, answer.status]).toEqual([true, 400])
    expect(lastReason(server)).toBe('revoked')
  })

  it('a rotation that is under way: the other use waits for it, and gets its successor', async () => {
    const tokens = await tokensOf()
    const rotation = 'update grants set rt_gen = rt_gen + 1, rt_rotated_at = clock_now() where id = $1'
    const { gid } = claimsOf(tokens.access_token)
    const { answer, waited } = await during(server, [rotation, gid], () => app.refresh(tokens.refresh_token))
    expect([waited, answer.status]).toEqual([true, 200])
    const [row] = await server.db.query('select rt_gen from grants where id = $1', [gid])
    expect(row).toEqual({ rt_gen: 1 })
  })
})

describe('what is no refresh token of ours', () => {
  it('every truncation, every changed character and every other spelling is refused without a query', async () => {
    const { refresh_token: token } = await tokensOf()
    const texts = [...damaged(token), `${token}A`, `${token} `, token.toUpperCase()].filter(
      (text) => text && text !== token,
    )
    const reasons = new Set<string | undefined>()
    for (const text of texts) {
      expect((await app.refresh(text)).status).toBe(400)
      reasons.add(lastReason(server))
    }
    expect(reasons).toEqual(new Set(['forged']))
    expect((await app.refresh(token)).status).toBe(200)
  })

  it('another generation under the right signature is not to be had: the token of one grant with the nonce of another', async () => {
    const [a, b] = [await tokensOf(), await tokensOf()]
    const bytes = (token: string) => Buffer.from(token.slice(7, 79), 'base64url')
    const mixed = bytes(a.refresh_token)
    bytes(b.refresh_token).copy(mixed, 18, 18, 34)
    await expectRefusal(app, `flc_rt_${mixed.toString('base64url')}${a.refresh_token.slice(79)}`, 'forged')
  })

  it.each(['', 'x', 'flc_rt_', 'flc_ac_AAAA', 'eyJhbGciOiJub25lIn0.e30.', 'ü'.repeat(90), 'x'.repeat(60_000)])(
    'a text that never was one (%#)',
    async (text) => {
      expect((await app.refresh(text)).status).toBe(400)
    },
  )
})
