import { createHash, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Ended, EndReason } from '../../src/domain/ending.ts'
import { Unavailable } from '../../src/domain/unavailable.ts'
import { createCombiner } from '../../src/store/combiner.ts'
import { type Database, openDatabase } from '../../src/store/database.ts'
import { end, endIn } from '../../src/store/end.ts'
import type { TestDatabase } from '../support/database.ts'
import { startServer, type TestServer } from '../support/server.ts'

interface Call {
  readonly target: 'session' | 'grant'
  readonly id: string
  readonly reason: EndReason
  readonly note?: string
}
const feedKey = () => Buffer.alloc(8)
/** Calls of one turn of the event loop go together. */
const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))
/** As from a request of its own, so that nobody can be taken for another. */
const ending = (db: Database, { target, id, reason, note }: Call, i: number) => {
  const actor = { id: `user:${i}`, ip: `10.0.0.${i}`, ...(i % 2 === 0 ? { requestId: `request-${i}` } : {}) }
  return end(db, { target, id }, { reason, actor, feedKey, ...(note === undefined ? {} : { note }) })
}

/** The same ids wherever the same name is asked for; in no order. */
const idOf = (name: string) =>
  createHash('sha256')
    .update(name)
    .digest('hex')
    .slice(0, 32)
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
const sessionOf = (i: number) => idOf(`session ${i}`)
const grantOf = (i: number, which: 'online' | 'shop' | 'offline' | 'offline at shop' | 'expired') =>
  idOf(`grant ${i} ${which}`)
const sessionCount = 60

/** Sessions of which every tenth is idle, each with grants of every sort at two clients; the log-out of one takes offline grants along. */
async function populate(db: TestDatabase): Promise<void> {
  const [app, shop, user] = [idOf('app'), idOf('shop'), idOf('user')]
  await db.query(
    `insert into clients (id, client_id, grant_types, scopes, skip_consent, logout_ends_offline)
     select id, name, '{authorization_code,refresh_token}', '{openid,offline_access}', true, name = 'shop'
     from unnest($1::uuid[], '{app,shop}'::text[]) as c(id, name)`,
    [[app, shop]],
  )
  await db.query(`insert into users (id, username, username_norm) values ($1, 'someone', 'someone')`, [user])
  const all = Array.from({ length: sessionCount }, (_, i) => i)
  await db.query(
    `insert into sessions (id, user_id, secret_hash, created_pos, acr, amr, idle_s, expires_at, last_seen_at)
     select id, $2, '\\x00', 0, '1', '{pwd}', 1800, clock_now() + interval '1 h', clock_now() - case when i % 10 = 0 then interval '2 h' else '0' end
     from unnest($1::uuid[]) with ordinality as s(id, i)`,
    [all.map(sessionOf), user],
  )
  for (const which of ['online', 'shop', 'offline', 'offline at shop', 'expired'] as const) {
    await db.query(
      `insert into grants (id, client, user_id, session_id, offline, scope, idle_s, expires_at, created_pos, auth_time)
       select id, $3, $4, session_id, $5, 'openid', 1800, clock_now() + case when $6 then interval '-1 h' else '1 h' end, 0, clock_now()
       from unnest($1::uuid[], $2::uuid[]) as g(id, session_id)`,
      [
        all.map((i) => grantOf(i, which)),
        all.map(sessionOf),
        which.endsWith('shop') ? shop : app,
        user,
        which.startsWith('offline'),
        which === 'expired',
      ],
    )
  }
}

/** All that endings leave behind, but for times and the random ids of audit events. */
async function traces(db: TestDatabase) {
  const ofRows = (table: string) =>
    db.query(`select id, revoked_at is not null as ended, revoke_reason, revoked_by from ${table} order by id`)
  return {
    sessions: await ofRows('sessions'),
    grants: await ofRows('grants'),
    head: await db.query('select seq as head from feed_head'),
    feed: await db.query(
      `select e.seq as seq, e.kind, encode(e.key, 'hex') as key, e.until > clock_now() as holds from feed_entries e, feed_head h order by 1`,
    ),
    audit: await db.query(
      `select a.position as position, type, outcome, actor, target_kind, target_id, user_id, client_id, reason, ip, request_id, detail
       from audit_events a, feed_head h where a.position is not null order by 1`,
    ),
  }
}
const positions = async (db: TestDatabase) =>
  (await db.query<{ seq: number }>('select seq::int from feed_entries order by seq')).map(({ seq }) => seq)

