import { setTimeout as sleep } from 'node:timers/promises'
import argon2 from 'argon2'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Browser, Page } from '../support/browser.ts'
import { answerOf, cookieOf, lastReason } from '../support/front-channel.ts'
import { parse } from '../support/html.ts'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'
import { claimsOf } from '../support/tokens.ts'

const path = '/account/password'
const wanted = 'canary: violet lamp under water'
const wrong = 'canary: not the right password'

let server: TestServer
let app: TestClient
let user: { id: string; username: string }
beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
})
beforeEach(async () => {
  user = await server.createUser()
})
afterAll(() => server.close())

const signedIn = async (): Promise<Browser> => (await app.signIn({ username: user.username })).browser
const sidOf = (browser: Browser) => cookieOf(browser, 'sso')?.value.split('.')[0] ?? ''
const isSignedIn = async (browser: Browser) =>
  answerOf(await browser.open(app.request({ prompt: 'none' }).url))?.['code'] !== undefined
const canSignInWith = async (secret: string) => {
  const browser = server.browser()
  const page = await browser.open(app.request().url)
  return answerOf(await browser.submit(page, { username: user.username, password: secret }))?.['code'] !== undefined
}
const typed = (current = password, fresh = wanted, repeated = fresh) => ({
  current_password: current,
  new_password: fresh,
  repeat_password: repeated,
})
const formOf = async (browser: Browser) => parse((await browser.open(server.url + path)).body).forms[0]?.fields ?? {}
/** Sends the form; the answer itself, before any redirect is followed. */
const send = async (browser: Browser, fields: Record<string, string> = typed(), on = server, headers = {}) =>
  browser.post(on.url + path, { ...(await formOf(browser)), ...fields }, { origin: server.url, ...headers })
const events = () =>
  server.db.query(
    `select type, outcome, actor, target_id = $1 and user_id = $1::uuid as "isTheirs", reason from audit_events
     where target_kind in ('user', 'session') and user_id = $1::uuid and type not in ('user.created', 'session.created') order by type`,
    [user.id],
  )
const hashOf = async () => (await server.db.query('select password_hash from users where id = $1', [user.id]))[0]
const textOf = ({ body }: Page) => body.replaceAll(/<[^>]*>/g, ' ')

describe('the page', () => {
  it('is for someone who is signed in, and says to others how to sign in', async () => {
    const ended = await signedIn()
    await server.admin('DELETE', `/sessions/${sidOf(ended)}`)
    for (const browser of [server.browser(), ended]) {
      const answers = [
        await browser.open(path),
        await browser.open(`${path}/changed`),
        await browser.post(path, typed()),
      ]
      for (const page of answers) {
        expect([page.status, page.headers.get('cache-control')]).toEqual([401, 'no-store'])
        expect(textOf(page)).toContain('Open one of your apps in this browser and sign in there')
        expect(page.body).not.toContain('<form')
      }
    }
  })

  it('has the form, and is reached from the front page, which shows that link to nobody else', async () => {
    const browser = await signedIn()
    const front = await browser.open('/')
    expect(front.body).toContain(`href="${path}"`)
    expect(textOf(front)).toContain(user.username)
    const other = await server.browser().open('/')
    expect(other.body).not.toContain(path)
    const page = await browser.open(path)
    expect([page.status, page.headers.get('cache-control')]).toEqual([200, 'no-store'])
    expect(page.body).toMatch(/<input(?=[^>]*id="sign-out-others")[^>]*\schecked/)
  })

  it('is not for a cookie that was replaced: that one may read for a moment, and no more', async () => {
    const browser = await signedIn()
    const old = browser.clone()
    const form = await formOf(browser)
    await app.signIn({ browser, username: user.username, parameters: { prompt: 'login' } })
    expect(await isSignedIn(old)).toBe(true)
    expect((await old.open(path)).status).toBe(401)
    expect((await old.post(path, { ...form, ...typed() })).status).toBe(401)
    expect((await browser.open(path)).status).toBe(200)
    expect(await canSignInWith(password)).toBe(true)
  })
})

