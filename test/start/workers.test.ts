import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer as createListener } from 'node:net'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { isRunningWith } from '../../src/store/data-directory-owner.ts'
import { buildServer } from '../support/build.ts'
import { testDirectory } from '../support/global-setup.ts'
import { freePort } from '../support/ports.ts'
import { type LogLine, startServer, type TestClient, type TestServer } from '../support/server.ts'
import { testMasterKeys } from '../support/template.ts'

/** `npm start`, started as the leader of a process group, as a terminal or a service manager would. */
interface Main {
  readonly child: ChildProcess
  readonly url: string
  readonly adminUrl: string
  readonly log: LogLine[]
  /** What it and its workers wrote that is not a line of the log. */
  readonly output: string[]
}

let server: TestServer
let reader: TestClient
const started: Main[] = []

beforeAll(async () => {
  server = await startServer()
  reader = await server.createClient({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    scope: 'revocations:read',
  })
})
afterAll(() => server.close())
afterEach(async () => {
  for (const { child } of started.splice(0)) {
    if (!isOver(child)) await end(child, 'SIGKILL')
    // Nothing of the group may outlive the test, whatever went wrong in it.
    signalGroup(child, 'SIGKILL')
  }
})

async function start(settings: Record<string, string>): Promise<Main> {
  const port = settings['PORT'] ?? String(await freePort())
  const adminPort = settings['ADMIN_PORT'] ?? String(await freePort())
  const child = spawn(process.execPath, [buildServer()], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      NODE_ENV: 'test',
      LOG_LEVEL: 'debug', // it tells of /readyz, and so who has answered
      PORT: port,
      ADMIN_PORT: adminPort,
      RATE_LIMITS: 'off',
      ARGON2_MEMORY_KIB: '64',
      ARGON2_TIME: '1',
      CLEANUP_INTERVAL_SECONDS: '3600',
      ...server.databaseSettings,
      ISSUER: server.server.tools.issuer,
      MASTER_KEYS: testMasterKeys,
      ...settings,
    },
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const log: LogLine[] = []
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    let rest = ''
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line.startsWith('{')) log.push(JSON.parse(line) as LogLine)
        else output.push(line)
      }
    })
  }
  const main = { child, url: `http://127.0.0.1:${port}`, adminUrl: `http://127.0.0.1:${adminPort}`, log, output }
  started.push(main)
  return main
}

async function startReady(settings: Record<string, string>): Promise<Main> {
  const main = await start(settings)
  await until(() => main.log.some(({ msg }) => msg === 'ready') || isOver(main.child))
  if (isOver(main.child)) throw new Error(`it did not start:\n${main.output.join('\n')}`)
  return main
}

/** Waits for what happens sooner or later; how long that takes is not what is tested. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1500; tries++, await sleep(20)) if (await isSo()) return
  throw new Error(`waited in vain for ${isSo.toString()}`)
}

const isOver = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  // 'close' comes when nobody holds the other ends of the pipes any more: no worker either.
  const closed = once(child, 'close')
  child.kill(signal)
  await closed
  return child.exitCode
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal)
  } catch {
    // Nobody is left of it.
  }
}

/** A worker that runs; one that is over and that nobody has taken note of does not. */
const isAlive = (pid: number): boolean => isRunningWith(pid, path.join(path.dirname(buildServer()), 'worker.js'))
const workersOf = ({ log }: Main): number[] =>
  log.filter(({ msg }) => msg === 'a worker serves').map((line) => Number(line['worker']))
const answeredBy = ({ log }: Main): Set<number> =>
  new Set(log.filter(({ msg }) => msg === 'answered').map((line) => Number(line['pid'])))

/** A request on a connection of its own, as connections are what workers share. */
const ask = async (url: string): Promise<number> => {
  const response = await fetch(url, { headers: { connection: 'close' }, signal: AbortSignal.timeout(20_000) })
  await response.arrayBuffer()
  return response.status
}

async function scrape({ adminUrl }: Main): Promise<Map<string, number>> {
  const response = await fetch(`${adminUrl}/metrics`, { headers: { connection: 'close' } })
  expect(response.status).toBe(200)
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]))
}

const read = (main: Main, path: string): Promise<Response> => {
  const authorization = `Basic ${Buffer.from(`${reader.clientId}:${reader.secret}`).toString('base64')}`
  const name = `verifier-${randomBytes(8).toString('hex')}`
  return fetch(`${main.url}/revocations${path}`, { headers: { authorization, 'falconer-verifier': name } })
}

/** A verifier that listens, on a connection of its own. */
const stream = async (main: Main): Promise<Response> => {
  const response = await read(main, '/stream?after=0')
  expect(response.status).toBe(200)
  return response
}

