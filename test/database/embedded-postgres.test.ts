import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/store/embedded-postgres.ts'
import { connect, testDirectory } from '../support/global-setup.ts'

const root = path.resolve(import.meta.dirname, '../..')
const isRoot = process.getuid?.() === 0
const platformPackage = `@embedded-postgres/${process.platform}-${process.arch}`

const nobody = 65534
const as = (uid: number) => ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--']

/** An installation of its own, in plain JavaScript: a process that is to be killed cannot be the one that runs the tests. */
let installation: string
let dataDir: string
const children: ChildProcess[] = []

beforeAll(() => {
  installation = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'falconer-embedded-')))
  fs.chmodSync(installation, 0o755)
  const config = {
    extends: path.join(root, 'tsconfig.build.json'),
    compilerOptions: { rootDir: path.join(root, 'src'), outDir: path.join(installation, 'dist'), types: [] },
    files: [path.join(root, 'src/store/embedded-postgres.ts')],
    include: [],
  }
  fs.writeFileSync(path.join(installation, 'tsconfig.json'), JSON.stringify(config))
  spawnSync(process.execPath, [path.join(root, 'node_modules/typescript/bin/tsc'), '-p', installation])
  fs.writeFileSync(path.join(installation, 'package.json'), '{ "type": "module" }')
  fs.writeFileSync(path.join(installation, 'dist/owner.js'), owner)
  // As npm leaves it where install scripts are blocked: the files without the links. Copied, for another user to reach.
  const modules = path.join(installation, 'node_modules')
  for (const name of packagesOf('pg'))
    fs.cpSync(path.join(root, 'node_modules', name), path.join(modules, name), { recursive: true })
  fs.cpSync(path.join(root, 'node_modules', platformPackage), path.join(modules, platformPackage), {
    recursive: true,
    filter: (source) => !fs.lstatSync(source).isSymbolicLink(),
  })
})

afterAll(() => fs.rmSync(installation, { recursive: true, force: true }))

beforeEach(() => {
  dataDir = fs.mkdtempSync(path.join(testDirectory(), 'falconer-data-'))
})

afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
  const postmaster = postmasterPid()
  if (postmaster && isAlive(postmaster)) process.kill(postmaster, 'SIGKILL')
  fs.rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
})

const owner = `
import { startEmbeddedPostgres } from './store/embedded-postgres.js'
try {
  const postgres = await startEmbeddedPostgres(process.argv[2])
  process.on('SIGTERM', () => postgres.stop().then(() => process.exit(0)))
  console.log(JSON.stringify({ url: postgres.url(), pid: postgres.pid, initMs: postgres.initMs, version: postgres.version }))
  setInterval(() => {}, 1000)
} catch (error) {
  console.log(JSON.stringify({ error: error.message }))
}`

interface Report {
  url: string
  pid: number
  initMs?: number
  version: string
  error?: string
}

