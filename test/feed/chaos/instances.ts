import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { operator } from '../../histories/admin.ts'

/** One instance of the server: always the same address, a new process after every kill. */
export interface Instance {
  readonly url: string
  readonly port: number
  start(): Promise<void>
  kill(): Promise<void>
}

export interface InstanceSettings {
  readonly serverMain: string
  readonly port: number
  /** Where it writes what it has to say. */
  readonly log: string
  /** Of its own: issuer, database, bound of staleness. */
  readonly environment: Readonly<Record<string, string>>
}

/** A machine that has other things to do takes its time. */
const startMs = 200_000
const masterKeys = Buffer.alloc(32, 7).toString('base64url')

export function createInstance(settings: InstanceSettings): Instance {
  const url = `http://127.0.0.1:${settings.port}`
  let child: ChildProcess | undefined
  const kill = async () => {
    if (!child || hasEnded(child)) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
  process.once('exit', () => void child?.kill('SIGKILL'))
  return {
    url,
    port: settings.port,
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

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

function launch({ serverMain, port, log, environment }: InstanceSettings): ChildProcess {
  const output = fs.openSync(log, 'a')
  const child = spawn(process.execPath, [path.resolve(serverMain)], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      NODE_ENV: 'test',
      HOST: '127.0.0.1',
      PORT: String(port),
      DATABASE_POOL_SIZE: '12',
      MASTER_KEYS: masterKeys,
      BOOTSTRAP_ADMIN_CLIENT_ID: operator.id,
      BOOTSTRAP_ADMIN_CLIENT_SECRET: operator.secret,
      // The feed says as a warning that it has found a hole.
      LOG_LEVEL: 'warn',
      RATE_LIMITS: 'off',
      ARGON2_MEMORY_KIB: '64',
      ARGON2_TIME: '1',
      DEMO: 'false',
      ...environment,
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
    if (hasEnded(child)) return false
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(6000) }).catch(() => undefined)
    if (answer?.ok) return true
  }
  return false
}