describe('a change', () => {
  it('takes the new password from now on, and never again the old one', async () => {
    const answer = await send(await signedIn())
    expect([answer.status, answer.location?.pathname]).toEqual([303, `${path}/changed`])
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect([await canSignInWith(password), await canSignInWith(wanted)]).toEqual([false, true])
  })

  it('OWASP ASVS 7.2.4: gives the session a new secret; the old cookie dies at once and does not even read', async () => {
    const browser = await signedIn()
    const before = cookieOf(browser, 'sso')?.value.split('.')
    const copy = browser.clone()
    const answer = await send(browser)
    expect(answer.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^sso-\d+=[\w.-]+; Path=\/; HttpOnly; SameSite=Lax$/),
    ])
    const after = cookieOf(browser, 'sso')?.value.split('.')
    expect(after?.[0]).toBe(before?.[0])
    expect(after?.[1]).not.toBe(before?.[1])
    expect([await isSignedIn(browser), await isSignedIn(copy)]).toEqual([true, false])
  })

  it('also the one that could still read since the last sign-in', async () => {
    const browser = await signedIn()
    const old = browser.clone()
    await app.signIn({ browser, username: user.username, parameters: { prompt: 'login' } })
    expect(await isSignedIn(old)).toBe(true)
    await send(browser)
    expect(await isSignedIn(old)).toBe(false)
  })

  it('keeps a remembered session remembered, until the same end', async () => {
    // The last instance to start decides who may be remembered.
    await (await server.another({ REMEMBER_ME: 'true' })).close()
    const browser = server.browser()
    const page = await browser.open(app.request().url)
    await browser.submit(page, { username: user.username, password, remember_me: 'on' })
    await server.wait(86_400)
    const [cookie = ''] = (await send(browser)).headers.getSetCookie()
    await (await server.another()).close()
    const maxAge = Number(/Max-Age=(\d+)/.exec(cookie)?.[1])
    expect(maxAge).toBeGreaterThan(29 * 86_400 - 60)
    expect(maxAge).toBeLessThanOrEqual(29 * 86_400)
  })

  const signInAround = async () => {
    const scope = { scope: 'openid offline_access' }
    const here = await app.tokens({ username: user.username })
    const there = await app.tokens({ username: user.username })
    return {
      here,
      there,
      offlineHere: await app.tokens({ browser: here.browser, parameters: scope }),
      offlineThere: await app.tokens({ browser: there.browser, parameters: scope }),
      code: await app.signIn({ browser: there.browser, parameters: scope }),
    }
  }

  it('signs out everywhere else, with the apps there and their offline access, and says so (keycloak#38850)', async () => {
    const { here, there, offlineHere, offlineThere, code } = await signInAround()
    const changed = await here.browser.follow(await send(here.browser))
    expect(textOf(changed)).toContain('You were signed out in one other place.')
    expect([await isSignedIn(here.browser), await isSignedIn(there.browser)]).toEqual([true, false])
    expect((await app.exchange(code.code, code.verifier)).body).toMatchObject({ error: 'invalid_grant' })
    const refreshed = [here, offlineHere, there, offlineThere].map(({ refresh_token: token }) => app.refresh(token))
    expect((await Promise.all(refreshed)).map(({ status }) => status)).toEqual([200, 200, 400, 400])
    const [session] = await server.db.query('select revoke_reason, revoked_by from sessions where id = $1', [
      claimsOf(there.id_token).sid,
    ])
    expect(session).toEqual({ revoke_reason: 'password_change', revoked_by: `user:${user.id}` })
  })

  it('leaves everything else as it is where the box is not ticked, and says that too', async () => {
    const { here, there, offlineHere, offlineThere, code } = await signInAround()
    const changed = await here.browser.follow(await send(here.browser, { ...typed(), sign_out_others: '' }))
    expect(textOf(changed)).toContain('Wherever else you were signed in, you still are.')
    expect([await isSignedIn(here.browser), await isSignedIn(there.browser)]).toEqual([true, true])
    expect((await app.exchange(code.code, code.verifier)).status).toBe(200)
    const refreshed = [here, offlineHere, there, offlineThere].map(({ refresh_token: token }) => app.refresh(token))
    expect((await Promise.all(refreshed)).map(({ status }) => status)).toEqual([200, 200, 200, 200])
  })

  it('counts as use of the session', async () => {
    const browser = await signedIn()
    await server.wait(1700)
    await send(browser)
    await server.wait(1700)
    expect(await isSignedIn(browser)).toBe(true)
  })

  it('is in the audit log, with what it ended', async () => {
    const browser = await signedIn()
    await send(browser)
    const common = { actor: `user:${user.id}`, isTheirs: true, outcome: 'success' }
    expect(await events()).toEqual([
      { ...common, type: 'user.password_change', reason: null },
      { ...common, type: 'user_sessions.ended', reason: 'password_change' },
    ])
  })

  it('cannot be told by an address that someone else made up', async () => {
    const [browser, other] = [await signedIn(), await signedIn()]
    const { location } = await send(other, { ...typed(), sign_out_others: '' })
    expect((await other.request(location?.href ?? '')).status).toBe(200)
    for (const url of [`${path}/changed`, `${path}/changed?ended=3`, location?.href ?? ''])
      expect((await browser.request(url)).location?.pathname, url).toBe(path)
  })
})

