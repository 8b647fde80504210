import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tokenPattern } from '../../src/crypto/opaque-token.ts'
import { parse } from '../support/html.ts'
import { password, startServer, type TestServer } from '../support/server.ts'
import { basic, claimsOf, userinfo } from '../support/tokens.ts'

let server: TestServer
/** Everything that was ever secret, by what it is. */
const secrets = new Map<string, string>()
const clientSecret = 'canary-client-secret-nobody-may-ever-see-0001'
const newPassword = 'canary password that nobody may ever see 0002'
const typo = 'canary typo that nobody may ever see 0003'

beforeAll(async () => {
  server = await startServer({ LOG_LEVEL: 'trace' })
  await live()
})
afterAll(() => server.close())

/** A day in the life of the server, with whatever goes wrong on it. */
async function live() {
  secrets
    .set('client secret', clientSecret)
    .set('password', password)
    .set('new password', newPassword)
    .set('mistyped password', typo)
  const app = await server.createClient({
    client_secret: clientSecret,
    post_logout_redirect_uris: ['https://app.example.com/bye'],
  })
  const user = await server.createUser({ email: 'canary@example.com' })

  const browser = server.browser()
  const { url } = app.request({
    state: 'canary-state-0004',
    nonce: 'canary-nonce-0005',
    login_hint: 'canary-hint-0006',
  })
  const page = await browser.open(url)
  for (const [name, value] of Object.entries(parse(page.body).forms[0]?.fields ?? {}))
    if (value.length > 20) secrets.set(`field ${name}`, value)
  secrets.set('handle of the login', new URL(page.url).searchParams.get('tx') ?? '')
  await browser.submit(page, { username: user.username, password: typo })

  const signedIn = await app.signIn({ username: user.username, browser })
  secrets.set('code', signedIn.code).set('verifier', signedIn.verifier)
  for (const [name, value] of browser.jar) secrets.set(`cookie ${name}`, value.split('.').at(-1) ?? '')
  const { body: tokens } = await app.exchange(signedIn.code, signedIn.verifier)
  for (const name of ['access_token', 'refresh_token', 'id_token'] as const) secrets.set(name, tokens[name])

  const { body: refreshed } = await app.refresh(tokens.refresh_token)
  secrets.set('second access token', refreshed.access_token).set('second refresh token', refreshed.refresh_token)
  await userinfo(server.url, tokens.access_token)
  await app.post('/introspect', { token: tokens.access_token })
  await app.post('/introspect', { token: tokens.refresh_token })

  // Refusals of every kind, with the secret in each place.
  await server.post('/token', { grant_type: 'refresh_token', refresh_token: refreshed.refresh_token })
  await server.post(
    '/token',
    { grant_type: 'refresh_token', refresh_token: refreshed.refresh_token },
    basic(app.clientId, typo),
  )
  await server.post(
    '/token',
    { grant_type: tokens.access_token, refresh_token: tokens.refresh_token },
    basic(app.clientId, clientSecret),
  )
  await server.post(`/token?refresh_token=${tokens.refresh_token}`, {}, basic(clientSecret, tokens.access_token))
  await server.post(
    '/token',
    [
      [tokens.refresh_token, '1'],
      [tokens.refresh_token, '2'],
    ],
    basic(app.clientId, clientSecret),
  )
  await userinfo(server.url, `${tokens.access_token}x`)
  await fetch(`${server.url}/userinfo?access_token=${tokens.access_token}`)
  await fetch(`${server.url}/nowhere/${tokens.refresh_token}?code=${signedIn.code}`)
  await fetch(`${server.url}/authorize?client_id=${tokens.refresh_token}&redirect_uri=${signedIn.code}`)
  await fetch(`${server.url}/admin/v1/users?query=${signedIn.code}`, {
    headers: { authorization: `Bearer ${tokens.access_token}` },
  })
  await server.admin('POST', '/users', { username: user.username, password: newPassword })
  await server.admin('POST', '/users', { username: 'x', password: newPassword, unknown_member: tokens.access_token })
  await server.admin('POST', '/clients', { client_secret: clientSecret, redirect_uris: [signedIn.code] })

  // Failures of ours: statements that break, with the row that they were about to write.
  for (const table of ['sessions', 'grants', 'authorization_codes', 'login_transactions', 'users', 'client_secrets']) {
    await server.db.query(`alter table ${table} add constraint broken check (false) not valid`)
    await server.browser().open(url)
    await app.signIn({ username: user.username, browser: browser.clone() })
    await app.signIn({ username: user.username })
    const again = await app.refresh(refreshed.refresh_token)
    if (again.status !== 500) await app.refresh(again.body.refresh_token)
    await server.admin('POST', `/users/${user.id}/password`, { password: newPassword })
    await server.admin('POST', `/clients/${app.clientId}/secrets`, { client_secret: clientSecret })
    await server.db.query(`alter table ${table} drop constraint broken`)
  }

  // Reuse, revocation, logout, a new password.
  await server.wait(61)
  await app.refresh(tokens.refresh_token)
  await app.post('/revoke', { token: refreshed.refresh_token })
  const last = await server.createUser()
  const other = await app.tokens({ username: last.username })
  for (const name of ['access_token', 'refresh_token', 'id_token'] as const) secrets.set(`other ${name}`, other[name])
  await app.post('/revoke', { token: other.access_token })
  await other.browser.open(
    `/logout?id_token_hint=${other.id_token}&post_logout_redirect_uri=https://app.example.com/bye&state=canary-state-0007`,
  )
  await server.admin('POST', `/users/${last.id}/password`, { password: newPassword })
}

