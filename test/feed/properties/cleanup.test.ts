import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { deleteDue } from '../../../src/store/cleanup.ts'
import { type Database, openDatabase } from '../../../src/store/database.ts'
import { end } from '../../../src/store/end.ts'
import { FeedHasHole, readFeed } from '../../../src/store/feed.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'

let test: TestDatabase
let db: Database
beforeAll(async () => {
  test = await createDatabase()
  db = openDatabase({ url: test.url, poolSize: 4, preparedStatements: true, onIdleError: () => {} })
})
afterAll(async () => {
  await db.close()
  await test.drop()
})

/** Position of the last entry before a test. */
let start = 0
beforeEach(async () => {
  start = (await readFeed(db, 0, 1)).head
  await test.query('delete from feed_entries')
  for (let count = 0; count < 6; count++) {
    const context = { reason: 'admin', actor: { id: 'test' }, feedKey: () => Buffer.alloc(8) } as const
    await end(db, { target: 'jti', id: randomUUID() }, context)
  }
})

const positions = async (after = 0) => (await readFeed(db, after, 100)).entries.map(([position]) => position - start)
const makeDue = (...some: number[]) =>
  test.query(`update feed_entries set until = clock_now() - interval '1 second' where seq = any($1)`, [
    some.map((position) => position + start),
  ])
const remove = (...some: number[]) =>
  test.query('delete from feed_entries where seq = any($1)', [some.map((position) => position + start)])
const clean = (limit = 100) =>
  deleteDue(db, 'feed_entries', { retention: { sessionDays: 1, auditDays: 1 }, limit, fromAt: null })

describe('the cleanup', () => {
  it('takes what is over from the beginning, and nothing that stands behind what is not', async () => {
    await makeDue(1, 2, 4, 6)
    expect((await clean()).deleted).toBe(2)
    expect(await positions()).toEqual([3, 4, 5, 6])
    expect((await clean()).deleted).toBe(0)
    await makeDue(3)
    expect((await clean()).deleted).toBe(2)
    expect(await positions()).toEqual([5, 6])
  })

  it('by two instances at once, and in small batches: still only from the beginning', async () => {
    await makeDue(1, 2, 3, 4, 6)
    while ((await Promise.all([clean(2), clean(2), clean(1)])).some(({ deleted }) => deleted > 0)) {
      const left = await positions()
      expect(left).toEqual([1, 2, 3, 4, 5, 6].slice(6 - left.length))
    }
    expect(await positions()).toEqual([5, 6])
  })

  it('of everything leaves a feed that says so', async () => {
    await makeDue(1, 2, 3, 4, 5, 6)
    expect((await clean()).deleted).toBe(6)
    expect(await readFeed(db, 0, 100)).toMatchObject({ head: start + 6, to: start + 6, entries: [] })
    expect(await readFeed(db, start + 6, 100)).toMatchObject({ to: start + 6, entries: [] })
  })
})

describe('a hole is noticed', () => {
  it.each([
    ['in the middle', [3]],
    ['before the last one', [5]],
    ['at the end', [6]],
    ['in all but the first', [2, 3, 4, 5, 6]],
  ])('%s', async (_, missing) => {
    await remove(...missing)
    await expect(readFeed(db, 0, 100)).rejects.toThrow(FeedHasHole)
    await expect(readFeed(db, start + 1, 100)).rejects.toThrow(FeedHasHole)
  })

  it('by whoever stands where the feed was shortened; the beginning it may miss who has nothing', async () => {
    await remove(1, 2, 3)
    await expect(readFeed(db, start + 1, 100)).rejects.toThrow(FeedHasHole)
    await expect(readFeed(db, start + 2, 100)).rejects.toThrow(FeedHasHole)
    expect(await positions(start + 3)).toEqual([4, 5, 6])
    expect(await positions()).toEqual([4, 5, 6])
  })

  it('by whoever stands before a feed that was shortened to nothing', async () => {
    await remove(1, 2, 3, 4, 5, 6)
    await expect(readFeed(db, start + 3, 100)).rejects.toThrow(FeedHasHole)
    expect(await positions(start + 6)).toEqual([])
  })

  it('at the boundary of a page, too', async () => {
    await remove(4)
    const page = await readFeed(db, 0, 3)
    expect(page.to).toBe(start + 3)
    await expect(readFeed(db, page.to, 3)).rejects.toThrow(FeedHasHole)
  })
})
