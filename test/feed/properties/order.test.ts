import { randomInt, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { FeedEntry } from '../../../src/domain/feed.ts'
import { type Database, openDatabase, type Queries } from '../../../src/store/database.ts'
import { type EndingContext, endIn } from '../../../src/store/end.ts'
import { readFeed } from '../../../src/store/feed.ts'
import { createDatabase, type TestDatabase } from '../../support/database.ts'

const writers = 8
/** Transactions of each writer. FALCONER_FEED_TRANSACTIONS=… for long runs by hand. */
const transactions = Number(process.env['FALCONER_FEED_TRANSACTIONS'] ?? 120)

let test: TestDatabase
let db: Database
beforeAll(async () => {
  test = await createDatabase()
  // A place in the line is waited for here much longer than the lock timeout of production would allow.
  const url = new URL(test.url)
  url.searchParams.set('options', '-c lock_timeout=0 -c statement_timeout=0')
  db = openDatabase({ url: url.href, poolSize: writers + 2, preparedStatements: false, onIdleError: () => {} })
  await test.query('create table naive (id bigserial primary key)')
})
afterAll(async () => {
  await db.close()
  await test.drop()
})

const context: EndingContext = { reason: 'admin', actor: { id: 'test' }, feedKey: () => Buffer.alloc(8) }
const pause = (mostMs: number) => sleep(Math.random() * mostMs)
const run = (tx: Queries, name: string, text: string) => tx.run({ name, text }, [])

class RolledBack extends Error {}

const lastEight = (id: string) => Buffer.from(id.replaceAll('-', ''), 'hex').subarray(8).toString('base64url')

/** One transaction of a few endings; some of them, or all, are undone. Answers what it has committed. */
async function endSome(): Promise<[number, string][]> {
  const committed: [number, string][] = []
  const endOne = async (tx: Queries) => {
    const id = randomUUID()
    const ended = await endIn(tx, { target: 'jti', id }, context)
    if (!ended) throw new Error('it was ended already')
    committed.push([ended.position, lastEight(id)])
  }
  try {
    await db.transaction(async (tx) => {
      await run(tx, 'naive', 'insert into naive default values')
      await pause(4)
      if (randomInt(4) === 0) {
        await run(tx, 'savepoint', 'savepoint here')
        await endOne(tx)
        await pause(2)
        const isUndone = randomInt(2) === 0
        await run(tx, 'savepoint_end', isUndone ? 'rollback to savepoint here' : 'release savepoint here')
        if (isUndone) committed.length = 0
      }
      await endOne(tx)
      if (randomInt(4) === 0) await endOne(tx)
      await pause(3)
      if (randomInt(5) === 0) throw new RolledBack()
    })
    return committed
  } catch (error) {
    if (error instanceof RolledBack) return []
    throw error
  }
}

it('nothing is lost behind a cursor, whoever commits when; a bigserial in the same transactions loses rows', async () => {
  let isWriting = true
  const read: FeedEntry[] = []
  const naive = new Set<number>()
  const reading = (async () => {
    let [position, naivePosition, isLast] = [0, 0, false]
    let reads = 0
    for (; !isLast; reads++) {
      isLast = !isWriting
      const page = await readFeed(db, position, 1 + randomInt(50))
      read.push(...page.entries)
      expect(page.to).toBeLessThanOrEqual(page.head)
      position = page.to
      if (page.to < page.head) isLast = false
      const rows = await run(db, 'read_naive', `select id from naive where id > ${naivePosition} order by id`)
      for (const { id } of rows as { id: number }[]) naive.add((naivePosition = id))
    }
    return reads
  })()
  const writing = Array.from({ length: writers }, async () => {
    const all: [number, string][] = []
    for (let round = 0; round < transactions; round++) all.push(...(await endSome()))
    return all
  })
  const committed = (await Promise.all(writing)).flat().sort(([a], [b]) => a - b)
  isWriting = false
  const reads = await reading

  const seen = read.map(([position, , key]) => [position, key])
  expect(seen).toEqual(committed)
  expect(seen.map(([position]) => position)).toEqual(Array.from({ length: committed.length }, (_, i) => i + 1))

  const rows = await test.query<{ id: string }>('select id from naive')
  const lost = rows.filter(({ id }) => !naive.has(Number(id))).length
  console.log(
    `${committed.length} endings in ${reads} reads, none lost; of ${rows.length} rows with a bigserial, ${lost} were lost`,
  )
  expect(lost, 'this schedule is too weak: it would let a bigserial pass').toBeGreaterThan(0)
})
