import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { reasonCodes, refreshPhrases } from '../../src/admin/explain-summary.ts'
import { adminClient, startServer, type TestServer } from '../support/server.ts'
import { basic } from '../support/tokens.ts'
import {
  after,
  atItsTime,
  byAdmin,
  call,
  deciding,
  type Explanation,
  expectBetween,
  explainGrant,
  explainSession,
  gidOf,
  type Held,
  hold,
  offlineScope,
  setPolicy,
  why,
} from './explaining.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())
const restore = () => setPolicy(server)

const deadline = ({ deadlines }: Explanation, wanted: string) => deadlines.find(({ name }) => name === wanted)
const spoken = (at: string | undefined) => `${at?.slice(0, 10)} at ${at?.slice(11, 19)} UTC`
/** What everything looks like while it lives. */
const alive = { alive: true, reason: null, target: null, since: null, actor: null, also: [] }

describe('what is alive', () => {
  it('a session: what will end it next, and by whose setting', async () => {
    const { sid, user } = await hold(server)
    const told = await explainSession(server, sid)
    expect(told).toMatchObject({ sid, user_id: user.id, remembered: false, ...alive, lines: [] })
    const idle = { seconds: 1800, set_by: 'server', setting: 'SESSION_IDLE_SECONDS' }
    const max = { seconds: 36_000, set_by: 'server', setting: 'SESSION_MAX_SECONDS' }
    const [next, last] = told.deadlines
    expect(next).toMatchObject({ name: 'session_idle', ...idle, passed: false, decides: true })
    expect(last).toMatchObject({ name: 'session_max', ...max, passed: false, decides: false })
    expect([next?.at, last?.at]).toEqual([after(next?.counted_from, 1800), after(last?.counted_from, 36_000)])
    expect(told.summary).toBe(
      `The session of ${user.username} is alive; it ends on ${spoken(next?.at)} if nobody uses the session until then.`,
    )
  })

  it('an online grant: its own limits and those of its session', async () => {
    const { gid, sid, app, user } = await hold(server, { client: { session_max_seconds: 600 } })
    const told = await explainGrant(server, gid)
    expect(told).toMatchObject({ gid, client_id: app.clientId, user_id: user.id, kind: 'online', ...alive })
    expect(told).toMatchObject({
      session: { sid, alive: true, reason: null },
      refresh: { allowed: true, reason: null },
    })
    expect(told.deadlines).toMatchObject([
      { name: 'session_idle', set_by: 'server' },
      { name: 'session_max', set_by: 'server' },
      { name: 'grant_idle', set_by: 'session', setting: null, seconds: 1800 },
      { name: 'grant_max', set_by: 'client', setting: 'session_max_seconds', seconds: 600, decides: true },
    ])
    expect(deciding(told)).toEqual(['grant_max'])
    expect(told.summary).toMatch(/^The online grant of \S+ for \S+ is alive; it ends on .* UTC whatever happens\.$/)
  })

  it('an offline grant: its own limits only, and what became of its session', async () => {
    const { gid, sid } = await hold(server, { parameters: offlineScope })
    await call(server, 'DELETE', `/sessions/${sid}`)
    const told = await explainGrant(server, gid)
    expect(told).toMatchObject({ kind: 'offline', ...alive, session: { sid, alive: false, reason: 'admin' } })
    expect(told.deadlines).toMatchObject([
      { name: 'grant_idle', set_by: 'server', setting: 'OFFLINE_IDLE_SECONDS', seconds: 30 * 86_400, decides: true },
      { name: 'grant_max', set_by: 'server', setting: 'OFFLINE_MAX_SECONDS', seconds: 60 * 86_400, decides: false },
    ])
  })

  it('with lines that were drawn before it began', async () => {
    const first = await hold(server)
    await call(server, 'POST', '/revocations', { user_id: first.user.id })
    const again = await first.app.tokens({ username: first.user.username })
    const { lines } = await explainGrant(server, gidOf(again))
    expect(lines).toMatchObject([
      { name: 'user_ended', reason: 'admin', set_by: byAdmin, passed: false, decides: false },
    ])
  })
})

