import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { migrate } from '../../src/store/migrate.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { connect } from '../support/global-setup.ts'

const own = new URL('../../migrations', import.meta.url).pathname
const files = fs.readdirSync(own).filter((file) => file.endsWith('.sql'))

let database: TestDatabase
let folder: string

beforeEach(async () => {
  database = await createDatabase()
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'falconer-migrations-'))
  fs.cpSync(own, folder, { recursive: true })
})

afterEach(async () => {
  fs.rmSync(folder, { recursive: true })
  await database.drop()
})

/** An empty database: what the template had is gone. */
const empty = () => database.query('drop schema public cascade; create schema public')

async function fresh(query: string): Promise<unknown> {
  const client = await connect(database.url)
  const { rows } = await client.query(query)
  await client.end()
  return rows
}

describe('migrating', () => {
  it('applies every file once, in the order of their names', async () => {
    await empty()
    const names = files.map((file) => file.replace('.sql', '')).sort()
    expect(await migrate(database.url)).toMatchObject({ applied: names, total: names.length })
    expect(await migrate(database.url)).toMatchObject({ applied: [], total: names.length })
  })

  it('is done by one of two instances that start at once', async () => {
    await empty()
    const results = await Promise.all([migrate(database.url), migrate(database.url), migrate(database.url)])
    expect(results.flatMap((result) => result.applied)).toHaveLength(files.length)
    expect(results.filter((result) => result.applied.length > 0)).toHaveLength(1)
  })

  it('applies a later file to an older database', async () => {
    fs.writeFileSync(path.join(folder, '9000_more.sql'), 'create table more (id int); create table and_more (id int);')
    expect((await migrate(database.url, { folder })).applied).toEqual(['9000_more'])
    expect(await database.query('select from more, and_more')).toEqual([])
  })

  it('names the file and the line of a mistake, and leaves nothing of the attempt', async () => {
    fs.writeFileSync(path.join(folder, '9000_good.sql'), 'create table more (id int);')
    fs.writeFileSync(path.join(folder, '9001_bad.sql'), 'create table even_more (id int);\n\nselect nonsense;\n')
    await expect(migrate(database.url, { folder })).rejects.toThrow(
      'Migration 9001_bad.sql:3 failed, and nothing was changed: column "nonsense" does not exist',
    )
    expect(await database.query(`select to_regclass('more') as more, to_regclass('even_more') as even_more`)).toEqual([
      { more: null, even_more: null },
    ])
  })

  it('refuses a database that a newer release migrated', async () => {
    fs.writeFileSync(path.join(folder, '9000_more.sql'), 'create table more (id int);')
    await migrate(database.url, { folder })
    await expect(migrate(database.url)).rejects.toThrow(
      'newer than this release, which does not know its migrations 9000_more',
    )
  })

  it('needs no superuser, only the owner of the database', async () => {
    await empty()
    const [row] = await database.query<{ name: string }>('select current_database() as name')
    const role = `${row?.name}_owner`
    await database.query(`create role ${role} login password 'for-this-test-only'`)
    await database.query(`alter database ${row?.name} owner to ${role}; alter schema public owner to ${role}`)
    const url = new URL(database.url)
    url.username = role
    url.password = 'for-this-test-only'
    expect((await migrate(url.href)).applied).toHaveLength(files.length)
    const owner = await connect(url.href)
    expect((await owner.query('show statement_timeout')).rows).toEqual([{ statement_timeout: '2s' }])
    await owner.end()
    await database.query(`reassign owned by ${role} to current_user; drop owned by ${role}; drop role ${role}`)
  })

  it('gives up on a table that somebody holds, rather than making every request wait behind it', async () => {
    fs.writeFileSync(
      path.join(folder, '9000_more.sql'),
      `set local lock_timeout = '100ms'; alter table users add more int;`,
    )
    const holder = await connect(database.url)
    await holder.query('begin; lock table users in access share mode')
    await expect(migrate(database.url, { folder })).rejects.toThrow('9000_more.sql failed')
    await holder.query('rollback')
    await holder.end()
    expect((await migrate(database.url, { folder })).applied).toEqual(['9000_more'])
  })
})

