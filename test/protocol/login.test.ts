import { setTimeout as sleep } from 'node:timers/promises'
import argon2 from 'argon2'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Browser, Page } from '../support/browser.ts'
import { answerOf, asksForConsent, claimsOf, cookieOf, lastReason } from '../support/front-channel.ts'
import { parse } from '../support/html.ts'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: TestClient
let username: string

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
  ;({ username } = await server.createUser())
})
afterAll(() => server.close())

const wrong = 'not the right password'
const begin = async (on = server): Promise<{ browser: Browser; page: Page }> => {
  const browser = on.browser()
  return { browser, page: await browser.open(app.request().url.replace(server.url, on.url)) }
}
/** One attempt from a fresh browser. */
const attempt = async (name: string, secret: string, headers: Record<string, string> = {}, on = server) => {
  const { browser, page } = await begin(on)
  return browser.submit(page, { username: name, password: secret }, { origin: server.url, ...headers })
}
const sessionCount = async () => (await server.db.query('select from sessions')).length

describe('OWASP ASVS 6.3.8: a refusal does not say what was wrong', () => {
  const shapeOf = (page: Page) => ({
    status: page.status,
    headers: [...page.headers.keys()],
    error: parse(page.body).error,
    cookies: page.headers.getSetCookie(),
  })

  it('is the same page for an unknown, a disabled and a known user, and for one without a password', async () => {
    const disabled = await server.createUser()
    await server.admin('POST', `/users/${disabled.id}/disable`)
    const passwordless = await server.createUser({ password: null })
    const cases: [string, string, string][] = [
      [username, wrong, 'wrong_password'],
      [username, '', 'wrong_password'],
      ['nobody', password, 'unknown_user'],
      ['', '', 'unknown_user'],
      [disabled.username, password, 'disabled'],
      [disabled.username, wrong, 'wrong_password'],
      [passwordless.username, password, 'wrong_password'],
      [passwordless.username, '', 'wrong_password'],
    ]
    const [first, ...others] = await Promise.all(
      cases.map(async ([name, secret]) => shapeOf(await attempt(name, secret))),
    )
    expect(first).toMatchObject({ status: 401, cookies: [] })
    for (const other of others) expect(other).toEqual(first)
    for (const [name, secret, reason] of cases) {
      const { page, browser } = await begin()
      const answer = await browser.submit(page, { username: name, password: secret })
      expect(parse(answer.body).error).toContain('The user name or the password is not right')
      expect(lastReason(server)).toBe(reason)
    }
  })

  it('is written to the audit log with its true reason, and without what was typed', async () => {
    await attempt(username, 'canary-password')
    const [event] = await server.db.query(
      `select type, outcome, reason, user_id from audit_events where type = 'login.failed' order by id desc limit 1`,
    )
    expect(event).toMatchObject({ outcome: 'failure', reason: 'wrong_password' })
    const everything = await server.db.query('select row_to_json(a)::text as t from audit_events a')
    expect(JSON.stringify(everything) + JSON.stringify(server.log)).not.toContain('canary-password')
  })

  it('gives back what was typed as the name, and never the password', async () => {
    const page = await attempt('bob"><b>', 'canary-password')
    expect(parse(page.body).forms[0]?.fields).toMatchObject({ username: 'bob"><b>', password: '' })
    expect(page.body).not.toContain('canary-password')
  })

  it('computes one hash with the same parameters in every case, so that time does not tell either (keycloak#48888, logto#8773)', async () => {
    const disabled = await server.createUser()
    await server.admin('POST', `/users/${disabled.id}/disable`)
    const passwordless = await server.createUser({ password: null })
    const known = await server.createUser()
    const cases: [string, string][] = [
      [known.username, wrong],
      ['nobody', wrong],
      ['nobody', ''],
      [disabled.username, password],
      [passwordless.username, wrong],
      [known.username, 'x'.repeat(2000)],
    ]
    const verify = vi.spyOn(argon2, 'verify')
    for (const [name, secret] of cases) {
      verify.mockClear()
      expect((await attempt(name, secret)).status).toBe(401)
      const parameters = verify.mock.calls.map(([phc]) => phc.split('$').slice(1, 4).join('$'))
      expect(parameters, name).toEqual(['argon2id$v=19$m=64,t=1,p=1'])
    }
    verify.mockRestore()
  })
})

