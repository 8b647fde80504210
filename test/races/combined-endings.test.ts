import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDatabase } from '../../src/store/database.ts'
import { end } from '../../src/store/end.ts'
import { Browser } from '../support/browser.ts'
import { type Instance, startInstances } from '../support/instance.ts'
import { adminClient, startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { at, basic, claimsOf } from '../support/tokens.ts'

// Sessions idle soon, so that the use of a browser is written every 15 s, to the row that an ending wants first.
const settings = { SESSION_IDLE_SECONDS: '300', REFRESH_GRACE_SECONDS: '60' }
let server: TestServer
let clients: TestClient[]
let instances: Instance[] = []
let adminToken: string
beforeAll(async () => {
  server = await startServer(settings)
  await server.db.noticeDeadlocks()
  clients = [await server.createClient(), await server.createClient({ terminate_offline_on_logout: true })]
  instances = await startInstances(server, 2, settings)
  const asAdmin = basic(adminClient.id, adminClient.secret)
  const { body } = await server.post('/token', { grant_type: 'client_credentials', scope: 'admin' }, asAdmin)
  adminToken = String(body['access_token'])
})
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.end('SIGTERM')))
  await server.close()
})

const any = () => instances[Math.floor(Math.random() * instances.length)] as Instance
const shuffled = <T>(items: readonly T[]): T[] =>
  items
    .map((item) => ({ item, at: Math.random() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ item }) => item)

type Target = { readonly target: 'session' | 'grant'; readonly id: string }
interface Grant {
  readonly client: TestClient
  readonly gid: string
  readonly accessToken: string
  readonly isOffline: boolean
  refreshToken: string
}
interface Held {
  readonly userId: string
  readonly username: string
  readonly sid: string
  readonly browser: Browser
  readonly grants: Grant[]
  /** Issued and not exchanged. */
  readonly code: { readonly client: TestClient; readonly code: string; readonly verifier: string }
}

const exchange = (instance: Instance, { client, code, verifier }: Held['code']) =>
  at(instance, client).post('/token', {
    grant_type: 'authorization_code',
    code,
    redirect_uri: client.redirectUri,
    code_verifier: verifier,
  })

/** Somebody at a new browser, with an online and an offline grant at each client. */
async function signIn({ id: userId, username }: { id: string; username: string }): Promise<Held> {
  const [app] = clients as [TestClient]
  let browser: Browser | undefined
  const grants: Grant[] = []
  let sid = ''
  for (const client of clients) {
    for (const scope of ['openid', 'openid offline_access']) {
      const got: Tokens & { browser: Browser } = await client.tokens({
        username,
        parameters: { scope },
        ...(browser ? { browser } : {}),
      })
      browser = got.browser
      sid = claimsOf(got.id_token).sid ?? ''
      const isOffline = scope !== 'openid'
      const gid = claimsOf(got.access_token).gid ?? ''
      grants.push({ client, gid, isOffline, accessToken: got.access_token, refreshToken: got.refresh_token })
    }
  }
  if (!browser) throw new Error('there are no clients')
  const { code, verifier } = await app.signIn({ browser })
  return { userId, username, sid, browser, grants, code: { client: app, code, verifier } }
}