let servers: [TestServer, TestServer]
beforeAll(async () => {
  servers = await Promise.all([startServer(), startServer()])
})
afterAll(() => Promise.all(servers.map((server) => server.close())))
const tools = (server: TestServer) => server.server.tools
const empty = async ({ db }: TestServer) => {
  await db.query(
    `truncate sessions, grants, consents, clients, client_secrets, administrators, users, feed_entries, audit_events; update feed_head set seq = 0`,
  )
  await populate(db)
}

/** The same numbers for the same seed. */
const randomFrom = (seed: number) => () => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return seed / 2 ** 32
}

/** 200 endings: sessions with their own grants before and after them, some twice, for several reasons, and some that nobody knows. */
function crowd(seed: number): Call[] {
  const random = randomFrom(seed)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  const whiches = ['online', 'shop', 'offline', 'offline at shop', 'expired'] as const
  return Array.from({ length: 200 }, (_, n) => {
    const i = Math.floor(random() * sessionCount)
    const reason = pick(['logout', 'replaced', 'admin', 'reuse', 'limit'] as const)
    const note = random() < 0.3 ? { note: `note ${n}` } : {}
    if (random() < 0.05)
      return { target: pick(['session', 'grant'] as const), id: idOf(`nobody ${n}`), reason, ...note }
    // A session's id is not one of a grant.
    if (random() < 0.05) return { target: 'grant', id: sessionOf(i), reason, ...note }
    if (random() < 0.3) return { target: 'session', id: sessionOf(i), reason, ...note }
    return { target: 'grant', id: grantOf(i, pick(whiches)), reason, ...note }
  })
}

describe('200 endings at once', () => {
  it.each([1, 2, 3, 4])('are what they are one after the other, in a few commits (seed %i)', async (seed) => {
    await Promise.all(servers.map(empty))
    const calls = crowd(seed)
    const [together, alone] = servers
    const answers = await Promise.all(calls.map((call, i) => ending(tools(together).db, call, i)))
    const expected: (Ended | undefined)[] = []
    for (const [i, call] of calls.entries()) expected.push(await ending(tools(alone).db, call, i))

    const isAnswer = (answer: Ended | undefined) => answer !== undefined
    expect(answers.filter(isAnswer).length).toBeGreaterThan(80)
    expect(answers.filter((answer) => !isAnswer(answer)).length).toBeGreaterThan(20)
    expect(answers).toEqual(expected)
    expect(await traces(together.db)).toEqual(await traces(alone.db))
    const drawn = await positions(together.db)
    expect(drawn).toEqual(drawn.map((_, i) => i + 1))

    const commits = async ({ db }: TestServer) =>
      (await db.query('select distinct at from audit_events where position is not null')).length
    expect(await commits(alone)).toBe(answers.filter(isAnswer).length)
    // The first one goes alone; behind it at most 64 together.
    expect(await commits(together)).toBeLessThanOrEqual(5)
  })

  it('grants only, too: one statement for each batch', async () => {
    await Promise.all(servers.map(empty))
    const calls = [5, 6, 7].flatMap(crowd).filter(({ target }) => target === 'grant')
    const [together, alone] = servers
    const answers = await Promise.all(calls.map((call, i) => ending(tools(together).db, call, i)))
    const expected: (Ended | undefined)[] = []
    for (const [i, call] of calls.entries()) expected.push(await ending(tools(alone).db, call, i))
    expect(answers).toEqual(expected)
    expect(await traces(together.db)).toEqual(await traces(alone.db))
  })
})

