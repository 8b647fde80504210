import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { at, claimsOf, damaged, during, isActive, lastReason } from '../support/tokens.ts'

let server: TestServer
let app: TestClient
beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
})
afterAll(() => server.close())

/** A person who signed in at the app, and the code that the app got. */
async function signIn(client = app) {
  const user = await server.createUser()
  const { code, verifier, nonce, browser } = await client.signIn({ username: user.username })
  expect(code).toMatch(/^flc_ac_/)
  return { user, code, verifier, nonce, browser }
}

const redeem = (form: Record<string, string>, client = app) =>
  client.post('/token', { grant_type: 'authorization_code', redirect_uri: client.redirectUri, ...form })

const refused = { error: 'invalid_grant', error_description: 'The authorization code is not valid' }

describe('RFC 6749 §4.1.3: a code is exchanged for tokens', () => {
  it('answers with an access token, a refresh token, an ID token and the granted scope', async () => {
    const { code, verifier, nonce, user } = await signIn()
    const { status, body } = await app.exchange(code, verifier)
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 300, scope: 'openid' })
    expect(body.refresh_token).toMatch(/^flc_rt_/)
    expect(claimsOf(body.id_token)).toMatchObject({ sub: user.id, aud: app.clientId, nonce })
    expect(claimsOf(body.access_token)).toMatchObject({ sub: user.id, client_id: app.clientId })
  })

  it('is on record once: who redeemed it, for whom, and the grant that it gave', async () => {
    const { code, verifier, user } = await signIn()
    const answers = await Promise.all([1, 2, 3].map(() => app.exchange(code, verifier)))
    const { gid, sid } = claimsOf(answers.find(({ status }) => status === 200)?.body.access_token ?? '')
    const { body } = await server.admin('GET', `/audit-events?user_id=${user.id}&type=code.redeemed`)
    const about = { user_id: user.id, client_id: app.clientId, target_kind: 'grant', target_id: gid }
    expect(body['items']).toMatchObject([{ actor: `client:${app.clientId}`, ...about, detail: { session_id: sid } }])
    expect(body['items']).toMatchObject([{ ip: expect.any(String), request_id: expect.any(String) }])
  })

  it('without openid there is no ID token; without the refresh_token grant type no refresh token', async () => {
    const plain = await server.createClient({ grant_types: ['authorization_code'], scope: 'profile' })
    const { username } = await server.createUser()
    const tokens = await plain.tokens({ username, parameters: { scope: 'profile' } })
    expect(tokens.id_token).toBeUndefined()
    expect(tokens.refresh_token).toBeUndefined()
    expect(await isActive(plain, tokens.access_token)).toBe(true)
  })

  it('offline_access that the client may not have is left out of the granted scope', async () => {
    const { username } = await server.createUser()
    const online = await server.createClient({ scope: 'openid profile' })
    const tokens = await online.tokens({ username, parameters: { scope: 'openid offline_access' } })
    expect(tokens.scope).toBe('openid')
    expect(claimsOf(tokens.access_token).sid).toBeDefined()
  })
})

