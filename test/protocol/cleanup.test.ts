import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CleanupObserver, createCleanup } from '../../src/cleanup.ts'
import { asksForPassword } from '../support/front-channel.ts'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { claimsOf, isActive } from '../support/tokens.ts'

let server: TestServer
let app: TestClient
beforeAll(async () => {
  // It never begins by itself here: the tests say when.
  server = await startServer({ CLEANUP_INTERVAL_SECONDS: '3600' })
  app = await server.createClient()
})
afterAll(() => server.close())

/** One round, as every instance makes them. */
async function cleanUp(batch: CleanupObserver['batch'] = () => {}): Promise<void> {
  const round = createCleanup({
    db: server.server.tools.db,
    retention: { sessionDays: 7, auditDays: 400 },
    observer: { batch, round: () => {} },
    logger: pino({ level: 'silent' }),
    signal: new AbortController().signal,
  })
  await round()
}
const count = async (table: string, where = 'true'): Promise<number> =>
  (await server.db.query<{ n: number }>(`select count(*)::int as n from ${table} where ${where}`))[0]?.n ?? -1
const signedIn = async (scope = 'openid') =>
  app.tokens({ username: (await server.createUser()).username, parameters: { scope } })
const hour = 3600
const day = 24 * hour

/** A row of each table that ran out so many seconds ago. */
const inserts: Record<string, (ago: string) => string> = {
  sessions: (at) =>
    `(id, user_id, secret_hash, created_pos, acr, amr, idle_s, expires_at) select new_id(), new_id(), '\\x00', 0, 'a', '{pwd}', 60, ${at}`,
  grants: (at) =>
    `(id, client, user_id, scope, idle_s, created_pos, auth_time, expires_at) select new_id(), new_id(), new_id(), 'openid', 60, 0, now(), ${at}`,
  authorization_codes: (at) =>
    `(hash, grant_id, client, user_id, session_id, scope, auth_time, created_pos, expires_at) select uuid_send(new_id()), new_id(), new_id(), new_id(), new_id(), 'openid', now(), 0, ${at}`,
  login_transactions: (at) =>
    `(handle_hash, binding_hash, client, params, expires_at) select uuid_send(new_id()), '\\x00', new_id(), '{}', ${at}`,
  revoked_jtis: (at) => `(jti, expires_at) select new_id(), ${at}`,
  feed_entries: (at) =>
    `(seq, kind, key, until) select coalesce(max(seq), -1000000) + 1, 's', '\\x00', ${at} from feed_entries where seq < 0`,
  limits: (at) => `(key, n, ends_at) select new_id()::text, 1, ${at}`,
  client_secrets: (at) => `(client, hash, expires_at) select id, '\\x00', ${at} from clients limit 1`,
  audit_events_default: (at) => `(type, at) select 'test', ${at}`,
}