describe('what ran out of time', () => {
  afterEach(restore)

  it.each<[string, number, string, string]>([
    ['SESSION_IDLE_SECONDS', 1800, 'session_idle', 'nobody used the session for 30 minutes'],
    ['SESSION_MAX_SECONDS', 90, 'session_max', 'the session may not last longer than 90 seconds'],
  ])('a session, by %s', async (name, seconds, reason, because) => {
    await setPolicy(server, { [name]: String(seconds) })
    const { sid, gid } = await hold(server)
    const { deadlines } = await explainSession(server, sid)
    await server.wait(seconds + 1)
    const told = await explainSession(server, sid)
    const since = deadlines.find((one) => one.name === reason)?.at
    expect(told).toMatchObject({ alive: false, reason, target: 'session', since, actor: 'system', also: [] })
    expect([deciding(told), why(told)]).toEqual([[reason], because])
    expect(told.summary).toContain(`ended on ${spoken(since)} because`)
    expect(await explainGrant(server, gid)).toMatchObject({ alive: false, reason, target: 'session', since })
  })

  it('a remembered session, by the limits for those', async () => {
    await setPolicy(server, { REMEMBER_ME: 'true', REMEMBER_ME_IDLE_SECONDS: '7200' })
    const { sid } = await hold(server)
    await server.db.query('update sessions set remembered = true, idle_s = 7200 where id = $1', [sid])
    const told = await explainSession(server, sid)
    const remembered = { seconds: 7200, set_by: 'server', setting: 'REMEMBER_ME_IDLE_SECONDS' }
    expect(told).toMatchObject({ remembered: true, deadlines: [remembered, {}] })
    await setPolicy(server)
    const forgotten = { seconds: 1800, set_by: 'server', setting: 'SESSION_IDLE_SECONDS' }
    expect((await explainSession(server, sid)).deadlines[0]).toMatchObject(forgotten)
  })

  it.each<[string, boolean, object, string, object]>([
    ['REFRESH_IDLE_SECONDS', false, {}, 'grant_idle', { set_by: 'server' }],
    ['OFFLINE_IDLE_SECONDS', true, {}, 'grant_idle', { set_by: 'server' }],
    ['OFFLINE_MAX_SECONDS', true, {}, 'grant_max', { set_by: 'server' }],
    ['session_idle_seconds', false, { session_idle_seconds: 60 }, 'grant_idle', { set_by: 'client' }],
    ['session_max_seconds', false, { session_max_seconds: 60 }, 'grant_max', { set_by: 'client' }],
    ['offline_idle_seconds', true, { offline_idle_seconds: 60 }, 'grant_idle', { set_by: 'client' }],
    ['offline_max_seconds', true, { offline_max_seconds: 60 }, 'grant_max', { set_by: 'client' }],
  ])('a grant, by %s', async (setting, offline, client, reason, by) => {
    if (Object.keys(client).length === 0) await setPolicy(server, { [setting]: '60' })
    const { gid, sid } = await hold(server, { client, parameters: offline ? offlineScope : {} })
    await server.wait(61)
    const told = await explainGrant(server, gid)
    expect(told).toMatchObject({
      alive: false,
      reason,
      target: 'grant',
      actor: 'system',
      since: deadline(told, reason)?.at,
    })
    expect(deadline(told, reason)).toMatchObject({ setting, seconds: 60, ...by, passed: true, decides: true })
    expect(told.since).toBe(after(deadline(told, reason)?.counted_from, 60))
    expect(why(told)).toMatch(/1 minute$/)
    expect(await explainSession(server, sid)).toMatchObject(alive)
  })

  it('by a setting that was tightened since: it shows what it began with too', async () => {
    const { sid } = await hold(server)
    await server.wait(200)
    await setPolicy(server, { SESSION_IDLE_SECONDS: '100' })
    const told = await explainSession(server, sid)
    const idle = deadline(told, 'session_idle')
    expect(told).toMatchObject({ alive: false, reason: 'session_idle', since: after(idle?.counted_from, 100) })
    expect(idle).toMatchObject({ seconds: 100, set_by: 'server', setting: 'SESSION_IDLE_SECONDS' })
    expect(idle?.limits).toEqual([
      { set_by: 'server', setting: 'SESSION_IDLE_SECONDS', seconds: 100 },
      { set_by: 'session', setting: null, seconds: 1800 },
    ])
  })

  it('by what it began with, when the setting was loosened since', async () => {
    const { sid } = await hold(server)
    await setPolicy(server, { SESSION_IDLE_SECONDS: '7200' })
    const own = { seconds: 1800, set_by: 'session', setting: null }
    expect(deadline(await explainSession(server, sid), 'session_idle')).toMatchObject(own)
  })

  it('by a maximum that was tightened since: not before it was used', async () => {
    const { sid, app, browser } = await hold(server)
    await server.wait(1000)
    await app.signIn({ browser, parameters: { prompt: 'none' } })
    await setPolicy(server, { SESSION_MAX_SECONDS: '500' })
    const told = await explainSession(server, sid)
    const used = deadline(told, 'session_idle')?.counted_from
    expect(told).toMatchObject({ alive: false, reason: 'session_max', since: used })
    expect(Date.parse(used ?? '')).toBeGreaterThan(Date.parse(deadline(told, 'session_max')?.at ?? ''))
  })
})

