import { Client } from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCleanup } from '../../src/cleanup.ts'
import { dropAuditPartition } from '../../src/store/audit-partitions.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ CLEANUP_INTERVAL_SECONDS: '3600' })
})
afterAll(() => server.close())

const day = 24 * 3600
const cleanUp = () =>
  createCleanup({
    db: server.server.tools.db,
    retention: { sessionDays: 7, auditDays: 400 },
    observer: { batch: () => {}, round: () => {} },
    logger: pino({ level: 'silent' }),
    signal: new AbortController().signal,
  })()
const partitions = async () =>
  (
    await server.db.query<{ name: string }>(
      `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'audit_events'::regclass order by 1`,
    )
  ).map(({ name }) => name)
const warnings = async (): Promise<unknown> => {
  const answer = await fetch(`${server.url}/readyz`)
  return [answer.status, await answer.json()]
}

describe('the audit', () => {
  it('warns when the partition of a month ahead is missing, and serves on', async () => {
    expect(await warnings()).toEqual([200, { status: 'ok' }])
    // More than a month beyond those that were made, whatever day it is.
    await server.wait(42 * day)
    expect(await warnings()).toEqual([200, { status: 'ok', warnings: ['audit_partition_missing'] }])
    await server.db.query('select make_audit_partitions()')
    expect(await warnings()).toEqual([200, { status: 'ok' }])
  })

  it('drops a month when its last event is older than the audit is kept', async () => {
    const [oldest] = await partitions()
    const [{ ends } = { ends: new Date(0) }] = await server.db.query<{ ends: Date }>(
      `select (to_date(right($1, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC' as ends`,
      [oldest],
    )
    const [{ now } = { now: new Date(0) }] = await server.db.query<{ now: Date }>('select clock_now() as now')
    await server.wait((ends.getTime() - now.getTime()) / 1000 + 400 * day - 60)
    await server.db.query('select make_audit_partitions()')
    const all = await partitions()
    await cleanUp()
    expect(await partitions()).toEqual(all)
    await server.wait(120)
    await cleanUp()
    expect(await partitions()).toEqual(all.slice(1))
    await server.createUser()
    expect((await server.db.query(`select from audit_events where type = 'user.created'`)).length).toBeGreaterThan(0)
  })

  it('waits for nobody long: a drop that gets no lock lets the events of others pass, and happens later', async () => {
    await server.wait(31 * day)
    const before = await partitions()
    const reader = new Client({ connectionString: server.db.url })
    const other = new Client({ connectionString: server.db.url })
    await Promise.all([reader.connect(), other.connect()])
    try {
      await reader.query('begin')
      await reader.query('select count(*) from audit_events')
      // Whatever else the role allows, it gives up by itself.
      await other.query('set lock_timeout = 0; set statement_timeout = 0')
      await expect(other.query('select drop_audit_partition(400)')).rejects.toMatchObject({ code: '55P03' })
      const refused = expect(cleanUp()).rejects.toMatchObject({ name: 'Unavailable' })
      const { status } = await server.admin('POST', '/users', { username: `during-the-drop` })
      expect(status).toBe(201)
      await refused
      expect(await partitions()).toEqual(before)
      await reader.query('commit')
    } finally {
      await Promise.all([reader.end(), other.end()])
    }
    await cleanUp()
    expect((await partitions()).length).toBeLessThan(before.length)
  })

  it('is dropped month by month, each once, by however many instances at a time', async () => {
    await cleanUp()
    const months = ['2020_01', '2020_02', '2020_03', '2020_04', '2020_05', '2020_06'].map(
      (month) => `audit_events_${month}`,
    )
    for (const [i, month] of months.slice(0, -1).entries())
      await server.db.query(
        `create table ${month} partition of audit_events for values from ('2020-0${i + 1}-01Z') to ('2020-0${i + 2}-01Z')`,
      )
    const { db } = server.server.tools
    const dropped: string[] = []
    for (let round = 0; round < months.length; round++) {
      const names = await Promise.all(Array.from({ length: 4 }, () => dropAuditPartition(db, 400)))
      dropped.push(...names.filter((name) => name !== undefined))
    }
    expect(dropped.sort()).toEqual(months.slice(0, -1))
  })

  it('leaves partitions alone that an operator hung there', async () => {
    await server.db.query(`
      create table audit_events_archive partition of audit_events for values from ('2001-01-01') to ('2002-01-01')`)
    await cleanUp()
    expect(await partitions()).toContain('audit_events_archive')
  })
})
