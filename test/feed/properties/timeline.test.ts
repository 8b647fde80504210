import fs from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Database, openDatabase } from '../../../src/store/database.ts'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../../src/store/embedded-postgres.ts'
import { end } from '../../../src/store/end.ts'
import { readFeed } from '../../../src/store/feed.ts'
import { migrate } from '../../../src/store/migrate.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'
import { connect, testDirectory } from '../../support/global-setup.ts'
import { startOn, type TestServer } from '../../support/server.ts'
import { at, claimsOf } from '../../support/tokens.ts'
import { signInAt } from './sign-in-at.ts'

const someId = '0190a000-0000-7000-8000-000000000000'
const context = { reason: 'admin', actor: { id: 'test' }, feedKey: () => Buffer.alloc(8) } as const

interface Head {
  seq: number
  base: number
  epoch: string
  lineage: string
}
const headOf = async ({ query }: Pick<TestDatabase, 'query'>) =>
  (
    await query<Head & Record<string, unknown>>(
      'select seq::float8 as seq, coalesce(bases[cardinality(bases)], 0)::float8 as base, epoch, lineage from feed_head',
    )
  )[0] as Head
/** Beyond all that was drawn until a second ago, had there been two million a second since 1970. */
const leastBase = () => Math.floor(Date.now() / 1000 - 1) * 2_097_152

describe('a database that drew its last position as another cluster', () => {
  let test: TestDatabase
  let db: Database
  beforeAll(async () => {
    test = await createDatabase()
    db = openDatabase({ url: test.url, poolSize: 2, preparedStatements: true, onIdleError: () => {} })
  })
  afterAll(async () => {
    await db.close()
    await test.drop()
  })
  const endSomething = async () => {
    const [{ id } = { id: someId }] = await test.query<{ id: string }>('select gen_random_uuid() as id')
    const ended = await end(db, { target: 'jti', id }, context)
    return ended?.position ?? 0
  }
  const becomeAnother = (timeline: number) => test.query('update feed_head set lineage = $1', [`1/0000000${timeline}`])

  it('counts from one, and goes on counting, as long as it is the same', async () => {
    expect([await endSomething(), await endSomething(), await endSomething()]).toEqual([1, 2, 3])
    expect(await headOf(test)).toMatchObject({ base: 0, seq: 3 })
  })

  it('the next ending goes beyond all positions that can ever have been drawn, in another epoch', async () => {
    const before = await headOf(test)
    await becomeAnother(1)
    const position = await endSomething()
    const after = await headOf(test)
    expect(after.base).toBeGreaterThanOrEqual(leastBase())
    expect(position).toBe(after.base + 1)
    expect(Number.isSafeInteger(position)).toBe(true)
    expect(after.epoch).not.toBe(before.epoch)
    expect(await endSomething()).toBe(position + 1)
    const read = await readFeed(db, 0, 100)
    expect(read.entries.map(([one]) => one)).toEqual([1, 2, 3, position, position + 1])
  })

  it('so does whoever looks first; a reader from before goes on from where it stood without a hole', async () => {
    const before = await headOf(test)
    await becomeAnother(2)
    const page = await readFeed(db, before.seq, 100)
    const after = await headOf(test)
    expect(page).toMatchObject({ head: after.base, to: after.base, entries: [], epoch: after.epoch.slice(0, 8) })
    expect(after.base).toBeGreaterThan(before.seq)
    expect(after.epoch).not.toBe(before.epoch)
    const position = await endSomething()
    expect(position).toBe(after.base + 1)
    expect((await readFeed(db, before.seq, 100)).entries.map(([one]) => one)).toEqual([position])
  })

  it('two of them within the life of an entry: whoever begins anew reads across both', async () => {
    const rows = await test.query<{ seq: string }>('select seq from feed_entries order by seq')
    const all = rows.map(({ seq }) => Number(seq))
    expect(all).toEqual([1, 2, 3, expect.any(Number), expect.any(Number), expect.any(Number)])
    expect((await readFeed(db, 0, 100)).entries.map(([position]) => position)).toEqual(all)
    expect((await readFeed(db, 2, 100)).entries.map(([position]) => position)).toEqual(all.slice(2))
  })

  it('many who look at once change the epoch once', async () => {
    const after = (await headOf(test)).seq
    await becomeAnother(3)
    const pages = await Promise.all(Array.from({ length: 10 }, () => readFeed(db, after, 100)))
    expect(new Set(pages.map(({ epoch }) => epoch)).size).toBe(1)
    expect(new Set(pages.map(({ head }) => head)).size).toBe(1)
  })
})

describe('a PostgreSQL that was brought back on a new timeline', () => {
  let directory: string
  let postgres: EmbeddedPostgres
  let server: TestServer
  beforeAll(async () => {
    directory = fs.mkdtempSync(path.join(testDirectory(), 'falconer-timeline-'))
    postgres = await startEmbeddedPostgres(directory)
    await migrate(postgres.url(), { ephemeral: true })
    server = await startOn(databaseAt(postgres.url()), {})
  })
  afterAll(async () => {
    await server.close()
    await postgres.stop()
    fs.rmSync(directory, { recursive: true, force: true })
  })

  it('an ending after it ends a token from before, and no other epoch was ever like it', async () => {
    const client = await server.createClient()
    const user = await server.createUser()
    const other = await server.createUser()
    await server.admin('POST', '/revocations', { user_id: other.id })
    const { access_token: token } = await client.tokens({ username: user.username })
    const before = await headOf(server.db)
    expect(claimsOf(token).rvp).toBe(before.seq)

    const issuer = server.server.tools.issuer
    await server.close()
    await postgres.stop()
    recoverOnNewTimeline(path.join(directory, 'postgres/data'))
    postgres = await startEmbeddedPostgres(directory)
    server = await startOn(databaseAt(postgres.url()), { ISSUER: issuer })

    const { isActive } = at(server, client)
    expect(await isActive(token), 'nothing was ended yet').toBe(true)
    const { status, body } = await server.admin<{ position: number }>('POST', '/revocations', { user_id: user.id })
    expect(status).toBe(200)
    const after = await headOf(server.db)
    expect(body.position).toBe(after.base + 1)
    expect(after.base).toBeGreaterThanOrEqual(leastBase())
    expect(after.epoch).not.toBe(before.epoch)
    expect(after.lineage).not.toBe(before.lineage)
    expect(claimsOf(token).rvp).toBeLessThan(body.position)
    expect(await isActive(token)).toBe(false)
    const again = await signInAt(server, client, user.username)
    expect(claimsOf(again.access_token).rvp).toBe(body.position)
    expect(await isActive(again.access_token)).toBe(true)
  })
})

/** As after a restore from a base backup: recovery to the end of what is there, and then a timeline of its own. */
function recoverOnNewTimeline(data: string): void {
  const { uid, gid } = fs.statSync(data)
  const signal = path.join(data, 'recovery.signal')
  fs.writeFileSync(signal, '')
  fs.chownSync(signal, uid, gid)
  fs.appendFileSync(path.join(data, 'postgresql.auto.conf'), `restore_command = 'false'\nhot_standby = off\n`)
}

function databaseAt(url: string): TestDatabase {
  const query: TestDatabase['query'] = async (text, values) => {
    const client = await connect(url)
    try {
      return (await client.query(text, values)).rows
    } finally {
      await client.end()
    }
  }
  const unused = async () => {}
  return { url, query, noticeDeadlocks: unused, advance: unused, drop: unused }
}