describe('in one batch', () => {
  let server: TestServer
  let db: Database
  beforeAll(async () => {
    ;[server] = servers
    ;({ db } = tools(server))
  })
  /** One goes alone; the others wait for it, and go together. */
  const asBatch = async (calls: readonly Call[]) => {
    const first = ending(db, { target: 'session', id: randomUUID(), reason: 'admin' }, 0)
    const others = await Promise.allSettled(calls.map((call, i) => ending(db, call, i + 1)))
    expect(await first).toBeUndefined()
    return others
  }
  const answered = async (calls: readonly Call[]) =>
    (await asBatch(calls)).map((one) => {
      if (one.status === 'rejected') throw one.reason
      return one.value
    })
  const logout = (i: number): Call => ({ target: 'session', id: sessionOf(i), reason: 'logout' })
  const grant = (i: number, which: Parameters<typeof grantOf>[1]): Call => ({
    target: 'grant',
    id: grantOf(i, which),
    reason: 'admin',
  })

  it('a session takes its grants along: those named after it come too late, those before it are their own', async () => {
    await empty(server)
    expect(await answered([logout(1), grant(1, 'online'), grant(1, 'offline'), logout(1)])).toEqual([
      // s and the g of the offline grant whose client wants it
      { position: 2, sessions: 1, grants: 3 },
      undefined,
      { position: 3, sessions: 0, grants: 1 },
      undefined,
    ])
    expect(await answered([grant(2, 'online'), logout(2), grant(2, 'shop')])).toEqual([
      { position: 4, sessions: 0, grants: 1 },
      { position: 6, sessions: 1, grants: 2 },
      undefined,
    ])
  })

  it('the reason of each one decides about its offline grants', async () => {
    await empty(server)
    const [loggedOut, byAdmin] = await answered([logout(1), { ...logout(2), reason: 'admin' }])
    expect([loggedOut?.grants, byAdmin?.grants]).toEqual([3, 2])
    const left = await server.db.query('select id from grants where offline and revoked_at is null and id = any($1)', [
      [grantOf(1, 'offline at shop'), grantOf(2, 'offline at shop')],
    ])
    expect(left).toEqual([{ id: grantOf(2, 'offline at shop') }])
  })

  it.each<[string, Omit<Call, 'target'>]>([
    ['an id that is none', { id: 'no uuid', reason: 'admin' }],
    ['a note that PostgreSQL cannot store', { id: sessionOf(3), reason: 'admin', note: 'a\0b' }],
  ])('%s harms nobody else', async (_, poison) => {
    await empty(server)
    for (const target of ['session', 'grant'] as const) {
      const before = await positions(server.db)
      const neighbours = target === 'session' ? [logout(1), logout(2)] : [grant(4, 'offline'), grant(5, 'offline')]
      const id = poison.note && target === 'grant' ? grantOf(3, 'online') : poison.id
      const [one, poisoned, other] = await asBatch([
        neighbours[0] as Call,
        { ...poison, target, id },
        neighbours[1] as Call,
      ])
      expect(poisoned?.status).toBe('rejected')
      expect(poisoned).not.toHaveProperty('reason', expect.any(Unavailable))
      for (const neighbour of [one, other])
        expect(neighbour).toHaveProperty('value.grants', target === 'session' ? 3 : 1)
      const drawn = await positions(server.db)
      expect(drawn).toEqual(drawn.map((_, i) => i + 1))
      expect(drawn.length).toBe(before.length + (target === 'session' ? 4 : 2))
    }
  })

  it('who wants a row that somebody holds fails alone', async () => {
    await empty(server)
    await tools(servers[0]).db.transaction(async (holder) => {
      await holder.run({ name: 'hold', text: 'select from sessions where id = $1::uuid for update' }, [sessionOf(2)])
      const [one, held, other] = await asBatch([logout(1), logout(2), grant(3, 'online')])
      expect(one).toHaveProperty('value.sessions', 1)
      expect(held).toHaveProperty('reason', expect.any(Unavailable))
      expect(other).toHaveProperty('value.grants', 1)
    })
    expect(await answered([logout(1), logout(2)])).toEqual([undefined, { position: 5, sessions: 1, grants: 3 }])
  })

  it('an ending inside of a transaction stays in it, and goes with it', async () => {
    await empty(server)
    const undone = new Error('undone')
    const actor = { id: 'system' }
    const attempt = db.transaction(async (tx) => {
      const inside = (call: Call) => endIn(tx, call, { reason: call.reason, actor, feedKey })
      expect(await inside(logout(1))).toEqual({ position: 2, sessions: 1, grants: 3 })
      expect(await inside(logout(1))).toBeUndefined()
      expect(await inside(grant(2, 'online'))).toEqual({ position: 3, sessions: 0, grants: 1 })
      throw undone
    })
    await expect(attempt).rejects.toBe(undone)
    expect(await positions(server.db)).toEqual([])
    expect(await answered([logout(1)])).toEqual([{ position: 2, sessions: 1, grants: 3 }])
  })
})