describe('what has run out is deleted', () => {
  it.each([
    ['sessions', 'expires_at', 7 * day],
    ['grants', 'expires_at', 7 * day],
    ['authorization_codes', 'expires_at', hour],
    ['login_transactions', 'expires_at', hour],
    ['revoked_jtis', 'expires_at', 120],
    ['feed_entries', 'until', 0],
    ['limits', 'ends_at', 0],
    ['client_secrets', 'expires_at', day],
    ['audit_events_default', 'at', 431 * day],
  ])('%s: by its %s, %i seconds later and not before', async (table, column, kept) => {
    const insert = (ago: number) =>
      server.db.query(
        `insert into ${table} ${inserts[table]?.(`clock_now() - make_interval(secs => ${ago})`)} returning ${column} as at`,
      )
    const [due] = await insert(kept + 1)
    const [notYet] = await insert(kept - 60)
    await cleanUp()
    const left = (await server.db.query(`select ${column} as at from ${table}`)).map(({ at }) => String(at))
    expect(left).toContain(String(notYet?.['at']))
    expect(left).not.toContain(String(due?.['at']))
  })

  it('in batches, however many there are', async () => {
    await server.db.query(
      `insert into limits (key, n, ends_at) select 'batch-' || i, 1, clock_now() - interval '1 hour' from generate_series(1, 3210) i`,
    )
    await cleanUp()
    expect(await count('limits', `key like 'batch-%'`)).toBe(0)
  })

  it('in smaller ones where the database is slow: none holds its locks for long', async () => {
    await server.db.query(
      `insert into limits (key, n, ends_at) select 'slow-' || i, 1, clock_now() - interval '1 hour' from generate_series(1, 600) i`,
    )
    await server.db.query(`create function dawdle() returns trigger language plpgsql as $$
      begin perform pg_sleep(0.003); return old; end $$`)
    await server.db.query('create trigger dawdle before delete on limits for each row execute function dawdle()')
    const batches: { rows: number; seconds: number }[] = []
    await cleanUp((_, rows, seconds) => batches.push({ rows, seconds }))
    await server.db.query('drop trigger dawdle on limits')
    expect(await count('limits', `key like 'slow-%'`)).toBe(0)
    // 500 rows would have taken a second and a half: they were given up, and tried again as fewer.
    expect(Math.max(...batches.map(({ rows }) => rows))).toBeLessThan(200)
  })

  it('the feed only from its beginning: whoever reads it counts on all that comes after the first entry', async () => {
    const first = -500_000
    const until = [-60, 60, -60].map((seconds) => `clock_now() + make_interval(secs => ${seconds})`)
    for (const [i, at] of until.entries())
      await server.db.query(
        `insert into feed_entries (seq, kind, key, until) values (${first + i}, 's', '\\x00', ${at})`,
      )
    await server.db.query(`delete from feed_entries where seq < ${first}`)
    await cleanUp()
    const left = await server.db.query(`select seq::int from feed_entries where seq < -400000 order by seq`)
    expect(left.map(({ seq }) => seq)).toEqual([first + 1, first + 2])
  })

  it('what was ended stays as long as what was not: an administrator still sees why', async () => {
    const tokens = await signedIn()
    const { sid, gid } = claimsOf(tokens.access_token)
    await server.admin('DELETE', `/sessions/${sid}`)
    await server.wait(6 * day)
    await cleanUp()
    expect((await server.admin('GET', `/sessions/${sid}`)).body).toMatchObject({ sid, end_reason: 'admin' })
    expect((await server.admin('GET', `/grants/${gid}`)).status).toBe(200)
    await server.wait(2 * day)
    await cleanUp()
    expect((await server.admin('GET', `/sessions/${sid}`)).status).toBe(404)
    expect((await server.admin('GET', `/grants/${gid}`)).status).toBe(404)
  })

  it('consents of clients and users that are gone, and no others', async () => {
    const [gone, kept] = [await server.createClient(), await server.createClient()]
    const user = await server.createUser()
    const consent = (clientId: string, userId: string) =>
      server.db.query(
        `insert into consents (user_id, client, scopes) select $2, id, '{openid}' from clients where client_id = $1`,
        [clientId, userId],
      )
    const stranger = randomUUID()
    await consent(gone.clientId, user.id)
    await consent(kept.clientId, user.id)
    await consent(kept.clientId, stranger)
    await server.admin('DELETE', `/clients/${gone.clientId}`)
    await cleanUp()
    expect(await count('consents', `user_id = '${user.id}'`)).toBe(1)
    expect(await count('consents', `user_id = '${stranger}'`)).toBe(0)
  })
})

