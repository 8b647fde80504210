import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser } from '../support/browser.ts'
import { startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { claimsOf } from '../support/tokens.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

interface Counts {
  sessions: number
  grants: number
}
const revoke = async (target: object): Promise<Counts | null> => {
  const { status, body } = await server.admin<{ ended: Counts | null }>('POST', '/revocations', target)
  expect(status).toBe(200)
  return body.ended
}
const preview = (target: object) => revoke({ ...target, dry_run: true })
const gidOf = (tokens: Tokens) => String(claimsOf(tokens.access_token).gid)
const sidOf = (tokens: Tokens) => String(claimsOf(tokens.id_token).sid)

/** A person with one living session and two that are over, and grants that are over in each of the ways there are. */
async function scene() {
  const [app, shop, brief, cut] = [
    await server.createClient(),
    await server.createClient(),
    await server.createClient({ session_max_seconds: 60, offline_max_seconds: 60 }),
    await server.createClient(),
  ]
  const user = await server.createUser()
  const signIn = (client: TestClient, scope = 'openid') =>
    client.tokens({ username: user.username, parameters: { scope } })
  const add = (client: TestClient, browser: Browser, scope = 'openid') =>
    client.tokens({ browser, parameters: { prompt: 'none', scope } })
  const offline = 'openid offline_access'

  const idle = await signIn(app)
  const idleOffline = await add(app, idle.browser, offline)
  // A grant that is young by itself: only its session is over.
  const quiet = await server.createClient({ refresh_counts_as_activity: false })
  const { refresh_token: used } = await add(quiet, idle.browser)
  await server.wait(1000)
  expect((await quiet.refresh(used)).status).toBe(200)
  await server.wait(801)
  const ended = await signIn(app)
  const endedOffline = await add(app, ended.browser, offline)
  await revoke({ session_id: sidOf(ended) })
  await revoke({ grant_id: gidOf(endedOffline) })

  const online = await signIn(app)
  const { browser } = online
  const atShop = await add(shop, browser)
  const stillOffline = await add(app, browser, offline)
  const expired = [await add(brief, browser), await add(brief, browser, offline)]
  await add(cut, browser)
  const cutOffline = await add(cut, browser, offline)
  await revoke({ client_id: cut.clientId })
  await server.wait(61)
  return {
    user,
    app,
    shop,
    brief,
    cut,
    idle,
    idleOffline,
    ended,
    endedOffline,
    online,
    atShop,
    stillOffline,
    expired,
    cutOffline,
  }
}
type Scene = Awaited<ReturnType<typeof scene>>

const targets: [string, (s: Scene) => object, Counts][] = [
  ['the user', ({ user }) => ({ user_id: user.id }), { sessions: 1, grants: 4 }],
  ['the living session', ({ online }) => ({ session_id: sidOf(online) }), { sessions: 1, grants: 2 }],
  ['the session that is idle', ({ idle }) => ({ session_id: sidOf(idle) }), { sessions: 0, grants: 0 }],
  ['the session that was ended', ({ ended }) => ({ session_id: sidOf(ended) }), { sessions: 0, grants: 0 }],
  ['a living online grant', ({ atShop }) => ({ grant_id: gidOf(atShop) }), { sessions: 0, grants: 1 }],
  ['a living offline grant', ({ stillOffline }) => ({ grant_id: gidOf(stillOffline) }), { sessions: 0, grants: 1 }],
  [
    'an offline grant whose session is idle',
    ({ idleOffline }) => ({ grant_id: gidOf(idleOffline) }),
    { sessions: 0, grants: 1 },
  ],
  ['an online grant whose session is idle', ({ idle }) => ({ grant_id: gidOf(idle) }), { sessions: 0, grants: 0 }],
  ['a grant that was ended', ({ endedOffline }) => ({ grant_id: gidOf(endedOffline) }), { sessions: 0, grants: 0 }],
  [
    'a grant that has expired',
    ({ expired }) => ({ grant_id: gidOf(expired[1] as Tokens) }),
    { sessions: 0, grants: 0 },
  ],
  [
    'a grant of a client that was ended',
    ({ cutOffline }) => ({ grant_id: gidOf(cutOffline) }),
    { sessions: 0, grants: 0 },
  ],
  ['user and client', ({ user, app }) => ({ user_id: user.id, client_id: app.clientId }), { sessions: 0, grants: 3 }],
  [
    'user and client, all expired',
    ({ user, brief }) => ({ user_id: user.id, client_id: brief.clientId }),
    { sessions: 0, grants: 0 },
  ],
  [
    'user and client, the client ended',
    ({ user, cut }) => ({ user_id: user.id, client_id: cut.clientId }),
    { sessions: 0, grants: 0 },
  ],
  ['a token', ({ online }) => ({ jti: claimsOf(online.access_token).jti }), { sessions: 0, grants: 0 }],
]

describe('POST /admin/v1/revocations counts what was alive, and a dry run says the same before', () => {
  it.each(targets)('%s', async (_, target, counts) => {
    const named = target(await scene())
    expect(await preview(named)).toEqual(counts)
    expect(await preview(named)).toEqual(counts)
    expect(await revoke(named)).toEqual(counts)
    expect(await preview(named)).toEqual({ sessions: 0, grants: 0 })
    expect(await revoke(named)).toEqual({ sessions: 0, grants: 0 })
  })

  it('a client is counted by the dry run alone: its rows are not touched', async () => {
    const { app, brief, cut } = await scene()
    expect(await preview({ client_id: app.clientId })).toEqual({ sessions: 0, grants: 3 })
    for (const { clientId } of [brief, cut])
      expect(await preview({ client_id: clientId })).toEqual({ sessions: 0, grants: 0 })
    expect(await revoke({ client_id: app.clientId })).toBeNull()
    expect(await preview({ client_id: app.clientId })).toEqual({ sessions: 0, grants: 0 })
  })

  it('everything: what a user has more is what the dry run counts more', async () => {
    await revoke({ all: true })
    expect(await preview({ all: true })).toEqual({ sessions: 0, grants: 0 })
    const { user } = await scene()
    expect(await preview({ all: true })).toEqual(await preview({ user_id: user.id }))
    expect(await preview({ all: true })).toEqual({ sessions: 1, grants: 4 })
    expect(await revoke({ all: true })).toBeNull()
    expect(await preview({ user_id: user.id })).toEqual({ sessions: 0, grants: 0 })
    expect(await revoke({ user_id: user.id })).toEqual({ sessions: 0, grants: 0 })
  })

  it.each<[string, (s: Scene) => Promise<unknown>]>([
    ['a user who was disabled', ({ user }) => server.admin('POST', `/users/${user.id}/disable`)],
    [
      'a user whose log-ins lie before a line',
      async ({ user }) => {
        const [clock] = await server.db.query('select extract(epoch from clock_now())::int as t')
        const line = { scope: 'user', id: user.id, not_before: Number(clock?.['t']) - 1 }
        expect((await server.admin('PUT', '/not-before', line)).status).toBe(200)
      },
    ],
    ['a user whose time is over', () => server.wait(61 * 86_400)],
  ])('%s has nothing left', async (_, act) => {
    const s = await scene()
    await act(s)
    for (const target of [
      { user_id: s.user.id },
      { session_id: sidOf(s.online) },
      { grant_id: gidOf(s.stillOffline) },
    ]) {
      expect(await preview(target)).toEqual({ sessions: 0, grants: 0 })
      expect(await revoke(target)).toEqual({ sessions: 0, grants: 0 })
    }
  })

  it('the audit event has the same counts', async () => {
    const { user, online } = await scene()
    const counted = async (type: string) =>
      (await server.db.query(`select detail from audit_events where type = $1 order by id desc limit 1`, [type]))[0]
    await revoke({ session_id: sidOf(online) })
    expect(await counted('session.ended')).toEqual({ detail: { sessions: 1, grants: 2 } })
    await revoke({ user_id: user.id })
    expect(await counted('user.ended')).toEqual({ detail: { sessions: 0, grants: 2 } })
  })

  it('the lists of sessions and grants show what the dry run counts', async () => {
    const { user } = await scene()
    const listed = async (what: string) =>
      (await server.admin<{ items: unknown[] }>('GET', `/${what}?user_id=${user.id}`)).body.items.length
    expect({ sessions: await listed('sessions'), grants: await listed('grants') }).toEqual(
      await preview({ user_id: user.id }),
    )
  })
})
