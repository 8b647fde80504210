import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { deleteDue } from '../../src/store/cleanup.ts'
import { reserveAttempt } from '../../src/store/limits.ts'
import { type Instance, startInstances } from '../support/instance.ts'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { at, claimsOf } from '../support/tokens.ts'

let server: TestServer
let app: TestClient
beforeAll(async () => {
  server = await startServer({ CLEANUP_INTERVAL_SECONDS: '3600' })
  app = await server.createClient()
})
afterAll(() => server.close())

const retention = { sessionDays: 7, auditDays: 400 }
const seeded = 10_000
/** The grants were of these sessions. */
const seed = async (count = seeded, sids: readonly string[] = []) => {
  await server.db.query(`
    insert into sessions (id, user_id, secret_hash, created_pos, acr, amr, idle_s, expires_at)
    select gen_random_uuid(), gen_random_uuid(), '\\x00', 0, 'a', '{pwd}', 60, clock_now() - interval '8 days' - make_interval(secs => i) from generate_series(1, ${count}) i`)
  await server.db.query(
    `insert into grants (id, client, user_id, session_id, scope, idle_s, created_pos, auth_time, expires_at, active_at)
    select gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), ($2::uuid[])[1 + i % greatest(cardinality($2), 1)], 'openid', 60, 0, now(), at, at
    from (select i, clock_now() - interval '8 days' - make_interval(secs => i) as at from generate_series(1, $1::int) i) x`,
    [count, sids],
  )
}
const due = async (table: string) =>
  (
    await server.db.query<{ n: number }>(
      `select count(*)::int as n from ${table} where expires_at < clock_now() - interval '7 days'`,
    )
  )[0]?.n ?? -1
const deletedBy = async ({ url }: Instance, table: string): Promise<number> => {
  const text = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`falconer_cleanup_deleted_rows_total\\{table="${table}"\\} (\\d+)`).exec(text)?.[1] ?? 0)
}

describe('three instances clean up at once, while people come and stay', () => {
  let instances: Instance[]
  beforeAll(async () => {
    instances = await startInstances(server, 3, { CLEANUP_INTERVAL_SECONDS: '1' })
  })
  afterAll(() => Promise.all(instances.map((instance) => instance.end('SIGTERM'))))

  it('share the work: each row is deleted once, nothing that lives is touched, nobody is refused', async () => {
    const people = await Promise.all(
      Array.from({ length: 6 }, async () => app.tokens({ username: (await server.createUser()).username })),
    )
    const sids = people.map(({ access_token }) => claimsOf(access_token).sid ?? '')
    await seed(seeded, sids)
    const finished = new AbortController()
    const statuses: number[] = []
    const busy = people.map(async (tokens, i) => {
      let refreshToken = tokens.refresh_token
      while (!finished.signal.aborted) {
        const { status, body } = await at(instances[i % 3] as Instance, app).refresh(refreshToken)
        statuses.push(status)
        if (status === 200) refreshToken = body.refresh_token
        const { code } = await app.signIn({ browser: tokens.browser, parameters: { prompt: 'none' } })
        if (code === '') statuses.push(0)
      }
    })
    for (let tries = 0; tries < 400; tries++, await sleep(50))
      if ((await due('sessions')) + (await due('grants')) === 0) break
    finished.abort()
    await Promise.all(busy)
    expect(new Set(statuses)).toEqual(new Set([200]))
    for (const table of ['sessions', 'grants']) {
      const shares = await Promise.all(instances.map((instance) => deletedBy(instance, table)))
      expect(shares.reduce((sum, share) => sum + share, 0)).toBe(seeded)
    }
    expect(instances.flatMap(({ log }) => log.filter(({ msg }) => msg === 'cleanup failed'))).toEqual([])
    expect((await server.db.query('select from sessions')).length).toBe(people.length)
  })
})

describe('a row that somebody holds', () => {
  it('is passed over, not waited for, and goes when it is free', async () => {
    const { db } = server.server.tools
    const count = 1000
    await seed(count)
    const holder = new Client({ connectionString: server.db.url })
    await holder.connect()
    try {
      await holder.query('begin')
      await holder.query('select from sessions order by expires_at limit 1 for no key update')
      const pass = () => deleteDue(db, 'sessions', { retention, limit: count, fromAt: null })
      // A wait would end in the second that a lock is waited for at most.
      expect((await pass()).deleted).toBe(count - 1)
      expect((await pass()).deleted).toBe(0)
      await holder.query('commit')
      expect((await pass()).deleted).toBe(1)
    } finally {
      await holder.end()
    }
  })
})

describe('a limit whose window ends just now', () => {
  it('counts every attempt of its new window, whenever the old row goes', async () => {
    const { db } = server.server.tools
    for (let round = 0; round < 20; round++) {
      const key = `lapsing-${round}`
      await server.db.query(`insert into limits values ($1, clock_now() - interval '1 s', 5)`, [key])
      const attempts = Array.from({ length: 24 }, (_, i) =>
        i % 3 === 0
          ? deleteDue(db, 'limits', { retention, limit: 1000, fromAt: null })
          : reserveAttempt(db, [{ key, count: 100, seconds: 900 }]),
      )
      await Promise.all(attempts)
      expect(await server.db.query('select n from limits where key = $1', [key])).toEqual([{ n: 16 }])
    }
  })
})