describe('a row that has run out is as good as none, before it is deleted and after', () => {
  it('the cookie of a session, and the grants that came with it', async () => {
    const tokens = await signedIn()
    const { sid, gid } = claimsOf(tokens.access_token)
    await server.wait(36_001)
    const answers = async () => {
      const silent = await tokens.browser.clone().open(app.request({ prompt: 'none' }).url)
      const { status, body } = await app.refresh(tokens.refresh_token)
      return {
        silent: silent.location?.searchParams.get('error'),
        asked: asksForPassword(await tokens.browser.clone().open(app.request().url)),
        refresh: [status, body],
        active: [await isActive(app, tokens.access_token), await isActive(app, tokens.refresh_token)],
      }
    }
    const before = await answers()
    expect(before).toMatchObject({ silent: 'login_required', asked: true, active: [false, false] })
    expect(before.refresh).toMatchObject([400, { error: 'invalid_grant' }])
    expect([await count('sessions', `id = '${sid}'`), await count('grants', `id = '${gid}'`)]).toEqual([1, 1])
    await server.wait(7 * day)
    await cleanUp()
    expect([await count('sessions', `id = '${sid}'`), await count('grants', `id = '${gid}'`)]).toEqual([0, 0])
    expect(await answers()).toEqual(before)
  })

  it('an offline grant, whose session went long before', async () => {
    const tokens = await signedIn('openid offline_access')
    const { gid } = claimsOf(tokens.access_token)
    const { sid } = claimsOf(tokens.id_token)
    await server.wait(20 * day)
    await cleanUp()
    expect(await count('sessions', `id = '${sid}'`)).toBe(0)
    const { status, body } = await app.refresh(tokens.refresh_token)
    expect(status).toBe(200)
    await server.wait(41 * day)
    const expired = await app.refresh(body.refresh_token)
    expect([expired.status, expired.body]).toMatchObject([400, { error: 'invalid_grant' }])
    await server.wait(7 * day)
    await cleanUp()
    expect(await count('grants', `id = '${gid}'`)).toBe(0)
    expect((await app.refresh(body.refresh_token)).body).toEqual(expired.body)
  })

  it('a code', async () => {
    const { username } = await server.createUser()
    const { code, verifier } = await app.signIn({ username })
    await server.wait(61)
    const expired = await app.exchange(code, verifier)
    expect([expired.status, expired.body]).toMatchObject([400, { error: 'invalid_grant' }])
    await server.wait(hour)
    await cleanUp()
    expect((await app.exchange(code, verifier)).body).toEqual(expired.body)
  })

  it('a code that was used: within the hour its replay still ends the grant, afterwards it is unknown', async () => {
    for (const [wait, ended] of [
      [hour, true],
      [hour + 120, false],
    ] as const) {
      const { username } = await server.createUser()
      const { code, verifier } = await app.signIn({ username, parameters: { scope: 'openid offline_access' } })
      const { body } = await app.exchange(code, verifier)
      await server.wait(wait)
      await cleanUp()
      expect((await app.exchange(code, verifier)).body).toMatchObject({ error: 'invalid_grant' })
      expect((await app.refresh(body.refresh_token)).status).toBe(ended ? 400 : 200)
    }
  })

  it('a login transaction: for an hour its page offers to begin anew, then it is unknown', async () => {
    const browser = server.browser()
    const page = await browser.open(app.request().url)
    await server.wait(1801)
    await cleanUp()
    const expired = await browser.open(page.url)
    expect(expired.body).toContain('/login/again')
    await server.wait(hour)
    await cleanUp()
    const unknown = await browser.open(page.url)
    const foreign = await server.browser().open(page.url)
    expect([unknown.status, unknown.body]).toEqual([foreign.status, foreign.body])
    expect(unknown.body).not.toContain('/login/again')
  })

  it('a secret that was replaced', async () => {
    const client = await server.createClient({ grant_types: ['client_credentials'], redirect_uris: [] })
    await server.admin('POST', `/clients/${client.clientId}/secrets`, { overlap_seconds: 60 })
    await server.wait(61)
    const ask = () => client.post('/token', { grant_type: 'client_credentials' })
    const expired = await ask()
    expect(expired.status).toBe(401)
    await server.wait(day)
    await cleanUp()
    expect((await ask()).body).toEqual(expired.body)
  })
})

describe('a token of a client itself', () => {
  it('is stored nowhere: not one row more or less in any table', async () => {
    const client = await server.createClient({ grant_types: ['client_credentials'], redirect_uris: [] })
    const tables = await server.db.query<{ name: string }>(
      `select c.oid::regclass::text as name from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace`,
    )
    const counts = async () =>
      Object.fromEntries(await Promise.all(tables.map(async ({ name }) => [name, await count(name)] as const)))
    const before = await counts()
    expect(Object.keys(before)).toContain('grants')
    for (let i = 0; i < 20; i++)
      expect((await client.post('/token', { grant_type: 'client_credentials' })).status).toBe(200)
    expect(await counts()).toEqual(before)
  })
})

describe('by itself', () => {
  it('a server deletes what is due, goes on after a fault, and says so in its log', async () => {
    const busy = await server.another({ CLEANUP_INTERVAL_SECONDS: '1' })
    const key = () => `own-${randomBytes(4).toString('hex')}`
    const isGone = async () => {
      const name = key()
      await server.db.query(`insert into limits values ($1, clock_now() - interval '1 s', 1)`, [name])
      for (let tries = 0; tries < 200; tries++, await sleep(50))
        if ((await count('limits', `key = '${name}'`)) === 0) return true
      return false
    }
    try {
      expect(await isGone()).toBe(true)
      await server.db.query('alter table login_transactions rename to login_transactions_away')
      for (let tries = 0; tries < 200 && !busy.log.some(({ msg }) => msg === 'cleanup failed'); tries++) await sleep(50)
      expect(busy.log.filter(({ msg }) => msg === 'cleanup failed')).not.toEqual([])
      expect(await isGone()).toBe(true)
    } finally {
      await server.db.query('alter table if exists login_transactions_away rename to login_transactions')
      await busy.close()
    }
  })

  it('and stops in the middle when the server closes', async () => {
    const busy = await server.another({ CLEANUP_INTERVAL_SECONDS: '1', DATABASE_POOL_SIZE: '1' })
    await server.db.query(
      `insert into limits (key, n, ends_at) select 'stop-' || i, 1, clock_now() - interval '1 hour' from generate_series(1, 100000) i`,
    )
    const left = () => count('limits', `key like 'stop-%'`)
    for (let tries = 0; tries < 1000 && (await left()) === 100_000; tries++) await sleep(5)
    await busy.close()
    const afterClose = await left()
    expect(afterClose).toBeGreaterThan(0)
    expect(afterClose).toBeLessThan(100_000)
    expect(JSON.stringify(busy.log)).not.toContain('after calling end')
    await sleep(100)
    expect(await left()).toBe(afterClose)
  })
})

