import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { childEnvironment, chooseRunAs, dieWithParent } from '../../src/store/postgres-binaries.ts'
import { freePort } from './ports.ts'

/** A transaction pooler in front of the run's PostgreSQL. */
export interface Pooler {
  /** `host:port` */
  readonly address: string
  /** The run fails when nobody came through it: then what passed has shown nothing about it. */
  stop(): Promise<void>
}

const program = 'pgbouncer'
// Debian keeps it out of an ordinary user's PATH.
const environment = { ...childEnvironment, PATH: `${process.env['PATH'] ?? ''}:${childEnvironment.PATH}` }

/**
 * Starts pgbouncer in transaction mode before all databases of a server, with its files in `directory`, which is the run's own.
 * @throws when it is not installed, or does not start
 */
export async function startPgbouncer(serverUrl: string, directory: string): Promise<Pooler> {
  const found = spawnSync(program, ['--version'], { env: environment })
  if (found.status !== 0)
    throw new Error(
      'FALCONER_TEST_POOLER=pgbouncer needs pgbouncer: install it (apt-get install pgbouncer, or brew install pgbouncer)',
      { cause: found.error },
    )
  // It refuses root as PostgreSQL does, and has to reach a socket that only the owner of the cluster may open.
  const runAs = chooseRunAs({ postgres: program, initdb: '' }, path.join(directory, 'postgres'))
  const home = path.join(directory, program)
  fs.mkdirSync(home, { mode: 0o700 })
  const port = await freePort()
  const files = { ini: path.join(home, 'pgbouncer.ini'), users: path.join(home, 'users'), log: path.join(home, 'log') }
  fs.writeFileSync(files.users, usersOf(serverUrl))
  fs.writeFileSync(files.ini, settingsOf(serverUrl, port, files.users))
  for (const file of [home, files.ini, files.users])
    if (runAs.owner) fs.chownSync(file, runAs.owner.uid, runAs.owner.gid)

  const log = fs.openSync(files.log, 'w')
  const command = [...runAs.prefix, ...dieWithParent(), program, files.ini]
  const child = spawn(command[0] ?? program, command.slice(1), {
    cwd: '/',
    env: environment,
    stdio: ['ignore', log, log],
    detached: true,
  })
  fs.closeSync(log)
  child.on('error', () => {})
  if (!(await isReady(child, port))) {
    await end(child)
    throw new Error(`pgbouncer does not start:\n${fs.readFileSync(files.log, 'utf8')}`)
  }
  // For an exit that skips the teardown, where the kernel does not do it.
  const killed = () => void child.kill('SIGTERM')
  process.once('exit', killed)
  return {
    address: `127.0.0.1:${port}`,
    stop: async () => {
      const transactions = await transactionsOf(serverUrl, port)
      process.off('exit', killed)
      await end(child)
      console.log(`pgbouncer carried ${transactions} transactions`)
      if (transactions === 0) process.exitCode = 1
    },
  }
}

/** Asked of the console of pgbouncer, a database that it has by itself. */
async function transactionsOf(serverUrl: string, port: number): Promise<number> {
  const user = decodeURIComponent(new URL(serverUrl).username)
  const console = new Client({ host: '127.0.0.1', port, user, database: 'pgbouncer' })
  await console.connect()
  const { rows } = await console.query<{ database: string; total_xact_count: string }>('show stats')
  await console.end()
  const others = rows.filter(({ database }) => database !== 'pgbouncer')
  return others.reduce((sum, row) => sum + Number(row.total_xact_count), 0)
}

/** Everybody on this machine is let in, and arrives at PostgreSQL as the user of the URL. */
function usersOf(serverUrl: string): string {
  const { username, password } = new URL(serverUrl)
  const quoted = (text: string) => `"${decodeURIComponent(text).replaceAll('"', '""')}"`
  return `${quoted(username)} ${quoted(password)}\n`
}

function settingsOf(serverUrl: string, port: number, users: string): string {
  const url = new URL(serverUrl)
  const host = url.searchParams.get('host') ?? url.hostname
  const pooler = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'trust',
    auth_file: users,
    stats_users: decodeURIComponent(url.username),
    pool_mode: 'transaction',
    // The next transaction of a client is on another connection, if there is one: what wrongly stays behind on a connection is missed at once.
    server_round_robin: 1,
    default_pool_size: 20,
    max_client_conn: 2000,
    log_connections: 0,
    log_disconnections: 0,
  }
  const lines = Object.entries(pooler).map(([name, value]) => `${name} = ${value}`)
  return ['[databases]', `* = host='${host}' port=${url.port || 5432}`, '[pgbouncer]', ...lines, ''].join('\n')
}

async function isReady(child: ChildProcess, port: number): Promise<boolean> {
  for (const deadline = performance.now() + 10_000; performance.now() < deadline; await sleep(10)) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return false
    if (await answers(port)) return true
  }
  return false
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const connection = net.connect(port, '127.0.0.1')
    connection.once('error', () => resolve(false))
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
  })

/** At once, whoever is still connected. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  await exit
}