describe('who is meant', () => {
  it('is the same person in every spelling of the name', async () => {
    const { id } = await server.createUser({ username: 'Zoë.Straße' })
    for (const name of ['Zoë.Straße', 'ZOË.STRASSE', '  zoë.straße ', 'zoe\u0308.straße', 'ｚｏë.straße']) {
      const { verifier, url } = app.request()
      const browser = server.browser()
      const page = await browser.submit(await browser.open(url), { username: name, password })
      const { body } = await app.exchange(page.location?.searchParams.get('code') ?? '', verifier)
      expect(claimsOf(body.id_token)['sub']).toBe(id)
    }
  })

  it('may be said with the e-mail address', async () => {
    await server.createUser({ email: 'Carol@Example.com' })
    expect(answerOf(await attempt('carol@example.com', password))).toHaveProperty('code')
    expect(answerOf(await attempt(' CAROL@example.COM', password))).toHaveProperty('code')
  })

  it('is the owner of a user name before the owner of the same e-mail address', async () => {
    const secret = 'the password of the other one'
    await server.createUser({ email: 'dave@example.com', password: secret })
    const { status } = await server.admin('POST', '/users', { username: 'dave@example.com', password })
    if (status === 201) {
      expect(answerOf(await attempt('dave@example.com', password))).toHaveProperty('code')
      expect((await attempt('dave@example.com', secret)).status).toBe(401)
    } else expect(status).toBe(409)
  })

  it('keeps a password as it was typed: no case, no spaces, no normalisation', async () => {
    const secret = ' Pässwörd  with spaces '
    const { username: name } = await server.createUser({ password: secret })
    expect(answerOf(await attempt(name, secret))).toHaveProperty('code')
    for (const near of [secret.trim(), secret.toLowerCase(), `${secret} `]) {
      expect((await attempt(name, near)).status).toBe(401)
    }
  })
})

describe('CWE-307: guessing is counted before it is evaluated', () => {
  let limited: TestServer
  const extra: TestServer[] = []
  beforeAll(async () => {
    limited = await server.another({ RATE_LIMITS: 'login_account=10/900', TRUST_PROXY: '127.0.0.1,::1' })
  })
  afterAll(() => limited.close())
  afterEach(() => Promise.all(extra.splice(0).map((other) => other.close())))
  const from = (address: string) => ({ origin: server.url, 'x-forwarded-for': address })
  const reasons = (name: string) => limited.log.filter(({ reason }) => reason === name).length

  it('evaluates at most the limit when fifty wrong passwords come at once (CVE-2024-4629, keycloak#31726)', async () => {
    const { username: name } = await server.createUser()
    const pages = await Promise.all(Array.from({ length: 50 }, () => begin(limited)))
    const before = reasons('wrong_password')
    const answers = await Promise.all(
      pages.map(({ browser, page }) => browser.submit(page, { username: name, password: wrong }, from('192.0.2.1'))),
    )
    expect(reasons('wrong_password') - before).toBe(10)
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(10)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(40)

    const right = await attempt(name, password, from('192.0.2.1'), limited)
    expect(right.status).toBe(429)
    expect(parse(right.body).error).toContain('too many attempts')
    expect(right.headers.getSetCookie().join()).not.toContain('sso')
  })

  it('lets the person in again when the window is over', async () => {
    const { username: name } = await server.createUser()
    for (let i = 0; i < 10; i++) await attempt(name, wrong, from('192.0.2.2'), limited)
    expect((await attempt(name, password, from('192.0.2.2'), limited)).status).toBe(429)
    await server.wait(901)
    expect(answerOf(await attempt(name, password, from('192.0.2.2'), limited))).toHaveProperty('code')
  })

  it('does not lock the owner out of another place (GHSA-cq42-vhv7-xr7p, CVE-2026-19607, keycloak#52837)', async () => {
    const { username: name } = await server.createUser()
    for (let i = 0; i < 11; i++) await attempt(name, wrong, from('192.0.2.3'), limited)
    expect((await attempt(name, password, from('192.0.2.3'), limited)).status).toBe(429)
    expect(answerOf(await attempt(name, password, from('192.0.2.4'), limited))).toHaveProperty('code')
  })

  it('has one count for all spellings of a name, and one for an IPv6 network', async () => {
    const { username: name } = await server.createUser({ username: 'Erin' })
    const spellings = ['Erin', 'ERIN', ' erin', 'ｅrin', 'eriN']
    for (let i = 0; i < 10; i++) {
      const address = `2001:db8:1:2::${i + 1}`
      expect((await attempt(spellings[i % 5] ?? '', wrong, from(address), limited)).status).toBe(401)
    }
    expect((await attempt(name, password, from('2001:db8:1:2:ffff::1'), limited)).status).toBe(429)
    expect(answerOf(await attempt(name, password, from('2001:db8:1:3::1'), limited))).toHaveProperty('code')
    const rows = await server.db.query(
      'select ip from sessions where user_id = (select id from users where username = $1)',
      [name],
    )
    expect(rows).toEqual([{ ip: '2001:db8:1:3::1' }])
  })

  it('counts a name that does not exist like one that does', async () => {
    for (let i = 0; i < 10; i++) expect((await attempt('ghost', wrong, from('192.0.2.5'), limited)).status).toBe(401)
    expect((await attempt('ghost', wrong, from('192.0.2.5'), limited)).status).toBe(429)
  })

  it('does not count what succeeds', async () => {
    const { username: name } = await server.createUser()
    for (let i = 0; i < 15; i++) {
      expect(answerOf(await attempt(name, password, from('192.0.2.6'), limited))).toHaveProperty('code')
    }
  })

  it.each(['garbage', '', 'a'.repeat(5000), Array.from({ length: 1000 }, () => '1.2.3.4').join(',')])(
    'holds behind a proxy that forwards nonsense as the address: %#',
    async (forwarded) => {
      const strict = await server.another({ RATE_LIMITS: 'login_account=1/900' })
      extra.push(strict)
      const { username: name } = await server.createUser()
      await attempt(name, wrong, from(forwarded), strict)
      expect((await attempt(name, wrong, from(forwarded), strict)).status).toBe(429)
    },
  )
})