describe('what ran out by itself is told when its row goes, once', () => {
  const told = (id: string) =>
    server.db.query<{ type: string; reason: string | null; detail: Record<string, unknown> | null }>(
      `select type, reason, detail from audit_events where target_id = '${id}' and actor = 'system'`,
    )
  const ids = (tokens: { access_token: string }) => claimsOf(tokens.access_token) as { sid: string; gid: string }

  it('a session and its grant, with the moment, the limit that passed, and the number of refreshes', async () => {
    const tokens = await signedIn()
    const { sid, gid } = ids(tokens)
    const again = await app.refresh(tokens.refresh_token)
    expect((await app.refresh(again.body.refresh_token)).status).toBe(200)
    const { body: session } = await server.admin<{ idle_expires_at: string }>('GET', `/sessions/${sid}`)
    await server.wait(9 * day)
    await Promise.all([cleanUp(), cleanUp()])
    await cleanUp()
    const [expired, ...more] = await told(sid)
    expect(more).toEqual([])
    expect(expired).toMatchObject({ type: 'session.expired', reason: 'session_idle' })
    expect(new Date(String(expired?.detail?.['expired_at'])).toISOString().slice(0, 19)).toBe(
      session.idle_expires_at.slice(0, 19),
    )
    expect(await told(gid)).toMatchObject([{ type: 'grant.expired', reason: 'grant_idle', detail: { refreshes: 2 } }])
  })

  it.each([
    ['by an app', 'nothing'],
    ['by an app, then by the browser', 'a silent request'],
  ])('a session of which the grants went long before it, used last %s', async (_, then) => {
    const short = await server.createClient({ session_max_seconds: hour })
    const tokens = await short.tokens({ username: (await server.createUser()).username })
    const { sid, gid } = ids(tokens)
    await server.wait(1700)
    await short.refresh(tokens.refresh_token)
    await server.wait(90)
    if (then === 'a silent request')
      expect((await short.signIn({ browser: tokens.browser, parameters: { prompt: 'none' } })).code).not.toBe('')
    const { body: session } = await server.admin<{ idle_expires_at: string; last_seen_at: string }>(
      'GET',
      `/sessions/${sid}`,
    )
    await server.wait(7 * day + hour)
    await cleanUp()
    expect((await server.admin('GET', `/grants/${gid}`)).status).toBe(404)
    expect((await server.admin('GET', `/sessions/${sid}`)).body).toMatchObject({ last_seen_at: session.last_seen_at })
    await server.wait(day)
    await cleanUp()
    const [expired] = await told(sid)
    expect(expired).toMatchObject({ type: 'session.expired', reason: 'session_idle' })
    expect(new Date(String(expired?.detail?.['expired_at'])).toISOString().slice(0, 19)).toBe(
      session.idle_expires_at.slice(0, 19),
    )
  })

  it('of what was ended only how often it was refreshed', async () => {
    const [one, two] = [await signedIn(), await signedIn()]
    await app.refresh(one.refresh_token)
    for (const tokens of [one, two]) await server.admin('DELETE', `/sessions/${ids(tokens).sid}`)
    await server.wait(9 * day)
    await cleanUp()
    expect(await told(ids(one).sid)).toEqual([])
    expect(await told(ids(one).gid)).toMatchObject([
      { type: 'grant.refreshed', reason: null, detail: { refreshes: 1 } },
    ])
    expect(await told(ids(two).gid)).toEqual([])
  })

  it('nothing of what a line has ended: the line is told already', async () => {
    const tokens = await signedIn()
    await server.admin('POST', '/revocations', { all: true })
    await server.wait(9 * day)
    await cleanUp()
    expect(await told(ids(tokens).sid)).toEqual([])
    expect(await told(ids(tokens).gid)).toEqual([])
  })
})
