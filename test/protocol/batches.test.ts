import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { beginLoginTransaction } from '../../src/store/login-transactions.ts'
import { refreshGrant } from '../../src/store/refresh.ts'
import { beginLoginAttempt } from '../../src/store/users.ts'
import type { Answer, Tokens } from '../support/server.ts'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { claimsOf } from '../support/tokens.ts'

let server: TestServer
let app: TestClient
beforeAll(async () => {
  server = await startServer()
  // Whoever waits for a row shall wait until the server gives up on the database, so that nobody is saved by a lock timeout.
  await server.db.query(
    `do $$ begin
       execute format('alter role %I in database %I set lock_timeout = 0', current_user, current_database());
       execute format('alter role %I in database %I set statement_timeout = 0', current_user, current_database());
     end $$`,
  )
  await server.db.query(
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  )
  // A pooler may hand out one of the connections that were just closed, and what asks there is told 503.
  app = await vi.waitFor(() => server.createClient(), { timeout: 10_000, interval: 100 })
})
afterAll(() => server.close())

const username = async () => (await server.createUser()).username

/** Holds a row until everything but `waiting` has been answered, and then lets go. */
async function whileHeld(row: { table: 'grants' | 'sessions'; id: unknown }, ask: () => Promise<Answer<Tokens>>[]) {
  return server.server.tools.db.transaction(async (holder) => {
    await holder.run({ name: `hold_${row.table}`, text: `select from ${row.table} where id = $1 for update` }, [row.id])
    const [held, ...others] = ask()
    let isAnswered = false
    void held?.then(() => (isAnswered = true))
    const answers = await Promise.all(others)
    expect(isAnswered).toBe(false)
    return { held, statuses: answers.map(({ status }) => status) }
  })
}

describe('what is decided together', () => {
  it('does not wait for a grant that somebody holds: its refresh is decided alone', async () => {
    const tokens: Tokens[] = []
    for (let i = 0; i < 8; i++) tokens.push(await app.tokens({ username: await username() }))
    const [first] = tokens
    const { held, statuses } = await whileHeld({ table: 'grants', id: claimsOf(first?.access_token ?? '').gid }, () =>
      tokens.map((one) => app.refresh(one.refresh_token)),
    )
    expect(statuses).toEqual(statuses.map(() => 200))
    expect((await held)?.status).toBe(200)
  })

  it('does not wait for the session of a code that somebody holds', async () => {
    const signedIn: { code: string; verifier: string }[] = []
    for (let i = 0; i < 8; i++) signedIn.push(await app.signIn({ username: await username() }))
    const [row] = await server.db.query<{ session_id: string }>(
      `select session_id from authorization_codes where hash = sha256($1::text::bytea)`,
      [signedIn[0]?.code],
    )
    const { held, statuses } = await whileHeld({ table: 'sessions', id: row?.session_id }, () =>
      signedIn.map(({ code, verifier }) => app.exchange(code, verifier)),
    )
    expect(statuses).toEqual(statuses.map(() => 200))
    expect((await held)?.status).toBe(200)
  })

  it('is judged by itself: one of each sort at once', async () => {
    const [live, ended, foreign, reused, other] = [
      await app.tokens({ username: await username() }),
      await app.tokens({ username: await username() }),
      await app.tokens({ username: await username() }),
      await app.tokens({ username: await username() }),
      await app.signIn({ username: await username() }),
    ]
    const stranger = await server.createClient()
    await app.post('/revoke', { token: ended.refresh_token })
    await app.refresh(reused.refresh_token)
    await server.wait(11)
    const [thrown, spoilt] = [await app.signIn({ username: await username() }), 'w'.repeat(43)]
    const answers = await Promise.all([
      app.refresh(live.refresh_token),
      app.refresh(ended.refresh_token),
      stranger.refresh(foreign.refresh_token),
      app.refresh(reused.refresh_token),
      app.exchange(thrown.code, spoilt),
      app.exchange(other.code, other.verifier),
    ])
    expect(answers.map(({ status }) => status)).toEqual([200, 400, 400, 400, 400, 200])
    expect((await app.refresh(foreign.refresh_token)).status).toBe(200)
    expect((await app.exchange(thrown.code, thrown.verifier)).status).toBe(200)
  })

  it('is a use of the session for those alone whose refresh counts: not for one that is refused beside one that does not count', async () => {
    const { db, refreshTokens } = server.server.tools
    const quiet = await server.createClient({ refresh_counts_as_activity: false })
    const counted = await app.tokens({ username: await username() })
    const uncounted = await quiet.tokens({ browser: counted.browser })
    const { sid } = claimsOf(counted.access_token)
    expect(claimsOf(uncounted.access_token).sid).toBe(sid)
    const clients = await server.db.query<{ id: string; client_id: string }>('select id, client_id from clients')
    const present = (client: TestClient, tokens: Tokens, scopes?: string[]) =>
      refreshGrant(db, {
        ...refreshTokens.parse(tokens.refresh_token)!,
        client: clients.find(({ client_id }) => client_id === client.clientId)?.id ?? '',
        ...(scopes ? { scopes } : {}),
      })
    const lastSeen = async () =>
      (await server.admin<{ last_seen_at: string }>('GET', `/sessions/${sid}`)).body.last_seen_at
    await server.wait(300)
    const before = await lastSeen()
    const outcomes = await Promise.all([present(app, counted, ['more']), present(quiet, uncounted)])
    expect(outcomes.map((one) => one?.outcome)).toEqual(['scope_exceeded', 'rotate'])
    expect(await lastSeen()).toEqual(before)

    expect((await present(app, counted))?.outcome).toBe('rotate')
    expect(await lastSeen()).not.toEqual(before)
  })
})

