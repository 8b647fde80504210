import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { claimOwnership } from './data-directory-owner.ts'
import {
  childEnvironment,
  chooseRunAs,
  dieWithParent,
  locatePostgres,
  type PostgresBinaries,
  programsIn,
  type RunAs,
  unavailable,
} from './postgres-binaries.ts'
import { removeSocket, socketDirectory } from './postgres-socket.ts'
import { removeStaleServer } from './stale-postgres.ts'

export interface EmbeddedPostgresOptions {
  /** For tests: nothing is synced to the disk, the server dies with this process, and stop() deletes the cluster. */
  ephemeral?: boolean
  maxConnections?: number
  /** For benchmarks: the folder of another PostgreSQL's programs, instead of those of the installed package. */
  programs?: string
}

/** A running PostgreSQL that belongs to this process and is reached through a Unix socket only. */
export interface EmbeddedPostgres {
  /** A connection string for one of its databases, `falconer` unless named. */
  url(database?: string): string
  version: string
  pid: number
  startedMs: number
  /** Only when the cluster was made by this start. */
  initMs?: number
  /** Closes all connections and waits until the server has written everything; may be called again. */
  stop(): Promise<void>
}

interface Cluster {
  /** Everything of the embedded database below DATA_DIR. */
  home: string
  data: string
  log: string
  pidFile: string
}

/**
 * Starts the PostgreSQL of `dataDir` and makes it at the first start, with a superuser and a database `falconer`.
 * A server whose owner was killed is stopped first.
 * @throws when another process that is running owns it, or when PostgreSQL cannot run here; the message says what to do
 */