describe('the settings of the role in the database', () => {
  const settings = `select current_setting('jit') as jit, current_setting('plan_cache_mode') as plan_cache_mode, current_setting('enable_seqscan') as enable_seqscan,
    current_setting('lock_timeout') as lock_timeout, current_setting('statement_timeout') as statement_timeout`
  const wanted = {
    jit: 'off',
    plan_cache_mode: 'force_generic_plan',
    enable_seqscan: 'off',
    lock_timeout: '1s',
    statement_timeout: '2s',
  }
  const reset = async () => {
    const [row] = await database.query<{ name: string }>('select current_database() as name')
    await database.query(`alter database ${row?.name} reset all`)
    return row?.name
  }

  it('are those of short, known statements from the next connection on', async () => {
    await reset()
    expect(await fresh(settings)).not.toEqual([wanted])
    await Promise.all([migrate(database.url), migrate(database.url)])
    expect(await fresh(settings)).toEqual([wanted])
  })

  it('stay what an operator set for the role or the database', async () => {
    const name = await reset()
    await database.query(`alter database ${name} set statement_timeout = '7s'`)
    await database.query(`alter role current_user in database ${name} set lock_timeout = '3s'`)
    await migrate(database.url)
    expect(await fresh(settings)).toEqual([{ ...wanted, statement_timeout: '7s', lock_timeout: '3s' }])
  })

  it('have the one isolation level under which an ending sees what it waited for, whatever an operator set', async () => {
    const name = await reset()
    await database.query(`alter database ${name} set default_transaction_isolation = 'repeatable read'`)
    await database.query(
      `alter role current_user in database ${name} set default_transaction_isolation = 'serializable'`,
    )
    await migrate(database.url)
    expect(await fresh('show default_transaction_isolation')).toEqual([
      { default_transaction_isolation: 'read committed' },
    ])
  })

  it('come with a warning where PostgreSQL may lose what it confirmed', async () => {
    const [row] = await database.query<{ name: string }>('select current_database() as name')
    await database.query(`alter database ${row?.name} set synchronous_commit = off`)
    const { warnings } = await migrate(database.url)
    expect(warnings).toContainEqual(expect.stringContaining('synchronous_commit = off'))
    expect((await migrate(database.url, { ephemeral: true })).warnings).toEqual([])
  })
})

describe('the clock and the ids', () => {
  it('makes UUIDs of version 7 that carry the moved clock', async () => {
    await database.advance(86_400)
    const [row] = await database.query<{ id: string; now: Date; real: Date }>(
      'select new_id() as id, clock_now() as now, now() as real',
    )
    const { id, now, real } = row!
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(now.getTime() - real.getTime()).toBe(86_400_000)
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(now.getTime())
  })

  it('makes the defaults of columns follow the clock', async () => {
    await database.advance(-3600)
    const [row] = await database.query<{ hour: boolean }>(
      `insert into users (username, username_norm) values ('a', 'a') returning created_at = now() - interval '1 hour' as hour`,
    )
    expect(row).toEqual({ hour: true })
  })

  it('makes ids that differ within one statement', async () => {
    const [row] = await database.query('select count(distinct new_id())::int as n from generate_series(1, 1000)')
    expect(row).toEqual({ n: 1000 })
  })
})

describe('the partitions of the audit events', () => {
  const covered = `select to_regclass('audit_events_' || to_char(clock_now() at time zone 'UTC' + interval '40 days', 'YYYY_MM'))
    is not null as covered`

  it('reach 40 days ahead, and are made once', async () => {
    expect(await database.query(covered)).toEqual([{ covered: true }])
    expect(await database.query('select make_audit_partitions() as made')).toEqual([{ made: 0 }])
  })

  it('are made by one of two instances', async () => {
    await database.advance(100 * 86_400)
    expect(await database.query(covered)).toEqual([{ covered: false }])
    const made = await Promise.all([1, 2].map(() => database.query('select make_audit_partitions() as made')))
    expect(made.flat().filter((row) => row['made'] > 0)).toHaveLength(1)
    expect(await database.query(covered)).toEqual([{ covered: true }])
  })

  it('are not needed for an event to be kept', async () => {
    await database.advance(100 * 86_400)
    await database.query(`insert into audit_events (type) values ('test')`)
    const where = async () => {
      const text = `select tableoid::regclass::text as partition from audit_events where type = 'test'`
      return (await database.query<{ partition: string }>(text)).map(({ partition }) => partition)
    }
    expect(await where()).toEqual(['audit_events_default'])
    await database.query('select make_audit_partitions()')
    expect(await where()).toEqual([expect.stringMatching(/^audit_events_\d{4}_\d{2}$/)])
  })
})
