import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCleanup } from '../../src/cleanup.ts'
import { type Answer, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let other: TestServer
beforeAll(async () => {
  server = await startServer()
  other = await server.another()
  await Promise.all([server, other].map((each) => each.admin('GET', '/settings')))
})
afterAll(async () => {
  await other.close()
  await server.close()
})

type Body = Record<string, unknown>
const web = { redirect_uris: ['https://a.example/cb'] }
const send = (path: string, body: unknown, key: string, at = server): Promise<Answer> =>
  at.admin('POST', path, body, { 'idempotency-key': key })
const replayed = (answer: Answer) => answer.headers.get('idempotency-replayed')
const count = async (where: string, values: unknown[]) => (await server.db.query(`select from ${where}`, values)).length

/** A transaction of somebody else, while something is done. */
async function during<T>(
  begin: string,
  values: unknown[],
  work: (end: () => Promise<unknown>) => Promise<T>,
): Promise<T> {
  const holder = new Client({ connectionString: server.db.url })
  await holder.connect()
  try {
    await holder.query('begin')
    await holder.query(begin, values)
    return await work(() => holder.query('rollback'))
  } finally {
    await holder.end()
  }
}

/** The process of the database in which a statement with that text waits for a lock. */
async function whenWaiting(statement: string): Promise<number> {
  for (let tries = 0; tries < 1000; tries++) {
    const [row] = await server.db.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ilike $1`,
      [`%${statement}%`],
    )
    if (row) return row.pid
    await sleep(10)
  }
  throw new Error(`nothing waits in ${statement}`)
}

describe('Idempotency-Key', () => {
  it('brings the first answer again, the secret too, which lies nowhere in plain text', async () => {
    const key = randomUUID()
    const first = await send('/clients', web, key)
    const again = await send('/clients', web, key, other)
    expect([first.status, again.status]).toEqual([201, 201])
    expect([replayed(first), replayed(again)]).toEqual([null, 'true'])
    expect(again.body).toEqual(first.body)
    expect(again.headers.get('location')).toBe(first.headers.get('location'))
    expect(await count('audit_events where client_id = $1', [first.body['client_id']])).toBe(1)
    const secret = String(first.body['client_secret'])
    const [row] = await server.db.query<{ request: Buffer; answer: Buffer }>(
      'select request, answer from idempotency_keys where key = $1',
      [key],
    )
    expect(secret.length).toBeGreaterThan(30)
    for (const bytes of [row?.request, row?.answer]) expect(bytes?.includes(secret)).toBe(false)
  })

  it.each<[string, string, Body]>([
    ['another body', '/clients', { ...web, client_name: 'other' }],
    ['another path', '/users', web],
  ])('refuses the key of another request: %s', async (_, path, body) => {
    const key = randomUUID()
    await send('/clients', web, key)
    const { status, body: refusal } = await send(path, path === '/users' ? { username: randomUUID() } : body, key)
    expect(status).toBe(422)
    expect(refusal['type']).toBe('urn:falconer:problem:idempotency-key-reused')
  })

  it('makes one client of eight requests at once, on two instances', async () => {
    for (let round = 0; round < 5; round++) {
      const key = randomUUID()
      const name = `race ${key}`
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          send('/clients', { ...web, client_name: name }, key, i % 2 ? server : other),
        ),
      )
      const made = answers.filter(({ status }) => status === 201)
      expect(made.length).toBeGreaterThan(0)
      expect(new Set(made.map(({ body }) => body['client_secret'])).size).toBe(1)
      const refused = answers.filter(({ status }) => status !== 201)
      for (const { body, headers } of refused) {
        expect(body['type']).toBe('urn:falconer:problem:idempotency-key-in-use')
        expect(headers.get('retry-after')).toBe('1')
      }
      expect(await count(`clients where metadata ->> 'client_name' = $1`, [name])).toBe(1)
      const later = await send('/clients', { ...web, client_name: name }, key)
      expect([later.status, replayed(later)]).toEqual([201, 'true'])
    }
  })

  it('belongs to its caller', async () => {
    const key = randomUUID()
    const first = await send('/clients', web, key)
    const service = await server.createClient({ grant_types: ['client_credentials'], scope: 'clients:write' })
    const { body: token } = await service.post('/token', {
      grant_type: 'client_credentials',
      scope: 'clients:write',
    })
    const authorization = `Bearer ${String(token['access_token'])}`
    const second = await server.admin('POST', '/clients', web, { 'idempotency-key': key, authorization })
    expect([second.status, replayed(second)]).toEqual([201, null])
    expect(second.body['client_id']).not.toBe(first.body['client_id'])
  })

  it.each<[string, () => Promise<[path: string, body: unknown]>]>([
    ['a resource', async () => ['/resources', { identifier: `urn:${randomUUID()}` }]],
    ['a user with a password', async () => ['/users', { username: randomUUID(), password: 'long enough' }]],
    ['a secret', async () => [`/clients/${(await server.createClient()).clientId}/secrets`, {}]],
    ['a new password', async () => [`/users/${(await server.createUser()).id}/password`, { password: 'long enough' }]],
    ['a user who is disabled', async () => [`/users/${(await server.createUser()).id}/disable`, undefined]],
    ['an ending', async () => ['/revocations', { user_id: (await server.createUser()).id }]],
    ['keys', async () => ['/keys/rotate', undefined]],
  ])('holds for %s', async (_, prepare) => {
    const [path, body] = await prepare()
    const key = randomUUID()
    const first = await send(path, body, key)
    expect(first.status).toBeLessThan(300)
    const events = await count('audit_events', [])
    const again = await send(path, body, key)
    expect(again.status).toBe(first.status)
    expect(again.body).toEqual(first.body)
    expect([replayed(first), replayed(again)]).toEqual([null, 'true'])
    expect(await count('audit_events', [])).toBe(events)
  })

  it('is free again after a refusal, also for another request', async () => {
    const key = randomUUID()
    await server.admin('POST', '/clients', { ...web, client_id: 'taken' })
    expect((await send('/clients', { ...web, client_id: 'taken' }, key)).status).toBe(409)
    expect((await send('/clients', { ...web, client_name: 'right' }, key)).status).toBe(201)
  })

  it('is free again after a failure', async () => {
    const key = randomUUID()
    const { id } = await server.createUser()
    const failed = await during('select from users where id = $1 for update', [id], () =>
      send(`/users/${id}/disable`, undefined, key),
    )
    expect(failed.status).toBe(503)
    const second = await send(`/users/${id}/disable`, undefined, key)
    expect([second.status, replayed(second)]).toEqual([200, null])
  })

  it.each(['', 'a b', 'a,b', '"', 'ä', 'x'.repeat(256), '"a", "b"'])('refuses the key %j', async (key) => {
    expect((await send('/clients', web, key)).body).toMatchObject({
      status: 400,
      type: 'urn:falconer:problem:invalid-request',
    })
  })

  it('may be a text of Structured Fields: the quotes do not count', async () => {
    const key = randomUUID()
    const first = await send('/clients', web, `"${key}"`)
    expect((await send('/clients', web, key)).body).toEqual(first.body)
  })
})

describe('a process that dies in between', () => {
  it('before the answer is stored: neither the effect nor the answer is there', async () => {
    const key = randomUUID()
    const name = `killed ${key}`
    // The effect is written, and its answer waits; then its connection is cut.
    await server.db.query(`create or replace function test_wait() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock(4711); return new; end $$`)
    await server.db.query(
      `create trigger test_waits before update on idempotency_keys for each row execute function test_wait()`,
    )
    try {
      await during('select pg_advisory_xact_lock(4711)', [], async () => {
        const asked = send('/clients', { ...web, client_name: name }, key)
        const pid = await whenWaiting('update idempotency_keys set answer')
        expect((await send('/clients', { ...web, client_name: name }, key, other)).status).toBe(409)
        await server.db.query('select pg_terminate_backend($1)', [pid])
        expect((await asked).status).toBeGreaterThanOrEqual(500)
      })
    } finally {
      await server.db.query('drop trigger test_waits on idempotency_keys')
    }
    expect(await count(`clients where metadata ->> 'client_name' = $1`, [name])).toBe(0)
    const again = await send('/clients', { ...web, client_name: name }, key)
    expect([again.status, replayed(again)]).toEqual([201, null])
    expect(await count(`clients where metadata ->> 'client_name' = $1`, [name])).toBe(1)
  })

  it('whoever lost the claim meanwhile does nothing', async () => {
    const key = randomUUID()
    const name = `late ${key}`
    // The name of the new client is taken by a transaction that has not ended: the request waits for it with its claim.
    const taken = `insert into clients (client_id) values ('contended')`
    const late = await during(taken, [], async (end) => {
      const asked = send('/clients', { ...web, client_id: 'contended', client_name: name }, key)
      await whenWaiting('insert into "clients"')
      await server.db.query('update idempotency_keys set claim = gen_random_uuid() where key = $1', [key])
      await end()
      return asked
    })
    expect(late.body['type']).toBe('urn:falconer:problem:idempotency-key-in-use')
    expect(await count(`clients where metadata ->> 'client_name' = $1`, [name])).toBe(0)
  })

  it('leaves a claim that others take over when its time is up', async () => {
    const key = randomUUID()
    const { id } = await server.createUser()
    const first = await send('/revocations', { user_id: id }, key)
    // An ending is stored before its answer: the process died between the two.
    await server.db.query('update idempotency_keys set answer = null where key = $1', [key])
    expect((await send('/revocations', { user_id: id }, key)).status).toBe(409)
    await server.wait(91)
    expect((await send('/revocations', { user_id: 'another' }, key)).status).toBe(422)
    const answers = await Promise.all([server, other].map((at) => send('/revocations', { user_id: id }, key, at)))
    const done = answers.filter((answer) => answer.status === 200 && replayed(answer) === null)
    expect(done).toHaveLength(1)
    expect(Number(done[0]?.body['position'])).toBeGreaterThan(Number(first.body['position']))
    expect(replayed(await send('/revocations', { user_id: id }, key))).toBe('true')
  })
})

describe('the answers', () => {
  it('are kept for a day, and then cleaned up', async () => {
    const key = randomUUID()
    const first = await send('/clients', web, key)
    await server.wait(86_400 - 60)
    await cleanUp()
    expect((await send('/clients', web, key)).body).toEqual(first.body)
    await server.wait(120)
    await cleanUp()
    expect(await count('idempotency_keys where key = $1', [key])).toBe(0)
  })
})

async function cleanUp(): Promise<void> {
  const round = createCleanup({
    db: server.server.tools.db,
    retention: { sessionDays: 7, auditDays: 400 },
    observer: { batch: () => {}, round: () => {} },
    logger: pino({ level: 'silent' }),
    signal: new AbortController().signal,
  })
  await round()
}