/** A process that starts the server of the data directory and then waits. */
async function startOwner(
  prefix: string[] = [],
  directory = dataDir,
): Promise<{ child: ChildProcess; report: Report }> {
  const [program, ...args] = [...prefix, process.execPath, path.join(installation, 'dist/owner.js'), directory]
  // A process group of its own, as a terminal would give it.
  const child = spawn(program, args, { cwd: '/', stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  children.push(child)
  for await (const line of createInterface({ input: child.stdout })) {
    const report: Report = JSON.parse(line)
    return { child, report }
  }
  throw new Error('the process ended without a word')
}

async function kill(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exit = once(child, 'exit')
  child.kill(signal)
  await exit
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = await connect(url)
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

function postmasterPid(): number | undefined {
  const file = path.join(dataDir, 'postgres/data/postmaster.pid')
  return fs.existsSync(file) ? Number.parseInt(fs.readFileSync(file, 'utf8'), 10) : undefined
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

function packagesOf(name: string, found = new Set<string>()): Set<string> {
  const manifest = path.join(root, 'node_modules', name, 'package.json')
  if (found.has(name) || !fs.existsSync(manifest)) return found
  found.add(name)
  const { dependencies = {} }: { dependencies?: object } = JSON.parse(fs.readFileSync(manifest, 'utf8'))
  for (const dependency of Object.keys(dependencies)) packagesOf(dependency, found)
  return found
}

describe('the embedded PostgreSQL', () => {
  let postgres: EmbeddedPostgres | undefined

  afterEach(async () => {
    await postgres?.stop()
    postgres = undefined
  })

  it('is made at the first start, with a database of its own, in a directory that only its user can enter', async () => {
    const directory = path.join(dataDir, 'new')
    postgres = await startEmbeddedPostgres(directory)
    expect(postgres.initMs).toBeGreaterThan(0)
    expect(postgres.version).toMatch(/^18\./)
    expect(await query(postgres.url(), 'select current_user as role, current_database() as database')).toEqual([
      { role: 'falconer', database: 'falconer' },
    ])
    expect(fs.statSync(directory).mode & 0o777).toBe(0o700)
    expect(fs.statSync(path.join(directory, 'postgres/data')).mode & 0o777).toBe(0o700)
  })

  it('listens on no port', async () => {
    postgres = await startEmbeddedPostgres(dataDir)
    expect(await query(postgres.url(), `select current_setting('listen_addresses') as addresses`)).toEqual([
      { addresses: '' },
    ])
  })

  it('keeps what it was told over a stop and a start', async () => {
    postgres = await startEmbeddedPostgres(dataDir)
    await query(postgres.url(), 'create table kept as select 42 as n')
    await Promise.all([postgres.stop(), postgres.stop()])
    expect(postmasterPid()).toBeUndefined()
    postgres = await startEmbeddedPostgres(dataDir)
    expect(postgres.initMs).toBeUndefined()
    expect(await query(postgres.url(), 'select n from kept')).toEqual([{ n: 42 }])
  })

  it('works in a directory too deep for a socket', async () => {
    const deep = path.join(dataDir, 'x'.repeat(100))
    postgres = await startEmbeddedPostgres(deep)
    expect(await query(postgres.url(), 'select 1 as one')).toEqual([{ one: 1 }])
    const sockets = new URL(postgres.url()).searchParams.get('host')!
    expect(sockets.length).toBeLessThan(80)
    await postgres.stop()
    expect(fs.existsSync(sockets)).toBe(false)
  })

  it('works in a directory with a name that needs quoting', async () => {
    postgres = await startEmbeddedPostgres(path.join(dataDir, `a "b", c%d&ü`))
    expect(await query(postgres.url(), 'select 1 as one')).toEqual([{ one: 1 }])
  })

  it('leaves nothing behind when it is ephemeral', async () => {
    postgres = await startEmbeddedPostgres(dataDir, { ephemeral: true, maxConnections: 17 })
    expect(await query(postgres.url(), `select current_setting('max_connections') as n`)).toEqual([{ n: '17' }])
    await postgres.stop()
    expect(fs.readdirSync(dataDir)).toEqual([])
  })

  it('makes its files anew when the first attempt was interrupted', async () => {
    fs.mkdirSync(path.join(dataDir, 'postgres/data.new'), { recursive: true })
    fs.writeFileSync(path.join(dataDir, 'postgres/data.new/PG_VERSION'), '18')
    postgres = await startEmbeddedPostgres(dataDir)
    expect(await query(postgres.url(), 'select 1 as one')).toEqual([{ one: 1 }])
  })

  it('says why it does not start, and what else there is', async () => {
    postgres = await startEmbeddedPostgres(dataDir)
    await postgres.stop()
    fs.writeFileSync(path.join(dataDir, 'postgres/data/PG_VERSION'), '17\n')
    await expect(startEmbeddedPostgres(dataDir)).rejects.toThrow(
      /initialized by PostgreSQL version 17[^]*Set DATABASE_URL/,
    )
  })

  it('refuses to serve one directory twice from one process', async () => {
    postgres = await startEmbeddedPostgres(dataDir)
    await expect(startEmbeddedPostgres(dataDir)).rejects.toThrow(`in use by process ${process.pid}`)
    expect(await query(postgres.url(), 'select 1 as one')).toEqual([{ one: 1 }])
  })
})

describe('two processes on one data directory', () => {
  it('refuses the second while the first is alive, and leaves its server alone', async () => {
    const first = await startOwner()
    const second = await startOwner()
    expect(second.report.error).toMatch(new RegExp(`is in use by process ${first.child.pid}[^]*DATABASE_URL`))
    expect(await query(first.report.url, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  it('lets exactly one of several win that start at once on the remains of a killed one', async () => {
    const killed = await startOwner()
    await kill(killed.child, 'SIGKILL')
    const reports = (await Promise.all([startOwner(), startOwner(), startOwner()])).map(({ report }) => report)
    const winners = reports.filter((report) => report.error === undefined)
    expect(winners).toHaveLength(1)
    expect(await query(winners[0]!.url, 'select 1 as one')).toEqual([{ one: 1 }])
  })
})

describe('after a kill -9', () => {
  const remember = (url: string) => query(url, 'create table kept as select 42 as n')
  const recall = async ({ report }: { report: Report }) => {
    expect(report.error).toBeUndefined()
    expect(report.initMs).toBeUndefined()
    expect(await query(report.url, 'select n from kept')).toEqual([{ n: 42 }])
  }

  it('of the owner, stops the orphaned server and starts its own', async () => {
    const { child, report } = await startOwner()
    await remember(report.url)
    await kill(child, 'SIGKILL')
    expect(isAlive(report.pid)).toBe(true)
    const next = await startOwner()
    await recall(next)
    expect(next.report.pid).not.toBe(report.pid)
  })

  it('of the owner, with an open connection', async () => {
    const { child, report } = await startOwner()
    await remember(report.url)
    const open = await connect(report.url)
    await kill(child, 'SIGKILL')
    await recall(await startOwner())
    await expect(open.query('select 1')).rejects.toThrow()
  })

  it('of the server, starts again with the next owner', async () => {
    const { child, report } = await startOwner()
    await remember(report.url)
    process.kill(report.pid, 'SIGKILL')
    await kill(child, 'SIGTERM')
    await recall(await startOwner())
  })

  it('of both, at once', async () => {
    const { child, report } = await startOwner()
    await remember(report.url)
    const open = await connect(report.url)
    process.kill(report.pid, 'SIGKILL')
    await kill(child, 'SIGKILL')
    await recall(await startOwner())
    await open.end().catch(() => {})
  })

  it('of both, with a zombie that nobody reaps', async () => {
    const { child, report } = await startOwner()
    await remember(report.url)
    // A stopped parent does not reap.
    child.kill('SIGSTOP')
    process.kill(report.pid, 'SIGKILL')
    await sleep(50)
    expect(isAlive(report.pid)).toBe(true)
    // Stopped, the owner itself is alive; only its server is in question here.
    fs.rmSync(path.join(dataDir, 'postgres/owner'))
    await recall(await startOwner())
  })

  it('does not take a process that got the number since for the server, or for the owner', async () => {
    const { child, report } = await startOwner()
    await remember(report.url)
    process.kill(report.pid, 'SIGKILL')
    await kill(child, 'SIGKILL')
    const bystander = spawn('sleep', ['60'])
    children.push(bystander)
    const pidFile = path.join(dataDir, 'postgres/data/postmaster.pid')
    for (const file of [pidFile, path.join(dataDir, 'postgres/.s.PGSQL.5432.lock')]) {
      fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace(/^\d+/, String(bystander.pid)))
    }
    fs.writeFileSync(path.join(dataDir, 'postgres/owner'), `${bystander.pid} 12345`)
    await recall(await startOwner())
    expect(bystander.exitCode ?? bystander.signalCode).toBeNull()
  })

  it.runIf(process.platform === 'linux')('of the owner of an ephemeral one, dies with it', async () => {
    const script = path.join(installation, 'dist/owner.js')
    fs.writeFileSync(script, owner.replace('process.argv[2]', 'process.argv[2], { ephemeral: true }'))
    const { child, report } = await startOwner().finally(() => fs.writeFileSync(script, owner))
    await kill(child, 'SIGKILL')
    for (let tries = 0; tries < 100 && isAlive(report.pid); tries++) await sleep(50)
    expect(isAlive(report.pid)).toBe(false)
  })
})

describe('Ctrl-C in a terminal', () => {
  it('reaches the whole process group and still leaves the stop of the server to its owner', async () => {
    const { child, report } = await startOwner()
    process.kill(-child.pid!, 'SIGINT')
    await once(child, 'exit')
    expect(await query(report.url, 'select 1 as one')).toEqual([{ one: 1 }])
  })
})

const native = () => path.join(installation, 'node_modules', platformPackage, 'native')

/** The library links of the package: where each one is, and what it points to. */
function links(): { link: string; source: string }[] {
  const list: { source: string; target: string }[] = JSON.parse(
    fs.readFileSync(path.join(native(), 'pg-symlinks.json'), 'utf8'),
  )
  const at = (file: string) => path.join(native(), '..', file)
  return list.map(({ source, target }) => ({ link: at(target), source: at(source) }))
}

function removeLinks(): void {
  for (const { link } of links()) fs.rmSync(link, { force: true })
}

describe('an installation', () => {
  it('whose scripts npm did not run gets its library links at the start', async () => {
    removeLinks()
    expect((await startOwner()).report.error).toBeUndefined()
    expect(links().every(({ link }) => fs.existsSync(link))).toBe(true)
  })

  it.runIf(isRoot)('whose links are missing and cannot be made is told so', async () => {
    removeLinks()
    fs.chownSync(dataDir, nobody, nobody)
    expect((await startOwner(as(nobody))).report.error).toMatch(/lacks the library link [^]*DATABASE_URL/)
  })

  it('without the package of its platform is told so', async () => {
    const directory = path.dirname(native())
    fs.renameSync(directory, `${directory}-away`)
    const { report } = await startOwner().finally(() => fs.renameSync(`${directory}-away`, directory))
    expect(report.error).toMatch(/is not installed for [^]*DATABASE_URL/)
  })
})

/** Hides unshare(1) from one process and its children. */
const withoutNamespaces = [
  'unshare',
  '--mount',
  '--',
  'sh',
  '-c',
  'mount --bind /bin/false /usr/bin/unshare && exec "$@"',
  'sh',
]
// Where it cannot be tried it is skipped, but not in CI: there it fails.
const canHide =
  Boolean(process.env['CI']) || spawnSync(withoutNamespaces[0]!, [...withoutNamespaces.slice(1), 'true']).status === 0

describe.runIf(isRoot && process.platform === 'linux')('who runs it', () => {
  const uidOf = (pid: number) => /^Uid:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]

  beforeAll(() => {
    removeLinks()
    for (const { link, source } of links()) fs.symlinkSync(source, link)
  })

  it('can be an ordinary user', async () => {
    fs.chownSync(dataDir, nobody, nobody)
    const { child, report } = await startOwner(as(nobody))
    expect(report.error).toBeUndefined()
    expect(uidOf(report.pid)).toBe(String(nobody))
    await kill(child, 'SIGTERM')
    expect(postmasterPid()).toBeUndefined()
  })

  it('cannot be a user who may not write there, and is told so', async () => {
    fs.chmodSync(dataDir, 0o755)
    expect((await startOwner(as(nobody))).report.error).toMatch(/cannot use [^]*EACCES[^]*DATABASE_URL/)
  })

  it('can be a user whom no passwd entry names, where user namespaces are allowed', async (test) => {
    const isAllowed = spawnSync('setpriv', [...as(54_321).slice(1), 'unshare', '--user', 'true']).status === 0
    test.skip(!isAllowed && !process.env['CI'], 'user namespaces are not allowed here')
    fs.chownSync(dataDir, 54_321, 54_321)
    const { report } = await startOwner(as(54_321))
    expect(report.error).toBeUndefined()
    expect(uidOf(report.pid)).toBe('54321')
  })

  it('can be root, within a directory that only root can enter', async () => {
    fs.chmodSync(dataDir, 0o700)
    const { report } = await startOwner([], path.join(dataDir, 'inner'))
    expect(report.error).toBeUndefined()
    expect(await query(report.url, 'select 1 as one')).toEqual([{ one: 1 }])
    process.kill(report.pid, 'SIGKILL')
  })

  it.runIf(canHide)(
    'can be root where user namespaces are refused: the files go to an unprivileged user, for good',
    async () => {
      const first = await startOwner(withoutNamespaces)
      expect(first.report.error).toBeUndefined()
      expect(uidOf(first.report.pid)).toBe(String(nobody))
      expect(fs.statSync(path.join(dataDir, 'postgres')).mode & 0o777).toBe(0o700)
      expect(await query(first.report.url, 'create table kept as select 42 as n')).toEqual([])
      await kill(first.child, 'SIGKILL')
      const second = await startOwner()
      expect(await query(second.report.url, 'select n from kept')).toEqual([{ n: 42 }])
      expect(uidOf(second.report.pid)).toBe(String(nobody))
    },
  )

  it.runIf(canHide)('cannot be root without either of the two, and is told so', async () => {
    fs.chmodSync(dataDir, 0o700)
    const { report } = await startOwner(withoutNamespaces, path.join(dataDir, 'inner'))
    expect(report.error).toMatch(/refuses root[^]*unshare: [^]*setpriv: uid 65534 cannot reach [^]*Set DATABASE_URL/)
  })
})
