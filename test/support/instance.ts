import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildServer } from './build.ts'
import { freePort } from './ports.ts'
import type { Answer, LogLine, TestServer } from './server.ts'
import { testMasterKeys } from './template.ts'

/** A server in a process of its own. */
export interface Instance {
  readonly url: string
  readonly pid: number
  readonly log: LogLine[]
  /** What it wrote that is not a line of the log. */
  readonly output: string[]
  post(path: string, form: Record<string, string>, headers?: Record<string, string>): Promise<Answer>
  /** Sends a signal and waits for the end. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** Starts the compiled server with these settings and waits until it is ready. */
export async function startInstance(settings: Record<string, string>): Promise<Instance> {
  const port = settings['PORT'] ?? String(await freePort())
  const child = spawn(process.execPath, [buildServer()], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      NODE_ENV: 'test',
      HOST: '127.0.0.1',
      PORT: port,
      RATE_LIMITS: 'off',
      ARGON2_MEMORY_KIB: '64',
      ARGON2_TIME: '1',
      CLEANUP_INTERVAL_SECONDS: '3600',
      DEMO: 'false',
      ...settings,
    },
    // No .env of the checkout is to change what is tested.
    cwd: '/',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log: LogLine[] = []
  const output: string[] = []
  readLines(child, log, output)
  const killed = () => void child.kill('SIGKILL')
  process.once('exit', killed)
  const url = `http://127.0.0.1:${port}`
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    process.off('exit', killed)
    if (child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill(signal)
    await exit
  }
  await isListening(url, child, output)
  return {
    url,
    pid: child.pid ?? 0,
    log,
    output,
    end,
    post: (path, form, headers) => postForm(url + path, form, headers),
  }
}

/** Several servers on the database of a test, with its issuer. */
export async function startInstances(
  server: TestServer,
  count: number,
  settings: Record<string, string> = {},
): Promise<Instance[]> {
  const start = () =>
    startInstance({
      ...server.databaseSettings,
      ISSUER: server.server.tools.issuer,
      MASTER_KEYS: testMasterKeys,
      ...settings,
    })
  const starts = await Promise.allSettled(Array.from({ length: count }, start))
  const started = starts.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const failed = starts.find((one) => one.status === 'rejected')
  if (!failed) return started
  // The others would outlive the run.
  await Promise.all(started.map((instance) => instance.end('SIGKILL')))
  throw failed.reason
}

/** A form, and the JSON or text that comes back. */
export async function postForm(
  url: string,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(form).toString(),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') === true && text !== ''
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson ? JSON.parse(text) : { text }) as Answer['body'],
  }
}

function readLines(child: ChildProcess, log: LogLine[], output: string[]): void {
  for (const stream of [child.stdout, child.stderr]) {
    let rest = ''
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) {
        if (line.startsWith('{')) log.push(JSON.parse(line) as LogLine)
        else output.push(line)
      }
    })
  }
}

async function isListening(url: string, child: ChildProcess, output: string[]): Promise<void> {
  for (const deadline = performance.now() + 40_000; performance.now() < deadline; await sleep(25)) {
    if (child.exitCode !== null || child.signalCode !== null) break
    const answer = await fetch(`${url}/readyz`).catch(() => undefined)
    if (answer?.ok) return
  }
  child.kill('SIGKILL')
  throw new Error(`an instance did not start:\n${output.join('\n')}`)
}