/** The spellings in which a secret may lie about: as it is, in hexadecimal, in base64, in a URL. */
const spellings = (secret: string): string[] => {
  const bytes = Buffer.from(secret)
  return [
    secret,
    bytes.toString('hex'),
    bytes.toString('base64').replace(/=+$/, '').slice(0, -2),
    encodeURIComponent(secret),
    encodeURIComponent(secret).replaceAll('%20', '+'),
  ]
}
const found = (text: string): string[] =>
  [...secrets]
    .filter(([, secret]) => spellings(secret).some((spelling) => text.includes(spelling)))
    .map(([name]) => name)

describe('CVE-2026-7571: the log', () => {
  it('saw all of it: the control', () => {
    expect(secrets.size).toBeGreaterThan(14)
    for (const [name, secret] of secrets) expect(secret.length, name).toBeGreaterThanOrEqual(20)
    const messages = server.log.map(({ msg }) => msg)
    expect(messages.filter((message) => message === 'refused').length).toBeGreaterThan(5)
    expect(messages.filter((message) => message === 'failed').length).toBeGreaterThan(3)
  })

  it('holds no token, code, password, cookie, secret or handle, whatever went wrong', () => {
    const text = server.log.map((line) => JSON.stringify(line)).join('\n')
    expect(found(text)).toEqual([])
  })

  it('holds nothing that looks like one of our tokens, and no JWT', () => {
    const jwt = /eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/
    const lines = server.log
      .map((line) => JSON.stringify(line))
      .filter((text) => tokenPattern.test(text) || jwt.test(text))
    expect(lines).toEqual([])
  })

  it('has paths without their queries, and neither headers nor bodies nor rows', () => {
    const text = server.log.map((line) => JSON.stringify(line)).join('\n')
    expect(server.log.filter(({ path }) => typeof path === 'string' && path.includes('?'))).toEqual([])
    const canaries = [
      'canary-state',
      'canary-nonce',
      'canary-hint',
      'canary@example.com',
      'Failing row',
      '$argon2',
      'set-cookie',
      'user-agent',
    ]
    expect(canaries.filter((canary) => text.includes(canary))).toEqual([])
  })
})

describe('the database', () => {
  /** Every row of every table as text, in which bytes are hexadecimal. */
  const dump = async (): Promise<string> => {
    const tables = await server.db.query<{ name: string }>(
      `select quote_ident(relname) as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`,
    )
    const rows = []
    for (const { name } of tables)
      for (const row of await server.db.query<{ text: string }>(`select t::text as text from ${name} t`))
        rows.push(`${name} ${row.text}`)
    return rows.join('\n')
  }

  it('keeps no password, secret, code, token or cookie in clear: whoever reads a backup cannot sign in with it', async () => {
    const text = await dump()
    expect(text.includes('canary@example.com')).toBe(true)
    expect(found(text)).toEqual([])
    expect(tokenPattern.exec(text)?.[0]).toBeUndefined()
  })

  it('what stands there is no credential: neither a hash nor an id in the place of the secret', async () => {
    const app = await server.createClient()
    const tokens = await app.tokens({ username: (await server.createUser()).username })
    const [grant] = await server.db.query<{ hash: Buffer }>('select rt_nonce_hash as hash from grants where id = $1', [
      claimsOf(tokens.access_token).gid,
    ])
    const [session] = await server.db.query<{ hash: Buffer }>(
      'select secret_hash as hash from sessions where id = $1',
      [claimsOf(tokens.access_token).sid],
    )
    const [secret] = await server.db.query<{ hash: Buffer }>(
      'select hash from client_secrets order by created_at desc limit 1',
    )
    for (const hash of [grant, session, secret].map((row) => row?.hash ?? Buffer.alloc(0))) {
      for (const text of [hash.toString('hex'), hash.toString('base64url')]) {
        expect((await app.refresh(text)).status).toBe(400)
        expect((await server.post('/introspect', { token: 'x' }, basic(app.clientId, text))).status).toBe(401)
        const browser = server.browser()
        for (const [name, value] of tokens.browser.jar) browser.jar.set(name, value.replace(/[^.]*$/, text))
        expect((await app.signIn({ browser, parameters: { prompt: 'none' } })).code).toBe('')
      }
    }
  })
})

describe('answers', () => {
  it('the admin API shows a client secret once and never again', async () => {
    const app = await server.createClient()
    const answers = [
      await server.admin('GET', `/clients/${app.clientId}`),
      await server.admin('GET', '/clients?limit=200'),
      await server.admin('PATCH', `/clients/${app.clientId}`, { client_name: 'Renamed' }),
      await server.admin('GET', '/audit-events?limit=200'),
      await server.admin('GET', '/grants?limit=200'),
      await server.admin('GET', '/sessions?limit=200'),
      await server.admin('GET', '/users?limit=200'),
      await server.admin('GET', '/keys'),
    ]
    const text = JSON.stringify(answers)
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(200))
    expect(text.includes(app.secret ?? '')).toBe(false)
    expect(found(text)).toEqual([])
    expect(/.{30}(hash|argon2|private).{30}/i.exec(text)?.[0]).toBeUndefined()
  })

  it('an error tells neither what was sent nor what broke', async () => {
    const app = await server.createClient()
    await server.db.query('alter table grants add constraint broken check (false) not valid')
    const { code, verifier } = await app.signIn({ username: (await server.createUser()).username })
    const { status, body } = await app.exchange(code, verifier)
    await server.db.query('alter table grants drop constraint broken')
    expect([status, body]).toEqual([500, { error: 'server_error', error_description: 'Something went wrong here' }])
  })
})