describe('RFC 9700 §2.1.1, §4.5: every check refuses alone, in the same words', () => {
  const right = async () => {
    const { code, verifier, ...rest } = await signIn()
    return { form: { code, code_verifier: verifier } as Record<string, string>, code, verifier, ...rest }
  }

  it.each<[string, string, (form: Record<string, string>) => Record<string, string>]>([
    ['no verifier', 'pkce_mismatch', ({ code = '' }) => ({ code })],
    [
      'another verifier',
      'pkce_mismatch',
      (form) => ({ ...form, code_verifier: randomBytes(32).toString('base64url') }),
    ],
    ['a verifier of 42 characters', 'pkce_malformed', (form) => ({ ...form, code_verifier: 'a'.repeat(42) })],
    ['a verifier of 129 characters', 'pkce_malformed', (form) => ({ ...form, code_verifier: 'a'.repeat(129) })],
    ['a verifier with a plus', 'pkce_malformed', (form) => ({ ...form, code_verifier: '+'.repeat(43) })],
    [
      'the right verifier with padding',
      'pkce_malformed',
      (form) => ({ ...form, code_verifier: `${form['code_verifier']}=` }),
    ],
    [
      'another redirect_uri',
      'redirect_mismatch',
      (form) => ({ ...form, redirect_uri: 'https://app.example.com/other' }),
    ],
    [
      'a redirect_uri with a slash more',
      'redirect_mismatch',
      (form) => ({ ...form, redirect_uri: `${app.redirectUri}/` }),
    ],
    [
      'a redirect_uri in capitals',
      'redirect_mismatch',
      (form) => ({ ...form, redirect_uri: app.redirectUri.toUpperCase() }),
    ],
    ['no redirect_uri', 'redirect_mismatch', (form) => ({ ...form, redirect_uri: '' })],
  ])('%s; and nothing is burnt: the right request still works', async (_, reason, make) => {
    const { form } = await right()
    for (let tries = 0; tries < 3; tries++) {
      const answer = await redeem(make(form))
      expect(answer).toMatchObject({ status: 400, body: refused })
      expect(lastReason(server)).toBe(reason)
    }
    expect((await redeem(form)).status).toBe(200)
  })

  it('another client, with the right verifier; and nothing is burnt', async () => {
    const { form } = await right()
    const thief = await server.createClient()
    expect(await redeem(form, thief)).toMatchObject({ status: 400, body: refused })
    expect(lastReason(server)).toBe('client_mismatch')
    expect((await redeem(form)).status).toBe(200)
  })

  it('a resource that the authorization request did not name, or that does not exist; and nothing is burnt', async () => {
    await server.admin('POST', '/resources', { identifier: 'https://one.example.com', scopes: ['one'] })
    await server.admin('POST', '/resources', { identifier: 'https://two.example.com', scopes: ['two'] })
    const client = await server.createClient({ scope: 'openid one two' })
    const { username } = await server.createUser()
    const parameters = { scope: 'openid one', resource: 'https://one.example.com' }
    const { code, verifier } = await client.signIn({ username, parameters })
    for (const resource of ['https://two.example.com', 'https://unknown.example.com']) {
      const answer = await client.exchange(code, verifier, { resource })
      expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_target' } })
    }
    expect((await client.exchange(code, verifier, { resource: 'https://one.example.com' })).status).toBe(200)
  })

  it('a code after its 60 seconds', async () => {
    const { form } = await right()
    await server.wait(61)
    expect(await redeem(form)).toMatchObject({ status: 400, body: refused })
    expect(lastReason(server)).toBe('expired')
  })

  it('a code in its 59th second is still good', async () => {
    const { form } = await right()
    await server.wait(58)
    expect((await redeem(form)).status).toBe(200)
  })

  it.each<[string, string, (of: Awaited<ReturnType<typeof right>>, client: TestClient) => Promise<unknown>]>([
    [
      'a user who was disabled (CVE-2026-16103)',
      'revoked',
      ({ user }) => server.admin('POST', `/users/${user.id}/disable`),
    ],
    [
      'a session that was ended by an admin',
      'session_dead',
      async ({ browser }) => server.admin('DELETE', `/sessions/${sidOf(browser.jar)}`),
    ],
    [
      'a user whose everything was ended',
      'revoked',
      ({ user }) => server.admin('POST', '/revocations', { user_id: user.id }),
    ],
    [
      'a user and client that were ended together',
      'revoked',
      ({ user }, client) => server.admin('POST', '/revocations', { user_id: user.id, client_id: client.clientId }),
    ],
    [
      'a client whose everything was ended',
      'revoked',
      (_, client) => server.admin('POST', '/revocations', { client_id: client.clientId }),
    ],
    ['everything ended', 'revoked', () => server.admin('POST', '/revocations', { all: true })],
  ])('%s', async (_, reason, act) => {
    const client = await server.createClient()
    const { user, code, verifier, browser } = await signIn(client)
    const outcome = await act({ form: {}, user, code, verifier, nonce: '', browser }, client)
    expect((outcome as { status: number }).status).toBeLessThan(300)
    expect(await client.exchange(code, verifier)).toMatchObject({ status: 400, body: refused })
    expect(lastReason(server)).toBe(reason)
  })

  it('a client that was disabled, whether or not the instance still remembers it as it was', async () => {
    const elsewhere = await server.another()
    for (const isRemembered of [true, false]) {
      const client = await server.createClient()
      const { code, verifier } = await signIn(client)
      if (isRemembered) await at(elsewhere, client).refresh('nothing')
      await server.admin('PATCH', `/clients/${client.clientId}`, { disabled: true })
      const { status, body } = await at(isRemembered ? elsewhere : server, client).post('/token', {
        grant_type: 'authorization_code',
        redirect_uri: client.redirectUri,
        code,
        code_verifier: verifier,
      })
      expect([status, body]).toEqual(
        isRemembered
          ? [400, refused]
          : [401, { error: 'invalid_client', error_description: 'Client authentication failed' }],
      )
    }
    await elsewhere.close()
  })

  it('a user who was disabled and enabled again: what was issued before stays ended', async () => {
    const { form, user } = await right()
    await server.admin('POST', `/users/${user.id}/disable`)
    await server.admin('POST', `/users/${user.id}/enable`)
    expect((await redeem(form)).status).toBe(400)
  })

  it.each<[string, string, string]>([
    ['the row of the user says disabled', 'disabled', 'update users set disabled_at = now() where id = $1'],
    ['the row of the user is gone', 'disabled', 'delete from users where id = $1'],
    [
      'the line of the user lies behind the login',
      'not_before',
      "update users set not_before = clock_now() + interval '1 s' where id = $1",
    ],
    ['the session is revoked', 'session_dead', 'update sessions set revoked_at = now() where user_id = $1'],
    ['the session is past its end', 'session_dead', 'update sessions set expires_at = clock_now() where user_id = $1'],
    [
      'the session is older than the line of its user',
      'session_dead',
      'update sessions set created_pos = -1 where user_id = $1',
    ],
    ['the row of the session is gone', 'session_dead', 'delete from sessions where user_id = $1'],
  ])('and no term leans on another: only %s', async (_, reason, statement) => {
    const { form, user } = await right()
    await server.db.query(statement, [user.id])
    expect(await redeem(form)).toMatchObject({ status: 400, body: refused })
    expect(lastReason(server)).toBe(reason)
  })

  it.each<[string, string, string]>([
    ['session', 'session_dead', 'update sessions set revoked_at = now() where user_id = $1'],
    ['user', 'revoked', 'update users set ended_pos = (select seq + 1 from feed_head) where id = $1'],
  ])('the ending of the %s that is under way: it waits for it, and is refused', async (_, reason, statement) => {
    const { form, user } = await right()
    const { answer, waited } = await during(server, [statement, user.id], () => redeem(form))
    expect([waited, answer.status]).toEqual([true, 400])
    expect(lastReason(server)).toBe(reason)
  })

  it('a session that is idle too long', async () => {
    const short = await startServer({ SESSION_IDLE_SECONDS: '5', AUTHORIZATION_CODE_TTL_SECONDS: '60' })
    const client = await short.createClient()
    const { code, verifier } = await client.signIn({ username: (await short.createUser()).username })
    await short.wait(6)
    expect((await client.exchange(code, verifier)).status).toBe(400)
    expect(lastReason(short)).toBe('session_dead')
    await short.close()
  })

  it('a client without PKCE: its code does not take a verifier that nobody asked for', async () => {
    const client = await server.createClient({ require_pkce: false })
    const { username } = await server.createUser()
    const parameters = { code_challenge: undefined, code_challenge_method: undefined }
    const { code, verifier } = await client.signIn({ username, parameters })
    expect((await client.exchange(code, verifier)).status).toBe(400)
    expect(lastReason(server)).toBe('pkce_mismatch')
    const plain = { grant_type: 'authorization_code', code, redirect_uri: client.redirectUri }
    expect((await client.post('/token', plain)).status).toBe(200)
  })

  it.each(['flc_ac_', 'nonsense', 'flc_ac_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_000000', "' or 1=1 --"])(
    'a text that never was a code: %s',
    async (code) => {
      expect(await redeem({ code, code_verifier: 'v'.repeat(43) })).toMatchObject({ status: 400, body: refused })
      expect(lastReason(server)).toBe('forged')
    },
  )

  it('every truncation and every changed character of a code', async () => {
    const { code, verifier } = await signIn()
    const texts = [...damaged(code), `${code}A`, ` ${code}`, code.toLowerCase()].filter((text) => text && text !== code)
    const statuses = await Promise.all(
      texts.map(async (text) => (await redeem({ code: text, code_verifier: verifier })).status),
    )
    expect(new Set(statuses)).toEqual(new Set([400]))
    expect((await redeem({ code, code_verifier: verifier })).status).toBe(200)
  })
})

