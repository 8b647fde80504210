import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseError, Pool, type QueryResultRow } from 'pg'
import { inject } from 'vitest'
import { connect, databaseUrl } from './global-setup.ts'

/** A migrated database of a test's own. */
export interface TestDatabase {
  url: string
  query<Row extends QueryResultRow = QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
  /**
   * A deadlock is called one before a lock timeout of the same length can hide it. Holds for connections that are opened afterwards.
   */
  noticeDeadlocks(): Promise<void>
  /** Moves the clock that all statements read. */
  advance(seconds: number): Promise<void>
  drop(): Promise<void>
}

/** Clones the run's template, which takes some 20 ms. */
export async function createDatabase(): Promise<TestDatabase> {
  const { url: server, template } = inject('testServer')
  const name = `${template}_${process.pid}_${randomBytes(6).toString('hex')}`
  await clone(server, template, name)
  const url = databaseUrl(server, name)
  // The limits of the server's own statements are not for what a test asks on a busy machine.
  const options = '-c statement_timeout=0 -c lock_timeout=0'
  const pool = new Pool({ connectionString: url, max: 2, options })
  pool.on('error', () => {})
  const query = async <Row extends QueryResultRow>(text: string, values?: unknown[]) =>
    (await pool.query<Row>(text, values)).rows
  return {
    url,
    query,
    async noticeDeadlocks() {
      await query(`alter role current_user in database ${name} set deadlock_timeout = '100ms'`)
    },
    async advance(seconds) {
      await query('update test_clock set offset_seconds = offset_seconds + $1', [seconds])
    },
    async drop() {
      await pool.end()
      await dropDatabase(server, name)
    },
  }
}

/** A clone inherits what is in the template, but no settings: those stand outside of a database. */
async function clone(server: string, template: string, name: string): Promise<void> {
  const client = await connect(server)
  try {
    for (let tries = 0; ; tries++) {
      try {
        await client.query(`create database ${name} template ${template} strategy file_copy`)
        break
      } catch (error) {
        const isBusy = error instanceof DatabaseError && error.code === '55006'
        if (!isBusy || tries === 50) throw error
        await sleep(100)
      }
    }
    const settings = [
      'jit = off',
      'plan_cache_mode = force_generic_plan',
      `lock_timeout = '1s'`,
      `statement_timeout = '2s'`,
    ]
    for (const setting of settings) await client.query(`alter database ${name} set ${setting}`)
  } finally {
    await client.end()
  }
}

/** A connection that was closed takes a moment to go; ending it by force in that moment is an error at the other end. */
async function dropDatabase(server: string, name: string): Promise<void> {
  const client = await connect(server)
  try {
    for (let tries = 0; tries < 25; tries++) {
      const { rowCount } = await client.query('select from pg_stat_activity where datname = $1', [name])
      if (rowCount === 0) break
      await sleep(20)
    }
    await client.query(`drop database if exists ${name} with (force)`)
  } finally {
    await client.end()
  }
}