describe('when the connection breaks', () => {
  it('all of the batch fail with the same, nothing of it is written, and those behind it are ended', async () => {
    const [server] = servers
    await empty(server)
    const url = new URL(server.db.url)
    // Whoever waits for the head shall wait until its connection breaks.
    url.searchParams.set('options', '-c lock_timeout=0 -c statement_timeout=0')
    url.searchParams.set('application_name', 'breaks')
    const db = openDatabase({ url: url.href, poolSize: 4, preparedStatements: true, onIdleError: () => {} })
    const breakWhenWaiting = async () => {
      const waiting = `from pg_stat_activity where application_name = 'breaks' and wait_event_type = 'Lock' and datname = current_database()`
      while ((await server.db.query(`select pg_terminate_backend(pid) ${waiting}`)).length === 0) await sleep(5)
    }
    const calls = Array.from(
      { length: 40 },
      (_, i): Call => ({ target: 'session', id: sessionOf(i), reason: 'logout' }),
    )
    const before = await traces(server.db)
    const failed = await tools(server).db.transaction(async (holder) => {
      await holder.run({ name: 'hold_head', text: 'select from feed_head for update' }, [])
      const first = Promise.allSettled(calls.slice(0, 1).map((call, i) => ending(db, call, i)))
      await nextTurn()
      const others = Promise.allSettled(calls.slice(1).map((call, i) => ending(db, call, i + 1)))
      await breakWhenWaiting()
      await breakWhenWaiting()
      return [...(await first), ...(await others)]
    })
    expect(await traces(server.db)).toEqual(before)
    const reasons = failed.map((one) => one.status === 'rejected' && one.reason)
    expect(reasons.filter((reason) => reason instanceof Unavailable)).toHaveLength(40)
    // The first one, which went alone, and the others.
    expect(new Set(reasons).size).toBe(2)
    const retried = await Promise.all(calls.map((call, i) => ending(db, call, i)))
    expect(retried.map((one) => one?.sessions)).toEqual(calls.map((_, i) => (i % 10 === 9 ? 0 : 1)))
    await db.close()
  })

  it('beside a small batch there is room for one more as soon as half as many wait, beside a big one there is none', async () => {
    const batches: number[] = []
    const ends: (() => void)[] = []
    const combine = createCombiner<number, number>({
      run: (batch) =>
        new Promise((resolve) => {
          batches.push(batch.length)
          ends.push(() => resolve(batch))
        }),
      batchSize: 64,
      concurrency: 1,
      small: 8,
      patienceMs: 1000,
      isShared: () => true,
    })
    const answered: Promise<number>[] = []
    const ask = async (count: number) => {
      for (let i = 0; i < count; i++) answered.push(combine(i))
      await nextTurn()
    }
    const end = async (nth: number) => {
      ends[nth]?.()
      await nextTurn()
    }
    await ask(2)
    await ask(3)
    expect(batches, 'three are too few').toEqual([2])
    await ask(1)
    expect(batches).toEqual([2, 4])
    await ask(20)
    expect(batches, 'one more, not two').toEqual([2, 4])
    await end(0)
    expect(batches, 'four are under way: the others go beside them').toEqual([2, 4, 20])
    await ask(30)
    await end(1)
    expect(batches, 'twenty are not few').toEqual([2, 4, 20])
    await end(2)
    expect(batches).toEqual([2, 4, 20, 30])
    await end(3)
    expect(await Promise.all(answered)).toHaveLength(56)
  })

  it('who has waited too long for a turn is refused, those who came later are served', async () => {
    const batches: number[][] = []
    let open = () => {}
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    const combine = createCombiner<number, number>({
      run: async (batch) => {
        batches.push([...batch])
        if (batches.length === 1) await opened
        return batch
      },
      batchSize: 2,
      concurrency: 1,
      patienceMs: 1000,
      isShared: () => true,
    })
    const first = combine(1)
    await nextTurn()
    const early = Promise.allSettled([2, 3].map((call) => combine(call)))
    await sleep(1100)
    const late = [4, 5, 6].map((call) => combine(call))
    open()
    expect(await Promise.all(late)).toEqual([4, 5, 6])
    expect(await first).toBe(1)
    expect((await early).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(batches).toEqual([[1], [4, 5], [6]])
  })
})