describe('of several causes the first one decides', () => {
  afterEach(restore)

  const reasons = ({ also }: Explanation) => also.map(({ reason, target }) => `${reason} ${target}`)

  it('idle, then ended by an administrator, then its client disabled', async () => {
    const { sid, gid, app, user } = await hold(server)
    await server.wait(86_400)
    await call(server, 'DELETE', `/sessions/${sid}`)
    await server.wait(60)
    const disabling = await atItsTime(server, () =>
      call(server, 'PATCH', `/clients/${app.clientId}`, { disabled: true }),
    )
    const [session, grant] = [await explainSession(server, sid), await explainGrant(server, gid)]
    const idle = deadline(session, 'session_idle')
    const first = { alive: false, reason: 'session_idle', target: 'session', since: idle?.at, actor: 'system' }
    expect([session, grant]).toMatchObject([first, first])
    expect(reasons(session)).toEqual(['session_max session', 'admin session'])
    expect(reasons(grant)).toEqual([
      'grant_idle grant',
      'session_max session',
      'grant_max grant',
      'admin session',
      'disabled client',
    ])
    expectBetween(grant.also.at(-1)?.since ?? null, disabling)
    expect(deciding(grant)).toEqual(['session_idle'])
    expect(session.summary).toBe(
      `The session of ${user.username} ended on ${spoken(idle?.at)} because nobody used the session for 30 minutes.`,
    )
  })

  it('logged out, then disabled, then out of time', async () => {
    const { sid, browser, user, tokens } = await hold(server)
    const leaving = await atItsTime(server, () => browser.open(`/logout?id_token_hint=${tokens.id_token}`))
    await call(server, 'POST', `/users/${user.id}/disable`)
    await server.wait(40_000)
    const told = await explainSession(server, sid)
    expect(told).toMatchObject({
      reason: 'logout',
      also: [{ reason: 'disabled', target: 'user', actor: byAdmin }, {}, {}],
    })
    expect(reasons(told)).toEqual(['disabled user', 'session_idle session', 'session_max session'])
    expectBetween(told.since, leaving)
  })

  // It cannot be known when a limit was tightened: what is written down is believed, and an expiry that is certain.
  it.each<[string, number, string]>([
    ['within the limit that it began with: what is written decides', 1000, 'admin'],
    ['beyond it: it had run out for certain', 2000, 'session_idle'],
  ])('ended %s, and then the limit was tightened', async (_, seconds, reason) => {
    const { sid } = await hold(server)
    await server.wait(seconds)
    await call(server, 'DELETE', `/sessions/${sid}`)
    await setPolicy(server, { SESSION_IDLE_SECONDS: '60' })
    const told = await explainSession(server, sid)
    expect(told.reason).toBe(reason)
    expect(told.also).toHaveLength(1)
  })

  it('those whose time nobody knows come last', async () => {
    const { gid, app } = await hold(server, { parameters: offlineScope })
    await call(server, 'DELETE', `/clients/${app.clientId}`)
    await server.wait(100 * 86_400)
    const told = await explainGrant(server, gid)
    expect(told.reason).toBe('grant_idle')
    expect(told.also.at(-1)).toEqual({ reason: 'deleted', target: 'client', since: null, actor: null })
  })
})

