import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sealAuditEvents } from '../../src/admin/audit-sealing.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let other: TestServer
beforeAll(async () => {
  server = await startServer()
  other = await server.another()
})
afterAll(async () => {
  await other.close()
  await server.close()
})

/** A transaction that writes events and takes its time. */
async function slowWriter(type: string, ms: number, commit: boolean): Promise<void> {
  const client = new Client({ connectionString: server.db.url, options: '-c statement_timeout=0' })
  await client.connect()
  try {
    await client.query('begin')
    await client.query(`insert into audit_events (type) values ($1)`, [type])
    await sleep(ms)
    await client.query(`insert into audit_events (type) values ($1)`, [type])
    await client.query(commit ? 'commit' : 'rollback')
  } finally {
    await client.end()
  }
}

/** Seals on both instances until told to stop; every round is beyond the rest between two seals. */
async function keepSealing(until: AbortSignal): Promise<number[]> {
  const sealed = [0, 0]
  const run = async (instance: TestServer, index: number) => {
    while (!until.aborted) {
      await server.wait(6)
      sealed[index] = (sealed[index] ?? 0) + (await sealAuditEvents(instance.server.tools))
      await sleep(2)
    }
  }
  await Promise.all([run(server, 0), run(other, 1)])
  return sealed
}

describe('sealing', () => {
  it('puts every committed event under exactly one seal, however late it commits, on two instances at once', async () => {
    const stop = new AbortController()
    const sealing = keepSealing(stop.signal)
    const writers: Promise<void>[] = []
    for (let i = 0; i < 60; i++) {
      writers.push(slowWriter('slow', (i * 37) % 400, i % 5 !== 0))
      if (i % 4 === 0)
        await server.db.query(`insert into audit_events (type) select 'quick' from generate_series(1, 3)`)
      if (i % 10 === 9) await sleep(40)
    }
    await Promise.all(writers)
    stop.abort()
    const sealed = await sealing
    await server.wait(6)
    await sealAuditEvents(server.server.tools)

    const [counted] = await server.db.query<Record<string, number>>(`
      select count(*)::int as events, count(seal)::int as sealed, count(distinct (seal, place))::int as places,
        count(*) filter (where type = 'slow')::int as slow, count(distinct seal)::int as used,
        (select sum(events)::int from audit_seals) as promised, (select count(*)::int from audit_seals) as seals,
        (select max(n)::int from audit_seals) as last
      from audit_events`)
    const { events = 0 } = counted ?? {}
    expect(counted).toMatchObject({
      sealed: events,
      places: events,
      promised: events,
      slow: 96,
      seals: counted?.['last'],
    })
    expect(counted?.['used']).toBe(counted?.['seals'])
    expect(sealed.reduce((sum, n) => sum + n, 0)).toBeLessThanOrEqual(events)
    // Some did commit after a seal that is later than they are: otherwise nothing was tried.
    const [late] = await server.db.query<{ late: number }>(`
      select count(*)::int as late from audit_events e where exists (select from audit_seals s where s.n < e.seal and s.at > e.at)`)
    expect(late?.late).toBeGreaterThan(0)
    const { body } = await server.admin('GET', '/audit-events/verification')
    expect(body).toMatchObject({ outcome: 'intact', verified: { events } })
  })

  it('rests between two seals, so that many instances do not make a seal for every event', async () => {
    await server.wait(6)
    await sealAuditEvents(server.server.tools)
    await server.db.query(`insert into audit_events (type) values ('one')`)
    await server.wait(6)
    expect(await sealAuditEvents(server.server.tools)).toBe(1)
    await server.db.query(`insert into audit_events (type) values ('two')`)
    expect(await sealAuditEvents(other.server.tools)).toBe(0)
    await server.wait(6)
    expect(await sealAuditEvents(other.server.tools)).toBe(1)
  })

  it('happens by itself on every server', async () => {
    const quick = await server.another({ CLEANUP_INTERVAL_SECONDS: '1' })
    try {
      await server.db.query(`insert into audit_events (type) values ('by itself')`)
      await server.wait(6)
      const isSealed = async () =>
        (await server.db.query(`select from audit_events where type = 'by itself' and seal is not null`)).length === 1
      while (!(await isSealed())) await sleep(20)
    } finally {
      await quick.close()
    }
  })
})
