import { Unavailable } from '../domain/unavailable.ts'
import type { Database, Queries } from './database.ts'

/**
 * Runs work whose one transaction commits together with what `conclude` writes about its result. The work gets a database like any other; its
 * first transaction stays open until the work is over, and whatever it asks from then on belongs to that one. What comes before it, hashing
 * a password for instance, is done without a transaction; nothing slow may come after.
 */
export async function inOneCommit<T>(
  db: Database,
  work: (held: Database) => Promise<T>,
  conclude: (tx: Queries, result: T) => Promise<void>,
): Promise<T> {
  let open: Queries | undefined
  let whole: Promise<void> | undefined
  let succeed: (result: T) => void = () => undefined
  let fail: (error: unknown) => void = () => undefined
  const over = new Promise<T>((resolve, reject) => {
    succeed = resolve
    fail = reject
  })
  // Nobody waits for it when there was no transaction.
  over.catch(() => undefined)

  const begin = <R>(part: (tx: Queries) => Promise<R>): Promise<R> =>
    new Promise((resolve, reject) => {
      whole = db.transaction(async (tx) => {
        // After a deadlock the part may run again; the rest of the work is over and cannot.
        if (open) throw new Unavailable('The database cannot answer now')
        const made = await part(tx)
        open = tx
        resolve(made)
        await conclude(tx, await over)
      })
      whole.catch(reject)
    })

  const held: Database = {
    run: (statement, values) => (open ?? db).run(statement, values),
    get kysely() {
      return (open ?? db).kysely
    },
    transaction: (part) => (open ? part(open) : begin(part)),
    connections: () => db.connections(),
    close: () => db.close(),
  }
  try {
    const result = await work(held)
    succeed(result)
    if (whole) await whole
    else await conclude(db, result)
    return result
  } catch (error) {
    fail(error)
    await whole?.catch(() => undefined)
    throw error
  }
}