export async function startEmbeddedPostgres(
  dataDir: string,
  options: EmbeddedPostgresOptions = {},
): Promise<EmbeddedPostgres> {
  const began = performance.now()
  const binaries = options.programs === undefined ? locatePostgres() : programsIn(options.programs)
  makeDirectory(dataDir, { prefix: [] })
  const home = path.join(fs.realpathSync(dataDir), 'postgres')
  const data = path.join(home, 'data')
  const cluster = { home, data, log: path.join(home, 'log'), pidFile: path.join(data, 'postmaster.pid') }
  const runAs = chooseRunAs(binaries, home)
  makeDirectory(home, runAs)
  const release = claimOwnership(path.join(home, 'owner'), (pid) =>
    unavailable(`in ${dataDir} is in use by process ${pid}. Stop that one, or use another DATA_DIR.`),
  )
  let child: ChildProcess | undefined
  let sockets = home
  const stop = async (): Promise<void> => {
    if (child) await end(child)
    if (sockets !== home) removeSocket(sockets)
    if (options.ephemeral) fs.rmSync(home, { recursive: true, force: true })
    release()
  }
  try {
    const initMs = initialize(binaries, runAs, cluster, options)
    await removeStaleServer(data)
    sockets = socketDirectory(home, runAs)
    child = await launch(binaries, runAs, cluster, sockets, options)
    const url = (database = 'falconer') =>
      `postgresql://falconer@localhost:5432/${encodeURIComponent(database)}?host=${encodeURIComponent(sockets)}&sslmode=disable`
    const version = await ensureDatabase(url('postgres'))
    let stopping: Promise<void> | undefined
    return {
      url,
      version,
      pid: child.pid ?? 0,
      startedMs: Math.round(performance.now() - began),
      ...(initMs === undefined ? {} : { initMs }),
      stop: () => (stopping ??= stop()),
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Made aside and renamed when complete: an interrupted initdb would leave something that looks like a cluster. */
function initialize(
  binaries: PostgresBinaries,
  runAs: RunAs,
  cluster: Cluster,
  options: EmbeddedPostgresOptions,
): number | undefined {
  if (fs.existsSync(cluster.data)) return undefined
  const began = performance.now()
  const draft = `${cluster.data}.new`
  fs.rmSync(draft, { recursive: true, force: true })
  makeDirectory(draft, runAs)
  // The built-in locale sorts alike on every system; programs of others may be too old to have it. Trust: only the owner of the directory can
  // reach the socket.
  const builtin = options.programs === undefined ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : []
  const locale = ['--encoding=UTF8', '--locale=C', ...builtin]
  const sync = options.ephemeral ? ['--no-sync'] : []
  const command = [...runAs.prefix, binaries.initdb, '-D', draft, '-U', 'falconer', '--auth=trust', ...locale, ...sync]
  const [program = '', ...args] = command
  const run = spawnSync(program, args, { cwd: '/', env: childEnvironment, encoding: 'utf8' })
  if (run.status !== 0) {
    fs.rmSync(draft, { recursive: true, force: true })
    throw unavailable(`cannot make its files in ${cluster.home}:\n${run.error?.message ?? run.stderr.trim()}`)
  }
  fs.renameSync(draft, cluster.data)
  return Math.round(performance.now() - began)
}

async function launch(
  binaries: PostgresBinaries,
  runAs: RunAs,
  cluster: Cluster,
  sockets: string,
  options: EmbeddedPostgresOptions,
): Promise<ChildProcess> {
  const settings = {
    listen_addresses: '',
    port: 5432,
    unix_socket_directories: `"${sockets.replaceAll('"', '""')}"`,
    unix_socket_permissions: '0700',
    max_connections: options.maxConnections ?? 100,
    timezone: 'UTC',
    ...(options.ephemeral ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const parent = options.ephemeral ? dieWithParent() : []
  const [program = '', ...args] = [...runAs.prefix, ...parent, binaries.postgres, '-D', cluster.data, ...flags]
  for (let tries = 0; ; tries++) {
    const log = fs.openSync(cluster.log, 'w', 0o600)
    // A group of its own: the terminal sends Ctrl-C to the whole group, and the database has to outlive the last request.
    const child = spawn(program, args, { cwd: '/', env: childEnvironment, stdio: ['ignore', log, log], detached: true })
    fs.closeSync(log)
    if (await isReady(child, cluster.pidFile)) {
      child.unref()
      return child
    }
    await end(child)
    const output = fs.readFileSync(cluster.log, 'utf8').trim()
    // Backends of a killed server leave within moments.
    if (tries < 40 && output.includes('pre-existing shared memory block')) await sleep(250)
    else throw unavailable(`does not start in ${cluster.home}:\n${output.slice(-2000)}`)
  }
}

/** Waits up to a minute (recovery after a crash takes its time); the last line of the lock file tells. */
async function isReady(child: ChildProcess, pidFile: string): Promise<boolean> {
  child.on('error', () => {})
  for (const deadline = performance.now() + 60_000; performance.now() < deadline; await sleep(10)) {
    if (child.pid === undefined || hasEnded(child)) return false
    const lines = readLines(pidFile)
    if (Number(lines[0]) === child.pid && lines[7]?.trim() === 'ready') return true
  }
  return false
}

function readLines(file: string): string[] {
  try {
    return fs.readFileSync(file, 'utf8').split('\n')
  } catch {
    return []
  }
}

/** Fast shutdown, then without a checkpoint, then by force. */
async function end(child: ChildProcess): Promise<void> {
  child.ref()
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (child.pid === undefined || hasEnded(child)) return
    const exit = once(child, 'exit')
    child.kill(signal)
    await Promise.race([exit, sleep(20_000, undefined, { ref: false })])
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

function makeDirectory(directory: string, runAs: RunAs): void {
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 })
    fs.accessSync(directory, fs.constants.W_OK | fs.constants.X_OK)
  } catch (cause) {
    throw unavailable(`cannot use ${directory}: ${cause instanceof Error ? cause.message : ''}`, cause)
  }
  if (runAs.owner) fs.chownSync(directory, runAs.owner.uid, runAs.owner.gid)
}

async function ensureDatabase(url: string): Promise<string> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    const found = await client.query<{ version: string; present: boolean }>(
      `select current_setting('server_version') as version,
              exists (select from pg_database where datname = 'falconer') as present`,
    )
    if (!found.rows[0]?.present) {
      // The details of an error hold values of columns, which do not belong in a log.
      await client.query(`alter role falconer set log_error_verbosity = terse`)
      await client.query('create database falconer')
    }
    return found.rows[0]?.version ?? ''
  } finally {
    await client.end()
  }
}