describe('RFC 6749 §4.1.2: a code works once', () => {
  it('a replay by its owner with the right verifier ends the grant: refresh token and access token are dead (goiabada#66, cloudflare/workers-oauth-provider#148)', async () => {
    const { code, verifier } = await signIn()
    const { body: tokens } = await app.exchange(code, verifier)
    expect((await app.exchange(code, verifier)).body).toEqual(refused)
    expect(lastReason(server)).toBe('replay')
    expect((await app.refresh(tokens.refresh_token)).status).toBe(400)
    expect(await isActive(app, tokens.access_token)).toBe(false)
    const [ended] = await server.db.query('select revoke_reason from grants where id = $1', [
      claimsOf(tokens.access_token).gid,
    ])
    expect(ended).toEqual({ revoke_reason: 'code_replay' })
  })

  it('a replay after the code has expired still ends the grant', async () => {
    const { code, verifier } = await signIn()
    const { body: tokens } = await app.exchange(code, verifier)
    await server.wait(120)
    expect((await app.exchange(code, verifier)).status).toBe(400)
    expect((await app.refresh(tokens.refresh_token)).status).toBe(400)
  })

  it('whoever only stole the code ends nothing: without verifier, with a wrong one, as another client, with another redirect_uri', async () => {
    const { code, verifier } = await signIn()
    const { body: tokens } = await app.exchange(code, verifier)
    const thief = await server.createClient()
    const attempts = [
      await redeem({ code }),
      await redeem({ code, code_verifier: 'w'.repeat(43) }),
      await redeem({ code, code_verifier: verifier, redirect_uri: 'https://app.example.com/other' }),
      await thief.exchange(code, verifier),
    ]
    expect(attempts.map(({ status }) => status)).toEqual([400, 400, 400, 400])
    expect((await app.refresh(tokens.refresh_token)).status).toBe(200)
    expect(await isActive(app, tokens.access_token)).toBe(true)
  })

  it('a replay ends its own grant and no other of the same person and client', async () => {
    const { user, code, verifier, browser } = await signIn()
    const { body: first } = await app.exchange(code, verifier)
    const second = await app.tokens({ username: user.username, browser })
    await app.exchange(code, verifier)
    expect((await app.refresh(first.refresh_token)).status).toBe(400)
    expect((await app.refresh(second.refresh_token)).status).toBe(200)
  })

  it('many at once: one gets tokens, and the replays end what it got', async () => {
    const { code, verifier } = await signIn()
    const answers = await Promise.all(Array.from({ length: 16 }, () => app.exchange(code, verifier)))
    const granted = answers.filter(({ status }) => status === 200)
    expect(granted).toHaveLength(1)
    expect((await app.refresh(granted[0]?.body.refresh_token ?? '')).status).toBe(400)
  })
})