const statuses: Record<string, Record<number, number>> = {}
const note = (what: string, status: number) => {
  const counts = (statuses[what] ??= {})
  counts[status] = (counts[status] ?? 0) + 1
}
const endAt = async ({ url }: Instance, method: string, path: string, body?: object) => {
  const headers = { authorization: `Bearer ${adminToken}`, ...(body ? { 'content-type': 'application/json' } : {}) }
  const response = await fetch(`${url}/admin/v1${path}`, {
    method,
    headers,
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  note(`${method} ${path.split('/')[1] ?? ''}`, response.status)
}

/** Every session and some grants are ended at both instances at once, in another order at each. One user is ended as a whole. */
async function round(people: readonly Held[], survivors: string[]): Promise<void> {
  const over = new AbortController()
  const refreshing = async (grant: Grant) => {
    while (!over.signal.aborted) {
      const { status, body } = await at(any(), grant.client).refresh(grant.refreshToken)
      note('refresh', status)
      if (status !== 200) return
      grant.refreshToken = body.refresh_token
    }
  }
  const made: Tokens[] = []
  const exchanging = async ({ code }: Held) => {
    await sleep(Math.random() * 20)
    const { status, body } = await exchange(any(), code)
    note('exchange', status)
    if (status === 200) made.push(body as unknown as Tokens)
  }
  const loggingIn = async (user: { userId: string; username: string }) => {
    const [app] = clients as [TestClient]
    const { page } = await app.signIn({ username: user.username })
    note('log in', page.status)
  }
  const grants = people.flatMap((person) => person.grants)
  const endings = (instance: Instance) =>
    Promise.all(
      shuffled<() => Promise<void>>([
        ...people.map(
          ({ sid }) =>
            () =>
              endAt(instance, 'DELETE', `/sessions/${sid}`),
        ),
        ...grants
          .filter(({ isOffline }) => isOffline)
          .map(
            ({ gid }) =>
              () =>
                endAt(instance, 'DELETE', `/grants/${gid}`),
          ),
        ...grants
          .filter(({ isOffline }) => !isOffline)
          .map(({ gid, client, refreshToken }) => async () => {
            if (Math.random() < 0.5) return endAt(instance, 'DELETE', `/grants/${gid}`)
            note('revoke', (await at(instance, client).post('/revoke', { token: refreshToken })).status)
          }),
        () => endAt(instance, 'POST', '/revocations', { user_id: people[0]?.userId }),
      ]).map((work) => work()),
    )

  const others = [...grants.map(refreshing), ...people.map(exchanging), ...people.slice(0, 2).map(loggingIn)]
  await sleep(Math.random() * 20)
  await Promise.all(instances.map(endings))
  over.abort()
  await Promise.all(others)

  const live = async (what: string, isLive: Promise<boolean>) => {
    if (await isLive) survivors.push(what)
  }
  for (const instance of instances) {
    await Promise.all([
      ...grants.flatMap(({ client, refreshToken, accessToken, gid }) => [
        live(
          `refresh of ${gid}`,
          at(instance, client)
            .refresh(refreshToken)
            .then(({ status }) => status === 200),
        ),
        live(`token of ${gid}`, at(instance, client).isActive(accessToken)),
      ]),
      ...people.map(({ sid, code }) =>
        live(
          `code of ${sid}`,
          exchange(instance, code).then(({ status }) => status === 200),
        ),
      ),
      ...made.map((tokens) =>
        live(
          'grant from a code',
          at(instance, clients[0] as TestClient)
            .refresh(tokens.refresh_token)
            .then(({ status }) => status === 200),
        ),
      ),
    ])
  }
  const rows = await server.db.query(
    `select id from sessions where id = any($1) and revoked_at is null union all
     select id from grants where (id = any($2) or (session_id = any($1) and not offline)) and revoked_at is null`,
    [people.map(({ sid }) => sid), grants.map(({ gid }) => gid)],
  )
  for (const { id } of rows) survivors.push(`row ${String(id)}`)
}

describe('endings that go together race everything that they end, and those of the other instance', () => {
  it('10 crowds over two processes: 0 deadlocks, 0 survivors, no hole in the feed, every row ended once', async () => {
    const survivors: string[] = []
    const users = await Promise.all(Array.from({ length: 4 }, () => server.createUser()))
    for (let i = 0; i < 10; i++) {
      const people = await Promise.all([...users, ...users, ...users].map(signIn))
      await server.wait(16)
      await round(people, survivors)
    }
    const [row] = await server.db.query<{ deadlocks: number }>(
      'select deadlocks::int from pg_stat_database where datname = current_database()',
    )
    const batches = await server.db.query<{ endings: number }>(
      `select count(*)::int as endings from audit_events where type in ('session.ended', 'grant.ended') group by at order by 1 desc`,
    )
    const endings = batches.reduce((sum, batch) => sum + batch.endings, 0)
    console.log(
      `deadlocks: ${row?.deadlocks}, survivors: ${survivors.length}, ${endings} endings in ${batches.length} commits, the greatest of`,
      batches[0]?.endings,
      JSON.stringify(statuses),
    )
    expect(row?.deadlocks).toBe(0)
    expect(survivors).toEqual([])
    expect(
      Object.values(statuses)
        .flatMap((counts) => Object.keys(counts))
        // A machine that is busy with other things may keep a row locked for longer than anybody waits.
        .filter((status) => Number(status) >= 500 && status !== '503'),
    ).toEqual([])
    // They did go together, and refreshes did come first.
    expect(batches[0]?.endings).toBeGreaterThan(8)
    expect(statuses['refresh']?.[200]).toBeGreaterThan(50)

    const holes = await server.db.query(
      `select h.seq::int as head, count(e.seq)::int as entries, count(distinct e.seq)::int as positions, min(e.seq)::int as first
       from feed_head h left join feed_entries e on true group by h.id`,
    )
    expect(holes).toEqual([
      { head: holes[0]?.['head'], entries: holes[0]?.['head'], positions: holes[0]?.['head'], first: 1 },
    ])
    const twice = await server.db.query(
      `select target_id from audit_events where type in ('session.ended', 'grant.ended') group by target_id having count(*) > 1
       union all select encode(key, 'hex') from feed_entries where kind in ('s', 'g') group by kind, key having count(*) > 1`,
    )
    expect(twice).toEqual([])
  })

  it('40 crowds that end the same rows from two pools, in another order each: 0 deadlocks, each row once', async () => {
    const name = 'falconer combined endings'
    const url = new URL(server.databaseSettings['DATABASE_DIRECT_URL'] ?? server.db.url)
    url.searchParams.set('application_name', name)
    const open = () => openDatabase({ url: url.href, poolSize: 4, preparedStatements: true, onIdleError: () => {} })
    const pools = [open(), open()]
    const deadlocks = async () =>
      (await server.db.query('select deadlocks::int from pg_stat_database where datname = current_database()'))[0]
    const before = await deadlocks()
    const { id: userId } = await server.createUser()
    const [client] = await server.db.query('select id from clients where client_id = $1', [clients[0]?.clientId])
    for (let i = 0; i < 40; i++) {
      const rows = await server.db.query<{ id: string; gid: string }>(
        `with s as (
           insert into sessions (user_id, secret_hash, created_pos, acr, amr, idle_s, expires_at)
           select $1, '\\x00', h.seq, '1', '{pwd}', 300, clock_now() + interval '1 h' from feed_head h, generate_series(1, 20) returning *)
         insert into grants (id, client, user_id, session_id, offline, scope, idle_s, expires_at, created_pos, auth_time)
         select new_id(), $2, s.user_id, s.id, i = 2, 'openid', 300, s.expires_at, s.created_pos, s.auth_time from s, generate_series(1, 2) i
         returning session_id as id, id as gid`,
        [userId, client?.['id']],
      )
      const targets: Target[] = [...new Set(rows.map(({ id }) => id))].map((id): Target => ({ target: 'session', id }))
      targets.push(...rows.map(({ gid }): Target => ({ target: 'grant', id: gid })))
      const context = { reason: 'admin', actor: { id: 'system' }, feedKey: () => Buffer.alloc(8) } as const
      const answers = await Promise.all(
        pools.map((pool) => Promise.all(shuffled(targets).map((target) => end(pool, target, context)))),
      )
      const ended = answers.flat().filter((answer) => answer !== undefined)
      const sum = (what: 'sessions' | 'grants') => ended.reduce((total, answer) => total + (answer[what] ?? 0), 0)
      expect([sum('sessions'), sum('grants')]).toEqual([20, 40])
    }
    // A connection tells of its deadlocks now and then, and when it ends.
    await Promise.all(pools.map((pool) => pool.close()))
    while ((await server.db.query('select from pg_stat_activity where application_name = $1', [name])).length > 0)
      await sleep(20)
    expect(await deadlocks()).toEqual(before)
  })
})
