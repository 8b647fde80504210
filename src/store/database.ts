import { Kysely, PostgresDialect } from 'kysely'
import { DatabaseError, Pool, type PoolClient, types as parsers, TypeOverrides } from 'pg'
import { Unavailable } from '../domain/unavailable.ts'
import type { Schema } from './schema.ts'

/** A hot query: prepared once per connection under its name (Kysely does not name its statements). */
export interface Statement {
  readonly name: string
  readonly text: string
}

/** What both the pool and an open transaction can do. */
export interface Queries {
  /** Runs a named statement. @throws {Unavailable} when the database cannot answer now */
  run<Row>(statement: Statement, values: readonly unknown[]): Promise<Row[]>
  readonly kysely: Kysely<Schema>
}

export interface Database extends Queries {
  /** READ COMMITTED; run again from the start when PostgreSQL chose it as the victim of a deadlock. */
  transaction<T>(work: (tx: Queries) => Promise<T>): Promise<T>
  /** Connections that are open and idle now, and how many requests wait for one. */
  connections(): { readonly open: number; readonly idle: number; readonly waiting: number }
  close(): Promise<void>
}

export interface DatabaseOptions {
  readonly url: string
  readonly poolSize: number
  /** Off behind a transaction pooler that does not know prepared statements. */
  readonly preparedStatements: boolean
  /** Told of errors on idle connections; without a listener they would end the process. */
  readonly onIdleError: (error: Error) => void
}

const attempts = 4
const types = new TypeOverrides()
types.setTypeParser(parsers.builtins.INT8, Number) // positions and counts stay below 2^53

/** Opens a pool. It does not connect until the first query. */
export function openDatabase(options: DatabaseOptions): Database {
  const pool = new Pool({
    connectionString: options.url,
    max: options.poolSize,
    connectionTimeoutMillis: 3000,
    // Beyond the statement timeout of the role: it is for a database that is frozen or unreachable, and says nothing any more.
    query_timeout: 4000,
    keepAlive: true,
    types,
  })
  pool.on('error', options.onIdleError)

  const queriesOn = (runner: Pool | PoolClient, kysely: Kysely<Schema>): Queries => ({
    kysely,
    run: async <Row>({ name, text }: Statement, values: readonly unknown[]): Promise<Row[]> => {
      // Without a name of its own it carries one as a comment, for whoever looks at pg_stat_activity.
      const named = options.preparedStatements ? { name, text } : { text: `/* ${name} */ ${text}` }
      const result = await runner.query({ ...named, values: [...values] })
      return result.rows as Row[]
    },
  })
  const onPool = queriesOn(pool, new Kysely<Schema>({ dialect: new PostgresDialect({ pool: reportingOutages(pool) }) }))

  return {
    kysely: onPool.kysely,
    run: (statement, values) => again(() => onPool.run(statement, values)),
    transaction: (work) =>
      again(async () => {
        const client = await pool.connect()
        let broken: Error | undefined
        const onError = (error: Error) => {
          broken = error
        }
        client.on('error', onError)
        try {
          await client.query('begin isolation level read committed')
          const result = await work(queriesOn(client, kyselyOn(client)))
          await client.query('commit')
          return result
        } catch (error) {
          if (error instanceof Error && isSilent(error)) broken = error
          else
            await client.query('rollback').catch((failed: Error) => {
              broken = failed
            })
          throw error
        } finally {
          client.off('error', onError)
          client.release(broken)
        }
      }),
    connections: () => ({ open: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount }),
    close: () => pool.end(),
  }
}

/** The pool for queries that Kysely sends outside of a transaction: their outages are outages too. */
function reportingOutages(pool: Pool) {
  const orUnavailable = (error: unknown): never => {
    withoutRow(error)
    throw isOutage(error) ? unavailable(error) : error
  }
  const connect = async (): Promise<PoolClient> => {
    const client = await pool.connect().catch(orUnavailable)
    let broken: Error | undefined
    return new Proxy(client, {
      get: (target, key) => {
        if (key === 'release') return () => target.release(broken)
        const value: unknown = Reflect.get(target, key)
        if (typeof value !== 'function') return value
        if (key !== 'query') return value.bind(target)
        return (text: string, values: unknown[]) =>
          target.query(text, values).catch((error: Error) => {
            if (isSilent(error)) broken = error
            return orUnavailable(error)
          })
      },
    })
  }
  return { connect, end: () => pool.end() }
}

const unavailable = (cause: unknown) => new Unavailable('The database cannot answer now', 1, { cause })

/** Kysely on a connection that is already in a transaction: it borrows the connection and never returns it. */
function kyselyOn(client: PoolClient): Kysely<Schema> {
  const borrowed = new Proxy(client, {
    get: (target, key) => {
      if (key === 'release') return () => undefined
      const value: unknown = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return new Kysely<Schema>({
    dialect: new PostgresDialect({ pool: { connect: async () => borrowed, end: async () => undefined } }),
  })
}

/** Repeats what a deadlock undid, and turns an outage into `Unavailable`. Safe because nothing of a failed attempt was committed. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (isUndone(error) && attempt < attempts) {
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 10 * 2 ** attempt))
        continue
      }
      withoutRow(error)
      throw isOutage(error) || isUndone(error) ? unavailable(error) : error
    }
  }
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : ''
}

/** Deadlock victim or serialization failure: rolled back as a whole. */
const isUndone = (error: unknown): boolean => codeOf(error) === '40P01' || codeOf(error) === '40001'

/** PostgreSQL tells the row that broke a constraint: an e-mail address, a hash, what somebody typed. None of it belongs in a log. */
function withoutRow(error: unknown): void {
  if (error instanceof DatabaseError) error.detail = undefined
}

/** The answer did not come: the connection still waits for it and is of no use to anybody else. */
const isSilent = (error: Error): boolean => error.message === 'Query read timeout'

/** No connection, a server that stops, no slot left, a lock or statement timeout, a read-only standby, a full disk. */
function isOutage(error: unknown): boolean {
  const code = codeOf(error)
  if (/^(08...|57P0.|53...|55P03|57014|25006|58030)$/.test(code)) return true
  if (/^E[A-Z]+$/.test(code) && !code.startsWith('ERR_')) return true // ECONNREFUSED, ENOENT of a socket, EPIPE …
  return (
    error instanceof Error &&
    /timeout exceeded|Query read timeout|Connection terminated|not queryable|after calling end/.test(error.message)
  )
}
