// One PostgreSQL for every server under test: the embedded one in a folder that goes away, syncing to its disk like any production database.
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Client, Pool } from 'pg'

const { startEmbeddedPostgres } = await import(
  new URL('../../dist/store/embedded-postgres.js', import.meta.url).href
).catch((cause) => {
  throw new Error('there is no build: run npm run build first', { cause })
})

/** What decides whether a commit survives; shown with the figures, and refused when it is not as PostgreSQL comes. */
const durability = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' }

/**
 * Starts a new cluster with statement counters.
 * @param {{ maxConnections?: number, settings?: Record<string, string | number>, programs?: string }} [options] `settings` go into the cluster before it
 *   starts for good, so also such as shared_buffers; `programs` is the folder of another PostgreSQL than the embedded one
 */
export async function startPostgres({ maxConnections = 200, settings = {}, programs } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'falconer-bench-'))
  const remove = () => fs.rmSync(folder, { recursive: true, force: true })
  try {
    await configure(folder, { shared_preload_libraries: 'pg_stat_statements', ...settings }, programs)
    const server = await startEmbeddedPostgres(folder, { maxConnections, programs })
    const pool = new Pool({ connectionString: server.url('postgres'), max: 2 })
    pool.on('error', () => {})
    const stop = async () => {
      await pool.end()
      await server.stop()
      remove()
    }
    const cluster = {
      folder,
      pid: server.pid,
      version: server.version,
      url: server.url,
      pool,
      stop,
      /** Makes a database, with the extension that counts its statements; returns its URL. */
      createDatabase: async (name) => {
        await pool.query(`create database ${name}`)
        await runOnce(server.url(name), 'create extension pg_stat_statements')
        return server.url(name)
      },
    }
    await checkDurability(pool).catch(async (error) => {
      await stop()
      throw error
    })
    return cluster
  } catch (error) {
    remove()
    throw error
  }
}

/** The embedded server takes no settings of others, but keeps what stands in its cluster. */
async function configure(folder, settings, programs) {
  const server = await startEmbeddedPostgres(folder, { programs })
  try {
    for (const [name, value] of Object.entries(settings))
      await runOnce(server.url('postgres'), `alter system set ${name} = '${value}'`)
  } finally {
    await server.stop()
  }
}

async function runOnce(url, text) {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return await client.query(text)
  } finally {
    await client.end()
  }
}

async function checkDurability(pool) {
  for (const [name, wanted] of Object.entries(durability)) {
    const { rows } = await pool.query('select current_setting($1) as value', [name])
    if (rows[0].value !== wanted)
      throw new Error(`${name} is ${rows[0].value}: figures of such a database mean nothing`)
  }
}
