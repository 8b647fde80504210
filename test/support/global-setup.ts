import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { Client } from 'pg'
import type { TestProject } from 'vitest/node'
import { startEmbeddedPostgres } from '../../src/store/embedded-postgres.ts'
import { migrate } from '../../src/store/migrate.ts'
import { prepareTemplate } from './template.ts'

/** What the tests need to know about the run's PostgreSQL: a superuser's URL, and the database to clone. */
export interface TestServer {
  url: string
  template: string
}

declare module 'vitest' {
  interface ProvidedContext {
    testServer: TestServer
  }
}

const directoryPrefix = 'falconer-test-'

/** One PostgreSQL for the whole run, in it a migrated template whose clock the tests can move. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['FALCONER_TEST_DATABASE_URL']
  const server = given ? { url: given, stop: () => Promise.resolve() } : await startServer()
  // A server that is shared may serve another run at the same time.
  const template = given ? `falconer_template_${process.pid}` : 'falconer_template'
  try {
    await makeTemplate(server.url, template)
  } catch (error) {
    await server.stop()
    throw error
  }
  project.provide('testServer', { url: server.url, template })
  return async () => {
    if (given) await dropDatabases(server.url, template)
    await server.stop()
  }
}

async function startServer() {
  const parent = testDirectory()
  removeLeftovers(parent)
  const directory = fs.mkdtempSync(path.join(parent, directoryPrefix))
  fs.writeFileSync(path.join(directory, 'run'), String(process.pid))
  const postgres = await startEmbeddedPostgres(directory, { ephemeral: true, maxConnections: 300 })
  // For an exit that skips the teardown, where the kernel does not do it.
  const interrupt = () => process.kill(postgres.pid, 'SIGINT')
  process.once('exit', interrupt)
  const stop = async () => {
    process.off('exit', interrupt)
    await postgres.stop()
    fs.rmSync(directory, { recursive: true, force: true })
  }
  return { url: postgres.url('postgres'), stop }
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