describe('a change that is refused', () => {
  it('for a wrong current password leaves everything as it was, and is in the audit log', async () => {
    const [browser, other] = [await signedIn(), await signedIn()]
    const page = await send(browser, typed(wrong))
    expect([page.status, page.headers.getSetCookie()]).toEqual([403, []])
    expect(parse(page.body).error).toContain('The current password is not right')
    expect([await canSignInWith(password), await isSignedIn(browser), await isSignedIn(other)]).toEqual([
      true,
      true,
      true,
    ])
    expect(await events()).toEqual([
      {
        type: 'user.password_change',
        outcome: 'failure',
        actor: `user:${user.id}`,
        isTheirs: true,
        reason: 'wrong_password',
      },
    ])
  })

  it.each([
    ['too short', typed(password, 'x'.repeat(7)), 'must have at least 8 characters'],
    ['empty', typed(password, ''), 'must have at least 8 characters'],
    ['longer than 1024 bytes', typed(password, 'ä'.repeat(513)), 'must not be longer than 1024 bytes'],
    ['the current one', typed(password, password), 'is the same as the current one'],
    ['typed twice differently', typed(password, wanted, `${wanted} `), 'are not the same'],
  ])('because the new one is %s is no guess: no password is looked at', async (_, fields, said) => {
    const browser = await signedIn()
    const verify = vi.spyOn(argon2, 'verify')
    const page = await send(browser, fields)
    expect(verify).not.toHaveBeenCalled()
    verify.mockRestore()
    expect([page.status, parse(page.body).error]).toEqual([400, expect.stringContaining(said)])
    expect(await events()).toEqual([])
  })

  it('gives back what was ticked, and nothing that was typed', async () => {
    const browser = await signedIn()
    const ticked = await send(browser, typed(wrong))
    const unticked = await send(browser, { ...typed(wrong), sign_out_others: '' })
    const box = /<input(?=[^>]*id="sign-out-others")[^>]*\schecked/
    expect([box.test(ticked.body), box.test(unticked.body)]).toEqual([true, false])
    expect(ticked.body + unticked.body).not.toContain('canary')
  })

  it('for a form that another site, another session or nobody made', async () => {
    const [browser, other] = [await signedIn(), await signedIn()]
    const [mine, theirs] = [await formOf(browser), await formOf(other)]
    const before = await hashOf()
    for (const csrf of [theirs['csrf'] ?? '', '', 'x', `${mine['csrf']}x`]) {
      expect((await browser.post(path, { ...typed(), csrf })).status).toBe(400)
      expect(lastReason(server)).toBe('csrf_token')
    }
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'same-site' }, { origin: 'null' }]) {
      expect((await send(browser, typed(), server, headers)).status).toBe(400)
      expect(lastReason(server)).toBe('cross_site_post')
    }
    expect(await hashOf()).toEqual(before)
  })
})

