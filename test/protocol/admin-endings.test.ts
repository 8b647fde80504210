import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser } from '../support/browser.ts'
import { startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { claimsOf, isActive } from '../support/tokens.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

type Held = Tokens & { browser: Browser; client: TestClient }
interface Revocation {
  position: number
  bound: string
  expired_by: string
  ended: { sessions: number; grants: number } | null
  dry_run?: true
}

/** One person with two browsers at two apps, and a neighbour at one of them. */
async function scene() {
  const [app, shop] = [await makeApp(), await makeApp()]
  const [user, neighbour] = [await server.createUser(), await server.createUser()]
  const get = async (client: TestClient, username: string, browser?: Browser, scope = 'openid'): Promise<Held> => ({
    client,
    ...(await client.tokens({ username, parameters: { scope }, ...(browser ? { browser } : {}) })),
  })
  const online = await get(app, user.username)
  const held = {
    online,
    offline: await get(app, user.username, online.browser, 'openid offline_access'),
    atShop: await get(shop, user.username, online.browser),
    elsewhere: await get(app, user.username),
    neighbour: await get(app, neighbour.username),
  }
  const own = String((await app.post('/token', { grant_type: 'client_credentials' })).body['access_token'])
  return { app, shop, user, held, own }
}
const makeApp = () =>
  server.createClient({
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    scope: 'openid offline_access reports',
  })
type Scene = Awaited<ReturnType<typeof scene>>

const revoke = (target: object, extra: object = {}) =>
  server.admin<Revocation>('POST', '/revocations', { ...target, ...extra })
const idsOf = ({ access_token, id_token }: Tokens) => ({
  gid: claimsOf(access_token).gid,
  sid: claimsOf(id_token).sid,
  jti: claimsOf(access_token).jti,
})

/** Everything that the scene holds and that is still good, by name. */
async function living({ held, own, app }: Scene): Promise<string[]> {
  const names: string[] = []
  for (const [name, { client, access_token, refresh_token, browser }] of Object.entries(held)) {
    if (await isActive(client, access_token)) names.push(`${name} token`)
    if ((await client.refresh(refresh_token)).status === 200) names.push(`${name} refresh`)
    const silent = await (await neutral()).signIn({ browser: browser.clone(), parameters: { prompt: 'none' } })
    if (silent.code !== '') names.push(`${name} session`)
  }
  if (await isActive(app, own)) names.push('own token')
  return names
}
let neutralApp: TestClient | undefined
const neutral = async () => (neutralApp ??= await server.createClient())

const everything = ['online', 'offline', 'atShop', 'elsewhere', 'neighbour'].flatMap((name) => [
  `${name} token`,
  `${name} refresh`,
  `${name} session`,
])
const without = (...gone: RegExp[]) =>
  [...everything, 'own token'].filter((name) => !gone.some((pattern) => pattern.test(name)))

interface Written {
  head: number
  entries: { seq: number; kind: string; xmin: string }[]
  events: { position: number; type: string; xmin: string; reason: string; actor: string; detail: object | null }[]
}
const written = async (after = 0): Promise<Written> => ({
  head: Number((await server.db.query('select seq from feed_head'))[0]?.['seq']),
  entries: (await server.db.query('select seq, kind, xmin from feed_entries where seq > $1 order by seq', [after])).map(
    (row) => ({ ...row, seq: Number(row['seq']) }),
  ) as Written['entries'],
  events: (
    await server.db.query(
      'select position, type, xmin, reason, actor, detail from audit_events where position > $1 order by position',
      [after],
    )
  ).map((row) => ({ ...row, position: Number(row['position']) })) as Written['events'],
})

// [target, what to name, counts, kinds of feed entries, what dies]
const targets: [string, (s: Scene) => object, Revocation['ended'], string[], RegExp[]][] = [
  [
    'a session: it and its online grants; not its offline ones, no other session',
    ({ held }) => ({ session_id: idsOf(held.online).sid }),
    { sessions: 1, grants: 2 },
    ['s'],
    [/^online/, /^atShop/, /^offline session/],
  ],
  [
    'an online grant: it alone',
    ({ held }) => ({ grant_id: idsOf(held.online).gid }),
    { sessions: 0, grants: 1 },
    ['g'],
    [/^online (?!session)/],
  ],
  [
    'an offline grant: it alone',
    ({ held }) => ({ grant_id: idsOf(held.offline).gid }),
    { sessions: 0, grants: 1 },
    ['g'],
    [/^offline (?!session)/],
  ],
  [
    'a user: every session and grant of that person',
    ({ user }) => ({ user_id: user.id }),
    { sessions: 2, grants: 4 },
    ['u'],
    [/^(online|offline|atShop|elsewhere)/],
  ],
  [
    'a user at a client: those grants, online and offline; no session, no other client',
    ({ user, app }) => ({ user_id: user.id, client_id: app.clientId }),
    { sessions: 0, grants: 3 },
    ['g', 'g', 'g'],
    [/^(online|offline|elsewhere) (?!session)/],
  ],
  [
    'a client: every grant of everybody and its own tokens; no session',
    ({ app }) => ({ client_id: app.clientId }),
    null,
    ['c'],
    [/^(online|offline|elsewhere|neighbour) (?!session)/, /^own/],
  ],
  [
    'one token by its jti: it alone',
    ({ held }) => ({ jti: idsOf(held.online).jti }),
    { sessions: 0, grants: 0 },
    ['j'],
    [/^online token/],
  ],
  ['everything', () => ({ all: true }), null, ['a'], [/./]],
]

describe('POST /admin/v1/revocations: what each target ends', () => {
  it.each(targets)('%s', async (_, target, counts, kinds, dies) => {
    const s = await scene()
    const named = target(s)

    const before = await written()
    const dry = await revoke(named, { dry_run: true })
    expect(dry.status).toBe(200)
    expect(dry.body.dry_run).toBe(true)
    expect(await written()).toEqual(before)
    if (counts) expect(dry.body.ended).toEqual(counts)

    const { status, body } = await revoke(named, { reason: 'a note' })
    expect(status).toBe(200)
    const deadlines = { bound: expect.any(String), expired_by: expect.any(String) }
    expect(body).toEqual({ position: before.head + kinds.length, ...deadlines, ended: counts })
    const lifeOfTokens =
      Date.parse(body.expired_by) / 1000 -
      Number((await server.db.query('select extract(epoch from clock_now()) as now'))[0]?.['now'])
    expect(lifeOfTokens).toBeGreaterThan(3590)

    // The entries, the position and one audit event: all in one transaction, nothing else.
    const after = await written(before.head)
    expect(after.head).toBe(before.head + kinds.length)
    expect(after.entries.map(({ kind }) => kind)).toEqual(kinds)
    expect(after.entries.map(({ seq }) => seq)).toEqual(kinds.map((_, i) => before.head + 1 + i))
    expect(after.events).toMatchObject([
      { position: body.position, reason: 'admin', actor: 'client:test-admin', detail: { note: 'a note' } },
    ])
    expect(new Set([...after.entries, ...after.events].map(({ xmin }) => xmin)).size).toBe(1)

    expect(await living(s)).toEqual(without(...dies))
  })

  it.each(targets.slice(0, 5).concat(targets.slice(6, 7)))(
    'a second time: 200 with zeros and no second entry — %s',
    async (_, target, counts) => {
      const s = await scene()
      const named = target(s)
      expect((await revoke(named)).body.ended).toEqual(counts)
      const before = await written()
      const again = await revoke(named)
      expect(again).toMatchObject({ status: 200, body: { ended: { sessions: 0, grants: 0 } } })
      const isGrowing = 'user_id' in named
      // A user's line is drawn anew: whatever was created meanwhile is before it.
      if (!isGrowing) expect(await written()).toEqual(before)
      else expect((await written()).head).toBe(before.head + 1)
    },
  )

  it('a dry run of a client and of everything counts what is alive', async () => {
    const s = await scene()
    await server.admin('DELETE', `/grants/${String(idsOf(s.held.neighbour).gid)}`)
    expect((await revoke({ client_id: s.app.clientId }, { dry_run: true })).body.ended).toEqual({
      sessions: 0,
      grants: 3,
    })
    const all = (await revoke({ all: true }, { dry_run: true })).body.ended
    expect(all?.sessions).toBeGreaterThanOrEqual(3)
    expect(all?.grants).toBeGreaterThanOrEqual(4)
  })

  it('signing in again afterwards works at once, for every target', async () => {
    for (const [, target] of targets) {
      const s = await scene()
      await revoke(target(s))
      const tokens = await s.app.tokens({ username: s.user.username })
      expect(await isActive(s.app, tokens.access_token)).toBe(true)
      expect((await s.app.refresh(tokens.refresh_token)).status).toBe(200)
    }
  })
})

describe('POST /admin/v1/revocations: the request', () => {
  const id = '01a1fc44-0000-7000-8000-000000000000'
  it.each([
    [{}, 400],
    [{ reason: 'none' }, 400],
    [{ session_id: id, grant_id: id }, 400],
    [{ user_id: id, all: true }, 400],
    [{ all: false }, 400],
    [{ jti: 'nonsense' }, 400],
    [{ sid: id }, 400],
    [{ session_id: id }, 404],
    [{ session_id: 'nonsense' }, 404],
    [{ grant_id: id }, 404],
    [{ user_id: id }, 404],
    [{ client_id: 'nobody' }, 404],
  ])('%j: %i, and nothing is written', async (body, status) => {
    const before = await written()
    expect((await revoke(body)).status).toBe(status)
    expect(await written()).toEqual(before)
  })

  it('needs sessions:revoke, and admin for everything', async () => {
    const bearer = async (scope: string) => {
      const client = await server.createClient({ grant_types: ['client_credentials'], redirect_uris: [], scope })
      return {
        authorization: `Bearer ${String((await client.post('/token', { grant_type: 'client_credentials' })).body['access_token'])}`,
      }
    }
    const { held } = await scene()
    const target = { session_id: idsOf(held.online).sid }
    expect((await server.admin('POST', '/revocations', target, await bearer('sessions:read'))).status).toBe(403)
    expect((await server.admin('POST', '/revocations', { all: true }, await bearer('sessions:revoke'))).status).toBe(
      403,
    )
    expect((await server.admin('POST', '/revocations', target, await bearer('sessions:revoke'))).status).toBe(200)
  })
})

describe('the other ways by which things end write the same', () => {
  it.each<[string, string, (s: Scene) => Promise<unknown>]>([
    [
      'DELETE /sessions/{sid}',
      'session.ended',
      ({ held }) => server.admin('DELETE', `/sessions/${String(idsOf(held.online).sid)}`),
    ],
    [
      'DELETE /grants/{gid}',
      'grant.ended',
      ({ held }) => server.admin('DELETE', `/grants/${String(idsOf(held.online).gid)}`),
    ],
    ['POST /users/{id}/disable', 'user.ended', ({ user }) => server.admin('POST', `/users/${user.id}/disable`)],
    [
      'POST /users/{id}/password',
      'user.ended',
      ({ user }) => server.admin('POST', `/users/${user.id}/password`, { password: 'another long enough one' }),
    ],
    ['DELETE /users/{id}', 'user.ended', ({ user }) => server.admin('DELETE', `/users/${user.id}`)],
    [
      'PATCH /clients/{client_id} disabled',
      'client.ended',
      ({ app }) => server.admin('PATCH', `/clients/${app.clientId}`, { disabled: true }),
    ],
    ['DELETE /clients/{client_id}', 'client.ended', ({ app }) => server.admin('DELETE', `/clients/${app.clientId}`)],
    [
      'logout in the browser',
      'session.ended',
      ({ held, app }) =>
        held.online.browser.open(
          `${server.url}/logout?id_token_hint=${held.online.id_token}&client_id=${app.clientId}`,
        ),
    ],
    [
      'POST /revoke by the client',
      'grant.ended',
      ({ held, app }) => app.post('/revoke', { token: held.online.refresh_token }),
    ],
  ])('%s: one entry, one event, one transaction', async (_, type, act) => {
    const s = await scene()
    const before = await written()
    await act(s)
    const after = await written(before.head)
    expect(after.head).toBe(before.head + 1)
    expect(after.entries).toHaveLength(1)
    expect(after.events).toMatchObject([{ type, position: after.head, xmin: after.entries[0]?.xmin }])
  })
})

describe('all or nothing', () => {
  it.each(targets)('when the audit event cannot be written, nothing ends — %s', async (_, target) => {
    const s = await scene()
    const named = target(s)
    const before = await written()
    await server.db.query(`alter table audit_events add constraint broken check (type not like '%.ended') not valid`)
    try {
      expect((await revoke(named)).status).toBe(500)
    } finally {
      await server.db.query('alter table audit_events drop constraint broken')
    }
    expect(await written()).toEqual(before)
    expect(await living(s)).toEqual(without())
  })

  it('positions have no gap: as many entries as the head says', async () => {
    const [row] = await server.db.query(
      `select count(*)::int as n, min(seq)::int as first, max(seq)::int as last, (select seq::int from feed_head) as head from feed_entries`,
    )
    expect(row).toEqual({ n: row?.['head'], first: 1, last: row?.['head'], head: row?.['head'] })
  })
})