/** Four requests that wait for news of the feed, and are with the workers when this resolves: an answer comes only from one that stops in order. */
async function beginWaiting(main: Main): Promise<Promise<number>[]> {
  const frame = (await (await read(main, '?after=0')).json()) as { to: number }
  const waiting = Array.from({ length: 4 }, async () => (await read(main, `?after=${frame.to}&wait=30`)).status)
  // Connections are handed out one after the other: whoever answers these has got those.
  for (let i = 0; i < 6; i++) expect(await ask(`${main.url}/readyz`)).toBe(200)
  return waiting
}

describe('WORKERS', () => {
  it('is one process unless it is set', async () => {
    const main = await startReady({})
    for (let i = 0; i < 4; i++) expect(await ask(`${main.url}/readyz`)).toBe(200)
    await until(() => answeredBy(main).size > 0)
    expect([...answeredBy(main)]).toEqual([main.child.pid])
    expect(workersOf(main)).toEqual([])
    expect(await end(main.child, 'SIGTERM')).toBe(0)
  })

  it.each(['0', 'abc'])('is refused when it is %s', async (workers) => {
    const main = await start({ WORKERS: workers })
    await once(main.child, 'close')
    expect(main.child.exitCode).toBe(78)
    expect(main.output.join('\n')).toContain(`WORKERS must be a whole number from 1 to 128; it is "${workers}"`)
    expect(main.log).toEqual([])
  })

  it('of two: both answer on PORT and on ADMIN_PORT, the first process answers nothing, and none of them tells a secret', async () => {
    const main = await startReady({ WORKERS: '2', LOG_LEVEL: 'trace' })
    const workers = workersOf(main)
    expect(workers).toHaveLength(2)
    for (let i = 0; i < 8; i++) expect(await ask(`${main.url}/readyz`)).toBe(200)
    for (let i = 0; i < 8; i++) expect(await ask(`${main.adminUrl}/livez`)).toBe(200)
    await until(() => main.log.filter(({ msg }) => msg === 'answered').length === 16)
    expect(answeredBy(main)).toEqual(new Set(workers))
    expect(await ask(`${main.url}/metrics`)).toBe(404)
    const commands = await Promise.all(workers.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8')))
    expect(workers.every(isAlive)).toBe(true)
    const shown = [...commands, JSON.stringify(main.log), ...main.output].join('\n')
    expect(shown).not.toContain(testMasterKeys)
    expect(shown).not.toContain(server.databaseSettings['DATABASE_URL'])
  })

  it('goes on when one is killed, and replaces it', async () => {
    const main = await startReady({ WORKERS: '2' })
    const [victim = 0, other = 0] = workersOf(main)
    process.kill(victim, 'SIGKILL')
    await until(() => main.log.some((line) => line.msg === 'a worker ended and is replaced'))
    expect(main.log.find((line) => line['reason'] === 'SIGKILL')).toMatchObject({ worker: victim })
    for (let i = 0; i < 4; i++) expect(await ask(`${main.url}/readyz`)).toBe(200)
    await until(() => workersOf(main).length === 3)
    const [, , successor = 0] = workersOf(main)
    for (let i = 0; i < 8; i++) expect(await ask(`${main.url}/readyz`)).toBe(200)
    await until(() => answeredBy(main).has(successor))
    expect(isAlive(other)).toBe(true)
    expect(await end(main.child, 'SIGTERM')).toBe(0)
    expect([other, successor].filter(isAlive)).toEqual([])
  })

  it('waits longer and longer before it replaces one that dies at once', async () => {
    const main = await startReady({ WORKERS: '2' })
    for (let round = 1; round <= 3; round++) {
      process.kill(workersOf(main).at(-1) ?? 0, 'SIGKILL')
      await until(() => workersOf(main).length === 2 + round)
    }
    expect(main.log.filter(({ reason }) => reason === 'SIGKILL').map((line) => line['pauseMs'])).toEqual([
      100, 200, 400,
    ])
  })

  it('stops with SIGTERM: what is asked is answered, streams end, and no process is left', async () => {
    const main = await startReady({ WORKERS: '2' })
    const streams = await Promise.all([stream(main), stream(main), stream(main), stream(main)])
    const texts = streams.map((response) => response.text())
    const waiting = await beginWaiting(main)
    expect(await end(main.child, 'SIGTERM')).toBe(0)
    for (const text of await Promise.all(texts)) expect(text).toContain('event: hello')
    expect(await Promise.all(waiting)).toEqual([200, 200, 200, 200])
    expect(workersOf(main).filter(isAlive)).toEqual([])
    expect(main.output).toEqual([])
  })

  it('stops once, and as much in order, when Ctrl-C reaches every process of the group', async () => {
    const main = await startReady({ WORKERS: '2' })
    const waiting = await beginWaiting(main)
    const closed = once(main.child, 'close')
    signalGroup(main.child, 'SIGINT')
    await closed
    expect(main.child.exitCode).toBe(0)
    expect(await Promise.all(waiting)).toEqual([200, 200, 200, 200])
    expect(main.log.filter(({ msg }) => msg === 'stopping')).toHaveLength(1)
    expect(main.log.filter(({ msg }) => msg === 'a worker ended and is replaced')).toEqual([])
    expect(main.output).toEqual([])
    expect(workersOf(main).filter(isAlive)).toEqual([])
  })

  it('stops while the workers are still starting', async () => {
    const main = await start({ WORKERS: '2' })
    await until(() => main.log.some(({ msg }) => msg?.endsWith('signing keys ready') === true))
    expect(await end(main.child, 'SIGTERM')).toBe(0)
    expect(main.output).toEqual([])
  })

  it('leaves no worker behind when the first process is killed: they finish and go', async () => {
    const main = await startReady({ WORKERS: '2' })
    const waiting = await beginWaiting(main)
    await end(main.child, 'SIGKILL')
    expect(await Promise.all(waiting)).toEqual([200, 200, 200, 200])
    expect(workersOf(main).filter(isAlive)).toEqual([])
    expect(main.output).toEqual([])
  })

  it('tells once that a port is in use, and by its name', async () => {
    const taken = createListener().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' && address ? String(address.port) : ''
    try {
      for (const name of ['PORT', 'ADMIN_PORT']) {
        const main = await start({ WORKERS: '3', [name]: port })
        await once(main.child, 'close')
        expect(main.output).toEqual([
          `Port ${port} is in use. Stop what listens there, or set ${name} to another port.`,
        ])
        expect(main.child.exitCode).toBe(69)
      }
    } finally {
      taken.close()
    }
  })

  it('makes the embedded database once, with room for the pools of all, and stops it last', async () => {
    const dataDir = await mkdtemp(`${testDirectory()}/falconer-workers-`)
    try {
      const own = { DATABASE_URL: '', DATABASE_DIRECT_URL: '', MASTER_KEYS: '', DATA_DIR: dataDir, DEMO: 'false' }
      const main = await startReady({ ...own, WORKERS: '2', DATABASE_POOL_SIZE: '60' })
      expect(main.log.filter(({ msg }) => msg?.startsWith('PostgreSQL') === true)).toHaveLength(1)
      expect(await ask(`${main.url}/readyz`)).toBe(200)
      const [postmaster = ''] = (await readFile(`${dataDir}/postgres/data/postmaster.pid`, 'utf8')).split('\n')
      expect(isRunningWith(Number(postmaster), 'max_connections=203')).toBe(true)
      expect(await end(main.child, 'SIGTERM')).toBe(0)
      expect(isRunningWith(Number(postmaster), 'max_connections=203')).toBe(false)
      expect(main.output).toEqual([])
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  })
})

describe('GET /metrics of several workers', () => {
  it('adds up what each has, and takes once what all read from the database', async () => {
    await server.db.query(
      `insert into limits (key, n, ends_at) select 'workers-' || i, 1, clock_now() - interval '1 s' from generate_series(1, 30) i`,
    )
    const main = await startReady({ WORKERS: '3' })
    const streams = await Promise.all(Array.from({ length: 6 }, () => stream(main)))
    // Connections go round: three workers have two streams each, and each shows all six.
    for (let i = 0; i < 6; i++) {
      const samples = await scrape(main)
      expect(samples.get('falconer_feed_streams')).toBe(6)
      expect(samples.get('falconer_cleanup_backlog_rows{table="limits"}')).toBe(30)
      expect(samples.get('falconer_cleanup_last_complete_timestamp_seconds')).toBe(0)
      expect(samples.get('falconer_audit_partitions_due')).toBe(0)
      expect(samples.get('falconer_database_connections{state="open"}')).toBeGreaterThanOrEqual(3)
    }
    await until(() => answeredBy(main).size === 3)
    for (const response of streams) await response.body?.cancel()
  })

  it('never counts backwards when a worker dies', async () => {
    const main = await startReady({ WORKERS: '2', CLEANUP_INTERVAL_SECONDS: '1' })
    const rounds = async () => (await scrape(main)).get('falconer_cleanup_rounds_total{outcome="complete"}') ?? 0
    await until(async () => (await rounds()) >= 4)
    for (let round = 1; round <= 2; round++) {
      const before = await scrape(main)
      for (const pid of workersOf(main).filter(isAlive)) process.kill(pid, 'SIGKILL')
      await until(() => workersOf(main).length === 2 + 2 * round)
      const after = await scrape(main)
      for (const name of ['falconer_cleanup_rounds_total{outcome="complete"}', 'process_cpu_seconds_total'])
        expect(after.get(name), name).toBeGreaterThanOrEqual(before.get(name) ?? Number.NaN)
    }
  })
})