describe('one grant for each exchange', () => {
  it('the same browser twice: two grants of one session, each with a family of refresh tokens of its own', async () => {
    const { username } = await server.createUser()
    const first = await app.tokens({ username })
    const second = await app.tokens({ username, browser: first.browser })
    const [a, b] = [claimsOf(first.access_token), claimsOf(second.access_token)]
    expect(a.sid).toBe(b.sid)
    expect(a.gid).not.toBe(b.gid)
    await server.wait(11)
    const rotated = await app.refresh(first.refresh_token)
    await server.wait(11)
    await app.refresh(first.refresh_token)
    expect((await app.refresh(rotated.body.refresh_token)).status).toBe(400)
    expect((await app.refresh(second.refresh_token)).status).toBe(200)
  })

  it('at most 20 live ones for a session and client: the 21st ends the oldest, and no other client loses one', async () => {
    const { username } = await server.createUser()
    const other = await server.createClient()
    const first = await app.tokens({ username })
    const others = await other.tokens({ username, browser: first.browser })
    const more = []
    for (let i = 0; i < 19; i++) more.push(await app.tokens({ username, browser: first.browser }))
    expect(await isActive(app, first.access_token)).toBe(true)
    await app.tokens({ username, browser: first.browser })
    expect(await isActive(app, first.access_token)).toBe(false)
    expect(await isActive(app, more[0]?.access_token ?? '')).toBe(true)
    expect(await isActive(other, others.access_token)).toBe(true)
    const [row] = await server.db.query('select revoke_reason from grants where id = $1', [
      claimsOf(first.access_token).gid,
    ])
    expect(row).toEqual({ revoke_reason: 'limit' })
  })
})

/** The session that a browser's cookie names. */
function sidOf(jar: ReadonlyMap<string, string>): string {
  return [...jar].find(([name]) => name.includes('sso'))?.[1].split('.')[0] ?? ''
}
