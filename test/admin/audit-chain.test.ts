import { pino } from 'pino'
import { beforeEach, describe, expect, it } from 'vitest'
import { sealAuditEvents } from '../../src/admin/audit-sealing.ts'
import { createCleanup } from '../../src/cleanup.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { testMasterKeys } from '../support/template.ts'

interface Verification {
  readonly outcome: string
  readonly broken: {
    kind: string
    seal: number
    month: string | null
    place: number | null
    event_id: string | null
  } | null
  readonly verified: { seals: number; events: number; erased_events: number; late_events: number }
  readonly dropped: { events: number; through: string } | null
  readonly unsealed: { events: number; oldest_at: string | null }
  readonly head: string | null
  readonly next_cursor: string | null
}

let server: TestServer
beforeEach(async () => {
  server = await startServer()
  return () => server.close()
})

/** Seals all, beyond the rest between two seals. */
const seal = async (from: TestServer = server) => {
  await server.wait(6)
  return sealAuditEvents(from.server.tools)
}
const write = (type: string, more = '') =>
  server.db.query<{ id: string }>(
    `insert into audit_events (type, actor, user_id, ip, detail) select $1, 'user:x', '00000000-0000-7000-8000-000000000001', '192.0.2.7',
       jsonb_build_object('username', 'alice', 'n', n) from generate_series(1, 5) n ${more} returning id`,
    [type],
  )
const verify = async (since?: string): Promise<Verification> => {
  let query = since === undefined ? '' : `?since=${since}`
  for (;;) {
    const { status, body } = await server.admin<Verification>('GET', `/audit-events/verification${query}`)
    expect(status).toBe(200)
    if (body.outcome !== 'continues') return body
    query = `?cursor=${encodeURIComponent(body.next_cursor ?? '')}`
  }
}
/** Three seals: of the start, of `first` and of `second`. */
const threeSeals = async () => {
  await seal()
  await write('first')
  await seal()
  await write('second')
  await seal()
}