describe('CWE-307: the current password is a guess like any other', () => {
  let limited: TestServer
  beforeAll(async () => {
    limited = await server.another({ RATE_LIMITS: 'login_account=5/900' })
  })
  afterAll(() => limited.close())

  it('is counted before it is evaluated, in the bucket of the sign-in page', async () => {
    const browser = await signedIn()
    const answers = await Promise.all(Array.from({ length: 20 }, () => send(browser, typed(wrong), limited)))
    expect(answers.filter(({ status }) => status === 403)).toHaveLength(5)
    expect(answers.filter(({ status }) => status === 429)).toHaveLength(15)
    const right = await send(browser, typed(), limited)
    expect([right.status, parse(right.body).error]).toEqual([429, expect.stringContaining('too many attempts')])
    const elsewhere = limited.browser()
    const page = await elsewhere.open(app.request().url.replace(server.url, limited.url))
    const fields = { username: user.username, password }
    expect((await elsewhere.submit(page, fields, { origin: server.url })).status).toBe(429)
    await server.wait(901)
    expect((await send(await signedIn(), typed(), limited)).status).toBe(303)
  })

  it('is not counted when it is right', async () => {
    const browser = await signedIn()
    for (let i = 0; i < 8; i++) {
      const [from, to] = i % 2 === 0 ? [password, wanted] : [wanted, password]
      expect((await send(browser, typed(from, to), limited)).status).toBe(303)
    }
  })
})

describe('hashing is bounded', () => {
  afterEach(() => vi.restoreAllMocks())

  it.each(['verify', 'hash'] as const)('answers 503 when too many wait for %s, and changes nothing', async (job) => {
    const browser = await signedIn()
    const fields = { ...(await formOf(browser)), ...typed() }
    const before = await hashOf()
    let release = () => {}
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    vi.spyOn(argon2, job).mockImplementation(async () => {
      await gate
      throw new Error('the gate was shut')
    })
    const answers = Array.from({ length: 90 }, () => browser.post(path, fields))
    const first = await Promise.race(answers)
    release()
    expect([first.status, Number(first.headers.get('retry-after'))]).toEqual([503, 2])
    expect(first.body).not.toContain('not right')
    expect(new Set((await Promise.all(answers)).map(({ status }) => status))).toEqual(new Set([500, 503]))
    expect(await hashOf()).toEqual(before)
  })
})

describe('what happens between the check of the current password and the change', () => {
  /** Changes the password while `change` holds the row of the user. */
  async function changeDuring(change: string): Promise<Page> {
    const browser = await signedIn()
    const locker = new Client({ connectionString: server.db.url })
    await locker.connect()
    await locker.query('begin')
    await locker.query('select from users where id = $1 for update', [user.id])
    const answer = send(browser)
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

  it.each([
    ['a new password', 409, 'password_changed', `update users set password_hash = password_hash || 'x' where id = $1`],
    ['a disabled account', 401, 'disabled', 'update users set disabled_at = clock_now() where id = $1'],
    ['the end of the session', 401, 'ended', 'update sessions set revoked_at = clock_now() where user_id = $1'],
    [
      'the end of all sessions',
      401,
      'ended',
      'update users set ended_pos = (select seq + 1 from feed_head) where id = $1',
    ],
    ['a new secret of the session', 401, 'ended', `update sessions set secret_hash = '\\x00' where user_id = $1`],
  ])('%s refuses it', async (_, status, reason, change) => {
    const page = await changeDuring(change)
    expect([page.status, page.headers.getSetCookie(), lastReason(server)]).toEqual([status, [], reason])
    const [event] = await server.db.query(
      `select reason from audit_events where type = 'user.password_change' and outcome = 'failure' and user_id = $1`,
      [user.id],
    )
    expect(event).toEqual({ reason })
    expect(JSON.stringify(await events())).not.toContain('success')
  })

  it('a change of another kind does not', async () => {
    expect((await changeDuring(`update users set profile = '{"name":"New"}' where id = $1`)).status).toBe(303)
  })
})

it('nothing that was typed, and no cookie, is in the log or in the database', async () => {
  const browser = await signedIn()
  await send(browser)
  const secret = cookieOf(browser, 'sso')?.value.split('.')[1] ?? ''
  const rows = await Promise.all(
    ['users', 'sessions', 'audit_events', 'limits'].map((table) => server.db.query(`select t::text from ${table} t`)),
  )
  const everything = JSON.stringify([rows, server.log])
  for (const canary of ['canary', secret, Buffer.from(secret, 'base64url').toString('hex')])
    expect(everything).not.toContain(canary)
})
