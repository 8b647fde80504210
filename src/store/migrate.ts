import fs from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { Kysely, type Migration, Migrator, PostgresDialect, sql } from 'kysely'
import { Client, DatabaseError } from 'pg'

export interface MigrateOptions {
  /** Where the `.sql` files are; the package's own `migrations/` unless given. */
  folder?: string
  /** For a database that may lose everything (tests): says nothing about settings that give durability away. */
  ephemeral?: boolean
}

export interface MigrateResult {
  /** The names of the migrations applied by this call, in order. */
  applied: string[]
  total: number
  /** What an operator should change in PostgreSQL. */
  warnings: string[]
}

/** The same from src/store and from dist/store. */
const ownFolder = fileURLToPath(new URL('../../migrations', import.meta.url))

/** What every connection of the role to this database starts with, unless an operator chose otherwise. */
const roleSettings = {
  // The statements are short and known: compiling or planning them again costs more than running them.
  jit: 'off',
  plan_cache_mode: 'force_generic_plan',
  // A plan that was made while a table was empty reads it whole, and is kept for the minute until autovacuum has seen the table fill up.
  enable_seqscan: 'off',
  lock_timeout: '1s',
  statement_timeout: '2s',
}

/**
 * The statements decide on the newest version of a locked row, which only this level shows them: under a stricter one a revocation misses
 * the grant that it waited for. No operator's choice.
 */
const isolation = { default_transaction_isolation: 'read committed' }

/**
 * Brings the database up to this release, and sets the role's settings in it. Several instances may call it at once: one
 * works, the others wait. The connection must be to PostgreSQL itself or a session pooler, for it holds a session's lock.
 * @throws when a migration fails (naming its file), when a newer release migrated the database, or below PostgreSQL 15
 */
export async function migrate(connectionString: string, options: MigrateOptions = {}): Promise<MigrateResult> {
  const client = new Client({ connectionString, application_name: 'falconer-migrate' })
  client.on('error', () => {})
  await client.connect()
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: singleConnection(client) }) })
  try {
    await refuseOldServer(client)
    const migrations = await readMigrations(options.folder ?? ownFolder)
    // Whoever waits here waits for all migrations of another instance; afterwards a lock that is not given soon fails the
    // migration, because every request would queue up behind it.
    await client.query('set statement_timeout = 0; set lock_timeout = 0')
    await client.query(`select pg_advisory_lock(hashtextextended('falconer.migrate', 0))`)
    await client.query(`set lock_timeout = '10s'`)
    await refuseNewerDatabase(client, Object.keys(migrations))
    const applied = await apply(db, migrations)
    await setRoleSettings(client)
    const warnings = options.ephemeral ? [] : await durabilityWarnings(client)
    return { applied, total: Object.keys(migrations).length, warnings }
  } finally {
    // Closing the session releases the lock.
    await db.destroy()
  }
}

/** A pool of exactly this connection: a second one would have neither the lock nor the settings. */
function singleConnection(client: Client) {
  const connection = Object.assign(client, { release: () => {} })
  return { connect: () => Promise.resolve(connection), end: () => client.end() }
}

async function readMigrations(folder: string): Promise<Record<string, Migration>> {
  const files = (await fs.readdir(folder)).filter((file) => file.endsWith('.sql')).sort()
  const texts = await Promise.all(files.map((file) => fs.readFile(`${folder}/${file}`, 'utf8')))
  return Object.fromEntries(files.map((file, index) => [file.slice(0, -4), migration(file, texts[index] ?? '')]))
}

function migration(file: string, text: string): Migration {
  return {
    async up(db) {
      try {
        await sql.raw(text).execute(db)
      } catch (cause) {
        if (!(cause instanceof DatabaseError)) throw cause
        const line = cause.position ? `:${text.slice(0, Number(cause.position)).split('\n').length}` : ''
        throw new Error(`Migration ${file}${line} failed, and nothing was changed: ${cause.message}`, { cause })
      }
    },
  }
}

async function apply(db: Kysely<unknown>, migrations: Record<string, Migration>): Promise<string[]> {
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(migrations) },
    migrationTableName: 'migrations',
    migrationLockTableName: 'migrations_lock',
  })
  const { error, results } = await migrator.migrateToLatest()
  if (error) throw error
  return (results ?? []).map((result) => result.migrationName)
}

async function refuseOldServer(client: Client): Promise<void> {
  const { rows } = await client.query<{ number: number; version: string }>(
    `select current_setting('server_version_num')::int as number, current_setting('server_version') as version`,
  )
  const [server] = rows
  if (server && server.number < 150_000)
    throw new Error(`PostgreSQL 15 or later is required; this is ${server.version}`)
}

async function refuseNewerDatabase(client: Client, known: string[]): Promise<void> {
  const { rows: tables } = await client.query(`select where to_regclass('migrations') is not null`)
  if (tables.length === 0) return
  const { rows } = await client.query<{ name: string }>('select name from migrations order by name')
  const unknown = rows.map((row) => row.name).filter((name) => !known.includes(name))
  if (unknown.length === 0) return
  throw new Error(
    `The database is newer than this release, which does not know its migrations ${unknown.join(', ')}. ` +
      'Start the release that made them, or a later one.',
  )
}

/** Where a setting stands for the role, the database or both, somebody decided about it. */
async function setRoleSettings(client: Client): Promise<void> {
  const { rows } = await client.query<{ database: string; decided: string[] }>(
    `select current_database() as database, array(
       select split_part(setting, '=', 1) from pg_db_role_setting, unnest(setconfig) as setting
        where setdatabase in (0, (select oid from pg_database where datname = current_database()))
          and setrole in (0, current_user::regrole)) as decided`,
  )
  const { database = '', decided = [] } = rows[0] ?? {}
  const undecided = Object.entries(roleSettings).filter(([name]) => !decided.includes(name))
  for (const [name, value] of [...Object.entries(isolation), ...undecided]) {
    await client.query(
      `alter role current_user in database ${client.escapeIdentifier(database)} set ${name} = '${value}'`,
    )
  }
}

async function durabilityWarnings(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select name from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit') and setting = 'off'`,
  )
  return rows.map(
    ({ name }) => `PostgreSQL runs with ${name} = off: a crash can bring back sessions and tokens that were ended`,
  )
}
