import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { vi } from 'vitest'
import { buildServer } from '../support/build.ts'
import { adminClient, type TestServer } from '../support/server.ts'

/** What a command has said, and its exit code. */
export interface Said {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

export interface How {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly input?: string
}

let main: string | undefined

/** The command line as it is shipped, compiled. */
export const cliPath = (): string => (main ??= path.join(path.dirname(buildServer()), '../cli/main.js'))

/** Starts `falconer` as a process of its own, somewhere without files of anybody. */
export const start = (args: readonly string[], { env = {}, cwd = os.tmpdir() }: How = {}): ChildProcess =>
  spawn(process.execPath, [cliPath(), ...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: os.tmpdir(), DATA_DIR: '/nonexistent', ...env },
  })

export async function collect(child: ChildProcess, input?: string): Promise<Said> {
  let [out, err] = ['', '']
  child.stdout?.on('data', (part) => (out += String(part)))
  child.stderr?.on('data', (part) => (err += String(part)))
  child.stdin?.on('error', () => {})
  child.stdin?.end(input)
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })))
}

export const run = (args: readonly string[], how: How = {}): Promise<Said> => collect(start(args, how), how.input)

/** The environment of an operator of this server. */
export const operatorOf = (server: TestServer): Record<string, string> => ({
  FALCONER_URL: server.url,
  FALCONER_CLIENT_ID: adminClient.id,
  FALCONER_CLIENT_SECRET: adminClient.secret,
})

/** The command line of that operator. */
export interface Operator {
  (...args: string[]): Promise<Said>
  /** What it answers in JSON. @throws when it fails */
  json<Body = Record<string, unknown>>(...args: string[]): Promise<Body>
  with(how: How, ...args: string[]): Promise<Said>
}

export function createOperator(server: TestServer): Operator {
  const env = operatorOf(server)
  const operator = (...args: string[]) => run(args, { env })
  return Object.assign(operator, {
    json: async <Body>(...args: string[]): Promise<Body> => {
      const { code, out, err } = await run([...args, '--json'], { env })
      if (code !== 0) throw new Error(`falconer ${args.join(' ')}: ${code} ${err}`)
      return JSON.parse(out) as Body
    },
    with: (how: How, ...args: string[]) => run(args, { ...how, env: { ...env, ...how.env } }),
  })
}

/** Whether there is something that gives a process a terminal (util-linux). */
export const hasTerminal = existsSync('/usr/bin/script')

export interface Session {
  readonly screen: () => string
  /** Waits until the screen shows the text, then types. */
  answer(after: string | RegExp, typed: string): Promise<void>
  readonly done: Promise<number | null>
}

const shellQuoted = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`

/** The same in a terminal, where a person can be asked. */
export function runInTerminal(
  args: readonly string[],
  { env = {}, cwd = os.tmpdir() }: How = {},
  columns = 100,
): Session {
  const command = [process.execPath, cliPath(), ...args].map(shellQuoted).join(' ')
  const child = spawn('/usr/bin/script', ['-qefc', `stty cols ${columns}; exec ${command}`, '/dev/null'], {
    cwd,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: os.tmpdir(),
      TERM: 'xterm-256color',
      DATA_DIR: '/nonexistent',
      ...env,
    },
  })
  let screen = ''
  child.stdout.on('data', (part) => (screen += String(part)))
  return {
    screen: () => screen,
    done: new Promise((resolve) => child.once('close', resolve)),
    answer: async (after, typed) => {
      const isShown = () => (typeof after === 'string' ? screen.includes(after) : after.test(screen))
      await vi.waitFor(
        () => {
          if (!isShown()) throw new Error(`not asked yet: ${screen}`)
        },
        { timeout: 30_000, interval: 20 },
      )
      screen = ''
      child.stdin.write(typed)
    },
  }
}

/** A folder of a test's own; inside the repository, where packages are found, if it is for an application. */
export function createFolder({ withPackages = false } = {}): { path: string; remove: () => void } {
  const root = path.resolve(import.meta.dirname, '../../dist-test')
  if (withPackages) mkdirSync(root, { recursive: true })
  const folder = mkdtempSync(path.join(withPackages ? root : os.tmpdir(), 'cli-'))
  return { path: folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}
