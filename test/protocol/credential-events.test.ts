import { createHash, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { applyCredentialEvent, type CredentialEvent } from '../../src/store/credential-events.ts'
import type { Browser } from '../support/browser.ts'
import { answerOf, cookieOf, lastReason } from '../support/front-channel.ts'
import { password, startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { claimsOf, isActive, userinfo } from '../support/tokens.ts'

let server: TestServer
let app: TestClient
beforeAll(async () => {
  server = await startServer({ AUTHORIZATION_CODE_TTL_SECONDS: '600' })
  app = await server.createClient()
})
afterAll(() => server.close())

type User = { id: string; username: string }
const silent = { prompt: 'none' }
const offlineScope = 'openid offline_access'

/** What one browser of a person holds: its session, a grant of each kind, a code of each kind that is not exchanged yet. */
async function browserOf({ username }: User) {
  const { browser, ...online } = await app.tokens({ username })
  const offline: Tokens = await app.tokens({ browser, parameters: { ...silent, scope: offlineScope } })
  const codes = {
    code: await app.signIn({ browser, parameters: silent }),
    'offline code': await app.signIn({ browser, parameters: { ...silent, scope: offlineScope } }),
  }
  return { browser, online, offline, codes, sid: String(claimsOf(online.id_token).sid) }
}
type Held = Awaited<ReturnType<typeof browserOf>>

const isSignedIn = async (browser: Browser) => (await app.signIn({ browser, parameters: silent })).code !== ''
/** What of it is good, by name. */
async function good({ browser, codes, ...held }: Held): Promise<string[]> {
  const found: string[] = []
  for (const kind of ['online', 'offline'] as const) {
    const { access_token: access, refresh_token: refresh } = held[kind]
    const looked = [await isActive(app, access), await isActive(app, refresh)]
    looked.push((await userinfo(server.url, access)).status === 200, (await app.refresh(refresh)).status === 200)
    expect(new Set(looked).size, `${kind}: ${looked.join()}`).toBe(1)
    if (looked[0]) found.push(kind)
  }
  for (const [name, { code, verifier }] of Object.entries(codes))
    if ((await app.exchange(code, verifier)).status === 200) found.push(name)
  if (await isSignedIn(browser)) found.push('session')
  return found
}
const everything = ['online', 'offline', 'code', 'offline code', 'session']

/** A sign-in page that was opened before, and sent after; the reason when it was refused. */
async function openPage({ username }: User) {
  const browser = server.browser()
  const page = await browser.open(app.request().url)
  return async (word: string) => {
    const answer = await browser.submit(page, { username, password: word })
    return answerOf(answer)?.['code'] === undefined ? (lastReason(server) ?? String(answer.status)) : 'signed in'
  }
}
const newPassword = 'another long enough password'
/** What was audited about a user since it was made, sorted: events of one transaction have no order. */
const eventsOf = async ({ id }: User) =>
  (
    await server.db.query<{ type: string }>(
      `select type from audit_events where user_id = $1 and type ~ '^user(_sessions)?\\.' and type <> 'user.created'`,
      [id],
    )
  )
    .map(({ type }) => type)
    .toSorted()

describe('by an administrator', () => {
  const acts: [string, (user: User) => Promise<{ status: number }>, string, string][] = [
    [
      'a new password',
      ({ id }) => server.admin('POST', `/users/${id}/password`, { password: newPassword }),
      'user.password_reset',
      'password_reset',
    ],
    ['disabled', ({ id }) => server.admin('POST', `/users/${id}/disable`), 'user.disabled', 'disabled'],
    ['deleted', ({ id }) => server.admin('DELETE', `/users/${id}`), 'user.deleted', 'deleted'],
  ]

  it.each(acts)(
    '%s: every session, grant and code of the user is dead, and of nobody else (keycloak#8920, keycloak#10232)',
    async (_, act, type) => {
      const [user, neighbour] = [await server.createUser(), await server.createUser()]
      const [one, two, theirs] = [await browserOf(user), await browserOf(user), await browserOf(neighbour)]
      expect((await act(user)).status).toBeLessThan(300)
      expect([await good(one), await good(two)]).toEqual([[], []])
      expect(await good(theirs)).toEqual(everything)
      expect(await eventsOf(user)).toEqual([type, 'user.ended'].toSorted())
    },
  )

  it.each(acts)('%s: says why on what it ended, and counts it exactly', async (_, act, __, reason) => {
    const user = await server.createUser()
    const { sid, offline } = await browserOf(user)
    await act(user)
    expect((await server.admin('GET', `/sessions/${sid}`)).body).toMatchObject({ alive: false, end_reason: reason })
    const { gid } = claimsOf(offline.access_token)
    expect((await server.admin('GET', `/grants/${String(gid)}`)).body).toMatchObject({ end_reason: reason })
    const [event] = await server.db.query(
      `select reason, detail from audit_events where type = 'user.ended' and user_id = $1`,
      [user.id],
    )
    expect(event).toEqual({ reason, detail: { sessions: 1, grants: 2 } })
  })

  it.each(acts)(
    '%s: a sign-in page that was open before takes the old password no more (keycloak#45568)',
    async (_, act) => {
      const user = await server.createUser()
      const send = await openPage(user)
      await act(user)
      expect(await send(password)).not.toBe('signed in')
    },
  )

  it('a new password: the open page takes the new one, because nothing was proven with the old one', async () => {
    const user = await server.createUser()
    const send = await openPage(user)
    await server.admin('POST', `/users/${user.id}/password`, { password: newPassword })
    expect(await send(newPassword)).toBe('signed in')
  })

  it('enabled again: what was ended stays ended, and the person may sign in', async () => {
    const user = await server.createUser()
    const held = await browserOf(user)
    await server.admin('POST', `/users/${user.id}/disable`)
    await server.admin('POST', `/users/${user.id}/enable`)
    expect(await good(held)).toEqual([])
    expect(await good(await browserOf(user))).toEqual(everything)
    expect(await eventsOf(user)).toEqual(['user.disabled', 'user.enabled', 'user.ended'])
  })

  it.each(['disable', 'enable'])('%s a second time does nothing and writes nothing', async (act) => {
    const user = await server.createUser()
    if (act === 'disable') await server.admin('POST', `/users/${user.id}/disable`)
    const before = await eventsOf(user)
    expect((await server.admin('POST', `/users/${user.id}/${act}`)).status).toBe(200)
    expect(await eventsOf(user)).toEqual(before)
  })

  it('a user without a password gets one: the sessions of nobody end', async () => {
    const user = await server.createUser()
    const held = await browserOf(user)
    await server.createUser()
    expect(await good(held)).toEqual(everything)
  })

  it('a changed profile ends nothing', async () => {
    const user = await server.createUser()
    const held = await browserOf(user)
    const answer = await server.admin('PATCH', `/users/${user.id}`, { email: `${user.username}@example.com` })
    expect(answer.status).toBe(200)
    expect(await good(held)).toEqual(everything)
  })

  it('deleted: no address and no browser of the living sessions stays behind', async () => {
    const user = await server.createUser()
    const { sid } = await browserOf(user)
    await server.admin('DELETE', `/users/${user.id}`)
    expect(await server.db.query('select ip, last_ip, user_agent from sessions where id = $1', [sid])).toEqual([
      { ip: null, last_ip: null, user_agent: null },
    ])
  })
})

describe('a password that a person changes in a session', () => {
  /** Changes it in the session of a browser, which gets the new cookie. */
  async function change(user: User, { browser, sid }: Held, endsOthers: boolean): Promise<void> {
    const { db, passwordHasher, feedKey } = server.server.tools
    const secret = randomBytes(32).toString('base64url')
    const newSecretHash = createHash('sha256').update(secret).digest()
    const hash = await passwordHasher.hash(newPassword)
    const event: CredentialEvent = { type: 'password_change', hash, session: { id: sid, newSecretHash }, endsOthers }
    const context = { actor: { id: `user:${user.id}` }, feedKey }
    await db.transaction((tx) => applyCredentialEvent(tx, user.id, event, context))
    browser.jar.set(cookieOf(browser, 'sso')?.name ?? '', `${sid}.${secret}`)
  }
  async function scene(endsOthers: boolean) {
    const user = await server.createUser()
    const [here, there] = [await browserOf(user), await browserOf(user)]
    const neighbour = await browserOf(await server.createUser())
    const before = here.browser.clone()
    await change(user, here, endsOthers)
    return { user, here, there, neighbour, before }
  }

  it('keeps this session with what began in it, and ends every other one with its offline grants and codes', async () => {
    const { user, here, there, neighbour } = await scene(true)
    expect([await good(here), await good(there), await good(neighbour)]).toEqual([everything, [], everything])
    expect((await server.admin('GET', `/sessions/${there.sid}`)).body).toMatchObject({ end_reason: 'password_change' })
    expect(await eventsOf(user)).toEqual(['user.password_change', 'user_sessions.ended'])
  })

  it('writes an entry for each session and offline grant that it ends, and none for the user', async () => {
    const user = await server.createUser()
    const [here, there] = [await browserOf(user), await browserOf(user)]
    const [head] = await server.db.query<{ seq: string }>('select seq from feed_head')
    await change(user, here, true)
    const entries = await server.db.query<{ kind: string; key: Buffer }>(
      'select kind, key from feed_entries where seq > $1 order by seq',
      [head?.seq],
    )
    const { gid = '' } = claimsOf(there.offline.access_token)
    const keys = [there.sid, gid].map((id) => id.replaceAll('-', '').slice(16))
    expect(entries.map(({ kind, key }) => [kind, key.toString('hex')])).toEqual([
      ['s', keys[0]],
      ['g', keys[1]],
    ])
  })

  it('with the other sessions left alone ends nothing', async () => {
    const { user, here, there } = await scene(false)
    expect([await good(here), await good(there)]).toEqual([everything, everything])
    expect(await eventsOf(user)).toEqual(['user.password_change'])
  })

  it.each([true, false])(
    'gives this session a new secret, and the old cookie is dead at once (%s)',
    async (endsOthers) => {
      const { here, before } = await scene(endsOthers)
      expect([await isSignedIn(before), await isSignedIn(here.browser)]).toEqual([false, true])
    },
  )

  it('also the one of before a renewal, which would still read for half a minute', async () => {
    const user = await server.createUser()
    const here = await browserOf(user)
    const [older] = [here.browser.clone()]
    await app.signIn({ browser: here.browser, username: user.username, parameters: { prompt: 'login' } })
    expect(await isSignedIn(older)).toBe(true)
    await change(user, here, false)
    expect([await isSignedIn(older), await isSignedIn(here.browser)]).toEqual([false, true])
  })

  it.each([true, false])('a sign-in page that was open takes the new password only (%s)', async (endsOthers) => {
    const user = await server.createUser()
    const [one, two] = [await openPage(user), await openPage(user)]
    await change(user, await browserOf(user), endsOthers)
    expect([await one(password), await two(newPassword)]).toEqual(['wrong_password', 'signed in'])
  })
})

it('no other file writes the password or keeps a user out', () => {
  const root = path.resolve(import.meta.dirname, '../../src')
  const writes = [
    /\bset\b[^;`]*\b(password_hash|disabled_at)\s*=/i,
    /\binsert\s+into\s+users\b[^`]*\b(password_hash|disabled_at)\b/i,
    /\.(set|values)\(\s*\{[^}]*\b(password_hash|disabled_at)\b/,
  ]
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .filter((file) => {
      const text = readFileSync(path.join(root, file), 'utf8')
      return /\busers\b/.test(text) && writes.some((pattern) => pattern.test(text))
    })
  expect(files).toEqual([path.join('store', 'credential-events.ts')])
})