describe('a grant that is alive and gives no refresh any more', () => {
  it.each<[string, object, (held: Held) => unknown]>([
    ['no_refresh_token', { grant_types: ['authorization_code'] }, () => undefined],
    [
      'refresh_not_allowed',
      {},
      ({ app }) => call(server, 'PATCH', `/clients/${app.clientId}`, { grant_types: ['authorization_code'] }),
    ],
    ['offline_not_allowed', {}, ({ app }) => call(server, 'PATCH', `/clients/${app.clientId}`, { scope: 'openid' })],
    ['consent_missing', {}, ({ app }) => call(server, 'PATCH', `/clients/${app.clientId}`, { skip_consent: false })],
  ])('%s', async (reason, client, act) => {
    const held = await hold(server, { client, parameters: offlineScope })
    await act(held)
    const told = await explainGrant(server, held.gid)
    expect(told).toMatchObject({ ...alive, refresh: { allowed: false, reason } })
    expect(told.summary).toMatch(/ is alive, but it cannot be refreshed because .*; it ends on /)
    if (held.tokens.refresh_token) expect((await held.app.refresh(held.tokens.refresh_token)).status).toBe(400)
  })
})

describe('GET …/explain', () => {
  it.each<[string | null, string, string]>([
    ['password_change', 'password_change', 'the user changed the password and ended all other sessions'],
    [null, 'unknown', 'someone ended it, and why was not written down'],
    ['alien', 'alien', 'of alien'],
  ])('reads a row that was ended for %s', async (written, reason, because) => {
    const { sid } = await hold(server)
    await server.db.query('update sessions set revoked_at = clock_now(), revoke_reason = $2 where id = $1', [
      sid,
      written,
    ])
    const told = await explainSession(server, sid)
    expect([told.reason, why(told)]).toEqual([reason, because])
  })

  it('tells an online grant whose session is not on record any more', async () => {
    const { sid, gid } = await hold(server)
    await server.db.query('delete from sessions where id = $1', [sid])
    const told = await explainGrant(server, gid)
    expect(told).toMatchObject({ alive: false, reason: 'session_missing', since: null, actor: null, session: null })
  })

  it('has one line for each of its words in docs/admin.md', () => {
    const page = readFileSync(new URL('../../docs/admin.md', import.meta.url), 'utf8')
    const listed = [...page.matchAll(/^\| `([a-z_]+)` \| [^|]+ \|$/gm)].map(([, word]) => word)
    expect(listed).toEqual(expect.arrayContaining([...reasonCodes, ...Object.keys(refreshPhrases)]))
  })

  it('answers 404 for what never was, and asks for the scope sessions:read', async () => {
    for (const id of ['none', '01a1fc42-b65e-7103-9eba-1c7ec6884558'])
      for (const of of ['sessions', 'grants'])
        expect((await server.admin('GET', `/${of}/${id}/explain`)).body).toMatchObject({
          type: 'urn:falconer:problem:not-found',
          status: 404,
        })
    const form = { grant_type: 'client_credentials', scope: 'users:read' }
    const { body } = await server.post('/token', form, basic(adminClient.id, adminClient.secret))
    const bearer = { authorization: `Bearer ${String(body['access_token'])}` }
    const { sid } = await hold(server)
    expect((await server.admin('GET', `/sessions/${sid}/explain`, undefined, bearer)).status).toBe(403)
  })
})
