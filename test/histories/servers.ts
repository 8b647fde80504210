import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { operator } from './admin.ts'

/** One instance of the server under test: always the same address, a new process after every kill. */
export interface ServerProcess {
  readonly url: string
  start(): Promise<void>
  kill(): Promise<void>
}

export interface ServerSettings {
  readonly serverMain: string
  readonly databaseUrl: string
  readonly issuer: string
  readonly port: number
  /** Where it writes what it has to say. */
  readonly log: string
}

/** A machine that has other things to do takes its time; one that gives up and begins again never gets there. */
const startMs = 200_000
const masterKeys = Buffer.alloc(32, 7).toString('base64url')

export function createServerProcess(settings: ServerSettings): ServerProcess {
  const url = `http://127.0.0.1:${settings.port}`
  let child: ChildProcess | undefined
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
  process.once('exit', () => void child?.kill('SIGKILL'))
  return {
    url,
    kill,
    start: async () => {
      // Without its database an instance does not start; then it is started again, as whatever supervises it would.
      for (const deadline = performance.now() + startMs; performance.now() < deadline; await sleep(250)) {
        child = launch(settings)
        if (await isReady(url, child)) return
        await kill()
      }
      throw new Error(`an instance did not start:\n${fs.readFileSync(settings.log, 'utf8').slice(-3000)}`)
    },
  }
}

function launch({ serverMain, databaseUrl, issuer, port, log }: ServerSettings): ChildProcess {
  const output = fs.openSync(log, 'a')
  const child = spawn(process.execPath, [path.resolve(serverMain)], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      NODE_ENV: 'test',
      HOST: '127.0.0.1',
      PORT: String(port),
      ISSUER: issuer,
      DATABASE_URL: databaseUrl,
      DATABASE_POOL_SIZE: '12',
      MASTER_KEYS: masterKeys,
      BOOTSTRAP_ADMIN_CLIENT_ID: operator.id,
      BOOTSTRAP_ADMIN_CLIENT_SECRET: operator.secret,
      LOG_LEVEL: process.env['FALCONER_HISTORY_LOG'] ?? 'error',
      RATE_LIMITS: 'off',
      ARGON2_MEMORY_KIB: '64',
      ARGON2_TIME: '1',
      DEMO: 'false',
    },
    // No .env of the checkout is to change what is tested.
    cwd: '/',
    stdio: ['ignore', output, output],
  })
  fs.closeSync(output)
  return child
}

async function isReady(url: string, child: ChildProcess): Promise<boolean> {
  for (const deadline = performance.now() + startMs; performance.now() < deadline; await sleep(25)) {
    if (child.exitCode !== null || child.signalCode !== null) return false
    const answer = await fetch(`${url}/readyz`).catch(() => undefined)
    if (answer?.ok) return true
  }
  return false
}