describe('hashing is bounded', () => {
  it('answers 503 when too many wait for it, with no verdict about any password (keycloak#28477)', async () => {
    const slow = await server.another({ ARGON2_MEMORY_KIB: '19456', ARGON2_TIME: '6' })
    const pages = await Promise.all(Array.from({ length: 130 }, () => begin(slow)))
    const answers = await Promise.all(
      pages.map(({ browser, page }) =>
        browser.submit(page, { username: 'nobody', password: wrong }, { origin: server.url }),
      ),
    )
    await slow.close()
    const busy = answers.filter(({ status }) => status === 503)
    expect(busy.length).toBeGreaterThan(0)
    expect(answers.every(({ status }) => status === 401 || status === 503)).toBe(true)
    for (const { headers, body } of busy) {
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
      expect(body).not.toContain('not right')
    }
  })

  it('refuses a password of more than 1024 bytes, as a wrong one', async () => {
    const long = 'ä'.repeat(512)
    const { username: name } = await server.createUser({ password: long })
    expect(answerOf(await attempt(name, long))).toHaveProperty('code')
    expect((await attempt(name, `${long}a`)).status).toBe(401)
    expect((await attempt(name, 'a'.repeat(50_000))).status).toBe(401)
  })

  it('hashes again with the parameters of today at the next sign-in', async () => {
    const { username: name, id } = await server.createUser()
    const hashOf = async () =>
      (await server.db.query<{ h: string }>('select password_hash as h from users where id = $1', [id]))[0]?.h ?? ''
    expect(await hashOf()).toContain('m=64,t=1')
    const stronger = await server.another({ ARGON2_MEMORY_KIB: '128', ARGON2_TIME: '2' })
    expect((await attempt(name, wrong, {}, stronger)).status).toBe(401)
    expect(await hashOf()).toContain('m=64,t=1')
    expect(answerOf(await attempt(name, password, {}, stronger))).toHaveProperty('code')
    await stronger.close()
    expect(await hashOf()).toContain('m=128,t=2')
    expect(answerOf(await attempt(name, password))).toHaveProperty('code')
  })
})

