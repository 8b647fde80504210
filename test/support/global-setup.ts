import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Client } from 'pg'
import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../src/store/embedded-postgres.ts'
import { migrate } from '../../src/store/migrate.ts'
import { startPgbouncer } from './pooler.ts'
import { prepareTemplate } from './template.ts'

/** What the tests need to know about the run's PostgreSQL: a superuser's URL, the database to clone, and a pooler in front of it. */
export interface TestServer {
  url: string
  template: string
  /** `host:port` */
  pooler?: string
}

declare module 'vitest' {
  interface ProvidedContext {
    testServer: TestServer
  }
}

const directoryPrefix = 'falconer-test-'

/**
 * One PostgreSQL for the whole run, in it a migrated template whose clock the tests can move. FALCONER_TEST_POOLER has the servers that are
 * tested reach it through a transaction pooler: one that runs at `host:port`, or `pgbouncer` for one of the run's own.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['FALCONER_TEST_DATABASE_URL']
  const wantedPooler = process.env['FALCONER_TEST_POOLER']
  const directory = makeDirectory()
  // A server that is shared may serve another run at the same time.
  const template = given ? `falconer_template_${process.pid}` : 'falconer_template'
  const stops: (() => Promise<void>)[] = []
  const stop = async () => {
    const failures: unknown[] = []
    for (const each of stops.splice(0).toReversed()) await each().catch((error: unknown) => failures.push(error))
    fs.rmSync(directory, { recursive: true, force: true })
    if (failures.length > 0) throw failures[0]
  }
  try {
    const url = given ?? (await startServer(directory, stops))
    if (given) stops.push(() => dropDatabases(given, template))
    await makeTemplate(url, template)
    let pooler = wantedPooler
    if (wantedPooler === 'pgbouncer') {
      const pgbouncer = await startPgbouncer(url, directory)
      stops.push(() => pgbouncer.stop())
      pooler = pgbouncer.address
    }
    project.provide('testServer', { url, template, ...(pooler ? { pooler } : {}) })
  } catch (error) {
    await stop()
    throw error
  }
  return stop
}

function makeDirectory(): string {
  const parent = testDirectory()
  removeLeftovers(parent)
  const directory = fs.mkdtempSync(path.join(parent, directoryPrefix))
  fs.writeFileSync(path.join(directory, 'run'), String(process.pid))
  return directory
}

async function startServer(directory: string, stops: (() => Promise<void>)[]): Promise<string> {
  const postgres = await startEmbeddedPostgres(directory, { ephemeral: true, maxConnections: 300 })
  // For an exit that skips the teardown, where the kernel does not do it.
  const interrupt = () => process.kill(postgres.pid, 'SIGINT')
  process.once('exit', interrupt)
  stops.push(async () => {
    process.off('exit', interrupt)
    await postgres.stop()
  })
  return postgres.url('postgres')
}

/** In memory where there is plenty: a clone is some 300 files, and making them is what takes the time. */
export function testDirectory(): string {
  const memory = '/dev/shm'
  if (!fs.existsSync(memory)) return os.tmpdir()
  const { bavail, bsize } = fs.statfsSync(memory)
  return bavail * bsize > 2 * 1024 ** 3 ? memory : os.tmpdir()
}

/** Removes the directories of runs that were killed. */
function removeLeftovers(parent: string): void {
  for (const name of fs.readdirSync(parent).filter((name) => name.startsWith(directoryPrefix))) {
    const directory = path.join(parent, name)
    try {
      process.kill(Number(fs.readFileSync(path.join(directory, 'run'), 'utf8')), 0)
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ESRCH') {
        fs.rmSync(directory, { recursive: true, force: true })
      }
    }
  }
}

async function makeTemplate(server: string, template: string): Promise<void> {
  const url = databaseUrl(server, template)
  await run(server, `create database ${template}`)
  await migrate(url, { ephemeral: true })
  await run(
    url,
    `create table test_clock (id int primary key default 1, offset_seconds double precision not null default 0);
     insert into test_clock default values;
     create or replace function clock_now() returns timestamptz language sql stable parallel safe as
       $$ select now() + make_interval(secs => offset_seconds) from public.test_clock where id = 1 $$;`,
  )
  await prepareTemplate(url)
  // A database is only cloned while nobody is connected to it.
  await run(server, `alter database ${template} with allow_connections false`)
}

async function dropDatabases(server: string, template: string): Promise<void> {
  const client = await connect(server)
  const { rows } = await client.query<{ name: string }>('select datname as name from pg_database where datname ^@ $1', [
    template,
  ])
  for (const { name } of rows) await client.query(`drop database if exists ${name} with (force)`)
  await client.end()
}

/** The same server, another database. */
export function databaseUrl(server: string, database: string): string {
  const url = new URL(server)
  url.pathname = `/${database}`
  return url.href
}

export async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  return client
}

async function run(url: string, text: string): Promise<void> {
  const client = await connect(url)
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