describe('attempts that are counted together', () => {
  const once = { count: 4, seconds: 600 }
  const allowed = (waits: readonly number[]) => waits.map((seconds) => seconds === 0)
  const transaction = (handle: string, key: string) => ({
    handleHash: Buffer.from(handle.padEnd(32)),
    bindingHash: Buffer.alloc(32),
    client: randomUUID(),
    params: {},
    ttlSeconds: 600,
    limits: [{ key, ...once }],
  })

  it('count one after the other: of six under a limit of four the last two wait, and nothing of theirs is written', async () => {
    const { db } = server.server.tools
    const begin = (n: number) => beginLoginTransaction(db, transaction(`six-${n}`, 'six'))
    const waits = await Promise.all([0, 1, 2, 3, 4, 5].map(begin))
    expect(allowed(waits)).toEqual([true, true, true, true, false, false])
    expect(waits.slice(4).every((seconds) => seconds > 590 && seconds <= 600)).toBe(true)
    const begun = await server.db.query(
      `select convert_from(handle_hash, 'UTF8') as handle from login_transactions where handle_hash = any($1) order by 1`,
      [[0, 1, 2, 3, 4, 5].map((n) => Buffer.from(`six-${n}`.padEnd(32)))],
    )
    expect(begun.map(({ handle }) => String(handle).trim())).toEqual(['six-0', 'six-1', 'six-2', 'six-3'])
    expect(await server.db.query(`select n from limits where key = 'six'`)).toEqual([{ n: 6 }])
  })

  it('leave others alone whose limit is not reached', async () => {
    const { db } = server.server.tools
    const begin = (n: number) => beginLoginTransaction(db, transaction(`own-${n}`, n % 2 === 0 ? 'busy' : `own-${n}`))
    const waits = await Promise.all(Array.from({ length: 16 }, (_, n) => begin(n)))
    expect(allowed(waits)).toEqual(waits.map((_, n) => n % 2 === 1 || n < 8))
  })

  it('of sign-ins: who is one too many does not hear whose name it was', async () => {
    const { db } = server.server.tools
    const name = await username()
    const limits = [
      { key: 'name', count: 100, seconds: 600 },
      { key: 'address', ...once },
    ]
    const attempts = await Promise.all(
      Array.from({ length: 6 }, (_, n) => beginLoginAttempt(db, { identifier: n === 1 ? 'nobody' : name, limits })),
    )
    expect(
      attempts.map((attempt) => ('candidate' in attempt ? attempt.candidate?.username : attempt.waitSeconds > 0)),
    ).toEqual([name, undefined, name, name, true, true])
  })
})