describe('a session begins when the sign-in is complete, and never earlier', () => {
  it('leaves no session and no cookie after a refusal', async () => {
    const before = await sessionCount()
    const { browser, page } = await begin()
    const answer = await browser.submit(page, { username, password: wrong })
    expect(answer.headers.getSetCookie()).toEqual([])
    expect(await sessionCount()).toBe(before)
  })

  it('OWASP ASVS 7.2.4: makes a new secret at every sign-in, and keeps the sid of the same person', async () => {
    const { browser } = await app.signIn({ username })
    const first = cookieOf(browser, 'sso')?.value.split('.') ?? []
    await app.signIn({ browser, username, parameters: { prompt: 'login' } })
    const second = cookieOf(browser, 'sso')?.value.split('.') ?? []
    expect(second[0]).toBe(first[0])
    expect(second[1]).not.toBe(first[1])
  })

  it('lets the old cookie read for 30 seconds, because the answer with the new one may be lost, and no longer', async () => {
    const { browser } = await app.signIn({ username })
    const old = browser.clone()
    await app.signIn({ browser, username, parameters: { prompt: 'login' } })
    const silently = async (who: Browser) => answerOf(await who.open(app.request({ prompt: 'none' }).url))
    expect(await silently(old)).toHaveProperty('code')
    await server.wait(31)
    expect(await silently(old)).toMatchObject({ error: 'login_required' })
    expect(await silently(browser)).toHaveProperty('code')
  })

  it('ends the session of one person when another signs in at the same browser, with its tokens (CVE-2025-12390, keycloak#44168, GHSA-rg35-5v25-mqvp)', async () => {
    const [one, two] = [await server.createUser(), await server.createUser()]
    const first = await app.tokens({ username: one.username })
    const second = await app.tokens({
      browser: first.browser,
      username: two.username,
      parameters: { prompt: 'login' },
    })
    const sid = claimsOf(first.id_token)['sid']
    expect(claimsOf(second.id_token)['sid']).not.toBe(sid)
    expect((await app.refresh(first.refresh_token)).body).toMatchObject({ error: 'invalid_grant' })
    const [session] = await server.db.query('select revoke_reason from sessions where id = $1', [sid])
    expect(session).toEqual({ revoke_reason: 'replaced' })
    expect((await app.refresh(second.refresh_token)).status).toBe(200)
  })

  it('never gives out the same sid twice (keycloak#32197)', async () => {
    const browser = server.browser()
    const sids = new Set<unknown>()
    for (let i = 0; i < 4; i++) {
      sids.add(claimsOf((await app.tokens({ browser, username })).id_token)['sid'])
      await browser.submit(await browser.open('/logout'), {})
    }
    expect(sids.size).toBe(4)
  })

  it('is not made for an account that is disabled meanwhile, in any open page', async () => {
    const user = await server.createUser()
    const { browser, page } = await begin()
    await server.admin('POST', `/users/${user.id}/disable`)
    expect((await browser.submit(page, { username: user.username, password })).status).toBe(401)
  })

  it('sends a person who must consent there first', async () => {
    const careful = await server.createClient({ skip_consent: false })
    const browser = server.browser()
    const page = await browser.open(careful.request().url)
    expect(asksForConsent(await browser.submit(page, { username, password }))).toBe(true)
  })
})

describe('what happens between the check of the password and the insert of the session', () => {
  /** Signs in while `change` holds the row of the user: the password was checked before it, the session comes after it. */
  async function signInDuring(change: string): Promise<Page> {
    const user = await server.createUser()
    const { browser, page } = await begin()
    const locker = new Client({ connectionString: server.db.url })
    await locker.connect()
    await locker.query('begin')
    await locker.query('select from users where id = $1 for update', [user.id])
    const answer = browser.submit(page, { username: user.username, password })
    for (let tries = 0; tries < 100; tries++) {
      const waiting = await server.db.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      )
      if (waiting.length > 0) break
      await sleep(5)
    }
    await locker.query(change, [user.id])
    await locker.query('commit')
    await locker.end()
    return answer
  }

  it('a new password refuses the sign-in with the old one (keycloak#45568)', async () => {
    const before = await sessionCount()
    const page = await signInDuring(`update users set password_hash = password_hash || 'x' where id = $1`)
    expect(page.status).toBe(401)
    expect(lastReason(server)).toBe('password_changed')
    expect(await sessionCount()).toBe(before)
    const [event] = await server.db.query(
      `select outcome, user_id is not null as known from audit_events where type = 'login.failed' and reason = 'password_changed'`,
    )
    expect(event).toEqual({ outcome: 'failure', known: true })
  })

  it('a disabled account refuses it', async () => {
    expect((await signInDuring('update users set disabled_at = clock_now() where id = $1')).status).toBe(401)
    expect(lastReason(server)).toBe('disabled')
  })

  it('an ending of everything that the user has refuses it', async () => {
    const change = 'update users set ended_pos = (select seq + 1 from feed_head where id = 1) where id = $1'
    expect((await signInDuring(change)).status).toBe(401)
    expect(lastReason(server)).toBe('ended')
  })

  it('a change of another kind does not', async () => {
    const page = await signInDuring(`update users set profile = '{"name":"New"}' where id = $1`)
    expect(answerOf(page)).toHaveProperty('code')
  })
})