describe('the audit chain', () => {
  it('is intact, says what is not under a seal yet, and has a head to be noted', async () => {
    expect(await verify()).toMatchObject({ outcome: 'intact', head: null, verified: { seals: 0 } })
    await threeSeals()
    const sealed = await verify()
    expect(sealed).toMatchObject({ outcome: 'intact', broken: null, verified: { seals: 3 }, unsealed: { events: 0 } })
    await write('third')
    expect(await verify()).toMatchObject({ outcome: 'intact', verified: sealed.verified, unsealed: { events: 5 } })
    await seal()
    expect((await verify()).verified.events).toBe(sealed.verified.events + 5)
    expect(await verify(sealed.head ?? '')).toMatchObject({ outcome: 'intact', verified: { seals: 1, events: 5 } })
  })

  it('is checked in steps', async () => {
    await server.db.query(`insert into audit_events (type) select 'many' from generate_series(1, 10500)`)
    await server.wait(6)
    expect(await sealAuditEvents(server.server.tools)).toBeGreaterThanOrEqual(10_500)
    const first = await server.admin<Verification>('GET', '/audit-events/verification')
    expect(first.body).toMatchObject({ outcome: 'continues', broken: null })
    expect(await verify()).toMatchObject({ outcome: 'intact' })
    expect((await verify()).verified.events).toBeGreaterThanOrEqual(10_500)
    const foreign = await server.admin('GET', '/audit-events/verification?cursor=abc.def')
    expect(foreign).toMatchObject({ status: 400 })
  })

  it.each<[string, string, Partial<NonNullable<Verification['broken']>>]>([
    [
      'a changed reason',
      `update audit_events set reason = 'other' where id = $1`,
      { kind: 'changed_event', seal: 2, place: 3 },
    ],
    [
      'a changed time',
      `update audit_events set at = at + interval '1 microsecond' where id = $1`,
      { kind: 'changed_event', seal: 2, place: 3 },
    ],
    [
      'a changed detail',
      `update audit_events set detail = detail || '{"n": 7}' where id = $1`,
      { kind: 'changed_event', seal: 2, place: 3 },
    ],
    [
      'a changed address',
      `update audit_events set ip = '192.0.2.8' where id = $1`,
      { kind: 'changed_event', seal: 2, place: 3 },
    ],
    [
      'another name',
      `update audit_events set detail = detail || '{"username": "bob"}' where id = $1`,
      { kind: 'changed_event', seal: 2, place: 3 },
    ],
    [
      'a person put in where one was erased',
      `update audit_events set ip = '192.0.2.9', salt = null, personal_hash = sha256(uuid_send(salt) || convert_to(audit_personal_part(ip, detail), 'UTF8')) where id = $1`,
      { kind: 'changed_event', seal: 2, place: 3 },
    ],
    ['a deleted event', `delete from audit_events where id = $1`, { kind: 'missing_event', seal: 2, place: 3 }],
    [
      'an event that is taken out of its seal',
      `update audit_events set seal = null, place = null, mac = null where id = $1`,
      { kind: 'missing_event', seal: 2, place: 3 },
    ],
    [
      'an event under another seal',
      `update audit_events set seal = 3 where id = $1`,
      { kind: 'missing_event', seal: 2, place: 3 },
    ],
    [
      'two that change places',
      `update audit_events set place = 7 - place where seal = 2 and (id = $1 or place = 4)`,
      { kind: 'changed_event', seal: 2, place: 3 },
    ],
    [
      'an event that is put in',
      `insert into audit_events (type, seal, place, mac) select 'forged', seal, place, mac from audit_events where id = $1`,
      { kind: 'unknown_event', seal: 2, place: 3 },
    ],
    [
      'an event behind the last of a seal',
      `insert into audit_events (type, seal, place, mac) select 'forged', seal, 6, mac from audit_events where id = $1`,
      { kind: 'unknown_event', seal: 2, place: 6 },
    ],
    [
      'a seal without events, deleted',
      `with s as (delete from audit_seals where n = 2 and $1::uuid is not null) delete from audit_events where seal = 2`,
      { kind: 'missing_seal', seal: 2 },
    ],
    [
      'a deleted seal',
      `delete from audit_seals where n = 2 and $1::uuid is not null`,
      { kind: 'missing_seal', seal: 2 },
    ],
    [
      'a seal that counts fewer',
      `with s as (update audit_seals set events = 4 where n = 2) delete from audit_events where id = $1`,
      { kind: 'changed_seal', seal: 2 },
    ],
    [
      'a seal of another month',
      `update audit_seals set month = '2020-01-01' where n = 2 and $1::uuid is not null`,
      { kind: 'changed_seal', seal: 2 },
    ],
    [
      'seals that change places',
      `update audit_seals set n = case n when 2 then 3 else 2 end where n in (2, 3) and $1::uuid is not null`,
      { kind: 'changed_seal', seal: 2 },
    ],
    [
      'a last seal that is cut off',
      `delete from audit_seals where n = 3 and $1::uuid is not null`,
      { kind: 'missing_seal', seal: 3 },
    ],
    ['another key', `update server set audit_key = null where $1::uuid is not null`, { kind: 'changed_seal', seal: 1 }],
  ])('finds %s', async (what, tampering, found) => {
    await threeSeals()
    const [third] = await server.db.query<{ id: string }>('select id from audit_events where seal = 2 and place = 3')
    if (what === 'seals that change places')
      await server.db.query('alter table audit_seals drop constraint audit_seals_pkey')
    await server.db.query(tampering, [third?.id])
    const reading = what === 'another key' ? await server.another() : server
    const { body } = await reading.admin<Verification>('GET', '/audit-events/verification')
    expect(body).toMatchObject({ outcome: 'broken', broken: found })
    if (found.kind !== 'missing_seal' && found.kind !== 'changed_seal')
      expect(body.broken?.month).toMatch(/^\d{4}-\d{2}$/)
    if (found.kind === 'changed_event' && what !== 'two that change places')
      expect(body.broken?.event_id).toBe(third?.id)
    if (reading !== server) await reading.close()
  })

  it('finds an end that was cut off and made anew by the head that was noted, and by nothing else', async () => {
    await threeSeals()
    const { head } = await verify()
    await server.db.query(`delete from audit_seals where n = 3`)
    await server.db.query(`delete from audit_events where seal = 3 and place = 1`)
    await server.db.query(`update audit_events set seal = null, place = null, mac = null where seal = 3`)
    await seal()
    expect(await verify()).toMatchObject({ outcome: 'intact' })
    expect(await verify(head ?? '')).toMatchObject({ outcome: 'broken', broken: { kind: 'unknown_head', seal: 3 } })
  })

  it('finds a seal that is right but follows another one than it was made for', async () => {
    await threeSeals()
    await server.db.query('create table kept_events as select * from audit_events where seal = 3')
    await server.db.query('create table kept_seal as select * from audit_seals where n = 3')
    await server.db.query('delete from audit_events where seal = 3 or (seal = 2 and place = 1)')
    await server.db.query('delete from audit_seals where n > 1')
    await server.db.query('update audit_events set seal = null, place = null, mac = null where seal = 2')
    // The server makes another second seal; then the third is put back.
    await seal()
    await server.db.query('insert into audit_events select * from kept_events')
    await server.db.query('insert into audit_seals select * from kept_seal')
    expect(await verify()).toMatchObject({ outcome: 'broken', broken: { kind: 'changed_seal', seal: 3 } })
  })

  it('tells of events that say that they are much older than their seal', async () => {
    await write('first')
    await seal()
    await server.db.query(`insert into audit_events (type, at) values ('backdated', clock_now() - interval '2 hours')`)
    await seal()
    expect(await verify()).toMatchObject({ outcome: 'intact', verified: { late_events: 1 } })
  })

  it('stays intact when a user is erased, before and after the events are sealed', async () => {
    const { id } = await server.createUser()
    const events = (column: string) =>
      server.db.query<{ value: string | null }>(`select ${column} as value from audit_events where user_id = $1`, [id])
    const about = `insert into audit_events (type, user_id, ip, detail) values ($2, $1, '192.0.2.7', '{"username": "alice", "n": 1}')`
    await server.db.query(about, [id, 'first'])
    await seal()
    await server.db.query(about, [id, 'second'])
    // Erasing one that came before the chain: it has no salt.
    await server.db.query(about, [id, 'third'])
    await server.db.query(`update audit_events set salt = null where type = 'third'`)
    expect((await server.admin('DELETE', `/users/${id}`)).status).toBe(204)
    expect(await events(`detail ->> 'username'`)).not.toContainEqual({ value: 'alice' })
    expect(await events('ip')).not.toContainEqual({ value: '192.0.2.7' })
    await seal()
    const { outcome, verified } = await verify()
    expect([outcome, verified.erased_events >= 3]).toEqual(['intact', true])
    const hidden = await server.db.query(
      `select salt from audit_events where user_id = $1 and personal_hash is not null and salt is not null`,
      [id],
    )
    expect(hidden).toEqual([])
    // What is left of it is still bound.
    await server.db.query(`update audit_events set detail = '{"n": 2}' where user_id = $1 and type = 'first'`, [id])
    expect(await verify()).toMatchObject({ broken: { kind: 'changed_event' } })
  })

  it('stays intact when the retention drops a month, and only then', async () => {
    await threeSeals()
    const { verified } = await verify()
    await server.wait(45 * 86_400)
    await server.db.query('select make_audit_partitions()')
    await write('later')
    await seal()
    // A partition that is made later erases like the others.
    await server.db.query(`update audit_events set ip = null, detail = detail - 'username' where type = 'later'`)
    expect(await verify()).toMatchObject({ outcome: 'intact', verified: { erased_events: 5 } })
    const [{ month } = { month: '' }] = await server.db.query<{ month: string }>(
      `select to_char(min(month), 'YYYY_MM') as month from audit_seals`,
    )
    const drop = `drop table audit_events_${month}`
    const copy = `create table kept as select * from audit_events_${month}`
    await server.db.query(copy)
    await server.db.query(drop)
    expect(await verify()).toMatchObject({ outcome: 'broken', broken: { kind: 'missing_event', seal: 1, place: 1 } })
    await server.db.query(
      `create table audit_events_${month} partition of audit_events for values from (to_date('${month}', 'YYYY_MM')) to (to_date('${month}', 'YYYY_MM') + interval '1 month')`,
    )
    await server.db.query(`insert into audit_events select * from kept`)
    expect(await verify()).toMatchObject({ outcome: 'intact' })
    await server.wait(400 * 86_400)
    await createCleanup({
      db: server.server.tools.db,
      retention: { sessionDays: 7, auditDays: 400 },
      observer: { batch: () => {}, round: () => {} },
      logger: pino({ level: 'silent' }),
      signal: new AbortController().signal,
    })()
    const after = await verify()
    expect(after).toMatchObject({
      outcome: 'intact',
      dropped: { events: verified.events, through: month.replace('_', '-') },
      verified: { seals: 4 },
    })
  })

  it('reads its key with new master keys, and goes on with it', async () => {
    await threeSeals()
    const { head } = await verify()
    const newKey = Buffer.alloc(32, 9).toString('base64url')
    const MASTER_KEYS = `${newKey},${testMasterKeys}`
    await (await server.another({ MASTER_KEYS })).close()
    const [row] = await server.db.query<{ key: Buffer }>('select audit_key as key from server')
    const later = await server.another({ MASTER_KEYS: newKey })
    expect(later.server.tools.seal.isCurrent(row?.key ?? Buffer.alloc(0))).toBe(true)
    await write('third')
    await seal(later)
    await later.close()
    expect(await verify(head ?? '')).toMatchObject({ outcome: 'intact', verified: { seals: 1 } })
  })
})
