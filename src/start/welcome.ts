import path from 'node:path'
import type { WriteStream } from 'node:tty'
import type { FastifyBaseLogger } from 'fastify'
import { pino } from 'pino'
import type { Config } from '../config.ts'
import { createLogOutput } from './log-output.ts'

/** What a start says: ticks for a person at a terminal, log lines for everything else. */
export interface Welcome {
  /** A step that was just done. */
  step(what: string): void
  warn(what: string): void
  done(started: Started): void
  stopping(): void
}

export interface Started {
  readonly issuer: string
  readonly isEmbedded: boolean
  readonly dataDir: string
  /** By this link somebody becomes the first administrator. */
  readonly setupUrl?: string
  readonly demo?: { readonly url: string; readonly username: string; readonly password: string }
}

interface Voice {
  readonly welcome: Welcome
  readonly logger: FastifyBaseLogger
}

/** Begins to tell, and makes the log that goes with it. Each step is told with the time since the one before. */
export function createWelcome(output: WriteStream, config: Pick<Config, 'logLevel' | 'workers'>): Voice {
  return output.isTTY ? forPerson(output) : forMachine(config)
}

const aloneBytes = 16_384
/** What a pipe takes at once, so that the lines of several workers stay whole. */
const amongOthersBytes = 4096

function forMachine({ logLevel: level, workers }: Pick<Config, 'logLevel' | 'workers'>): Voice {
  const logger = pino({ level }, createLogOutput(workers === 1 ? aloneBytes : amongOthersBytes))
  const elapsed = createTimer()
  const welcome: Welcome = {
    step: (what) => logger.info({ seconds: Number(elapsed().toFixed(2)) }, what),
    warn: (what) => logger.warn(what),
    done: ({ issuer, dataDir, demo }) => {
      // The password of the demo user is for whoever sits at the terminal: the log names the file that has it.
      const shown = demo
        ? { demo: { url: demo.url, username: demo.username, passwordIn: path.join(dataDir, 'demo.json') } }
        : {}
      logger.info({ issuer, ...shown }, 'ready')
    },
    stopping: () => logger.info('stopping'),
  }
  return { welcome, logger }
}

function forPerson(output: WriteStream): Voice {
  const print = (text: string) => output.write(`${text}\n`)
  // A terminal that was closed takes no more words, which is no reason to stop in disorder.
  output.on('error', () => {})
  const { bold, green, yellow, red, dim, cyan } = colorsFor(output)
  const elapsed = createTimer()
  const total = createTimer()
  const welcome: Welcome = {
    step: (what) => print(`  ${green('✔')} ${what.padEnd(54)} ${dim(`${elapsed().toFixed(1)} s`)}`),
    warn: (what) => print(`  ${yellow('!')} ${what}`),
    done: ({ issuer, isEmbedded, demo, setupUrl }) => {
      const rows: [string, string][] = [
        ...(demo ? demoRows(demo, bold, dim) : []),
        ...(setupUrl === undefined ? [] : setupRows(setupUrl, dim)),
        ['Discovery', cyan(`${issuer}/.well-known/openid-configuration`)],
        [
          'Your app',
          `npx falconer clients create --preset express --write-env .env  ${dim('(README, "Your own app")')}`,
        ],
      ]
      print(`\n${rows.map(([name, value]) => `  ${name.padEnd(12)}${value}`).join('\n')}\n`)
      if (isEmbedded)
        print(
          dim('  Development mode: http, embedded database. Set DATABASE_URL, MASTER_KEYS and ISSUER for production.'),
        )
      print(dim(`  Ready after ${total().toFixed(1)} s. Ctrl-C stops everything.\n`))
    },
    stopping: () => print(dim('\n  Stopping …')),
  }
  // Only what a person should see: the requests of a trial are no news, what goes wrong in them is.
  const write = (line: string) => {
    const { msg = '', err } = JSON.parse(line) as { msg?: string; err?: { message?: string; stack?: string } }
    print(`  ${red('✘')} ${msg}${err === undefined ? '' : `: ${err.stack ?? err.message ?? ''}`}`)
  }
  return { welcome, logger: pino({ level: 'warn' }, { write }) }
}

const demoRows = (
  { url, username, password }: NonNullable<Started['demo']>,
  bold: (text: string) => string,
  dim: (text: string) => string,
): [string, string][] => [
  ['Try it', `${bold(url)}  ${dim('a demo app: choose "Log in"')}`],
  ['', `user ${bold(username)}   password ${bold(password)}`],
]

const setupRows = (url: string, dim: (text: string) => string): [string, string][] => [
  ['Console', url],
  ['', dim('makes you the administrator: once, within 15 minutes; another link: npx falconer admin link')],
]

/** Seconds since it was last asked, or made. */
function createTimer(): () => number {
  let since = performance.now()
  return () => {
    const seconds = (performance.now() - since) / 1000
    since = performance.now()
    return seconds
  }
}

/** Plain text where the terminal has no colours, or NO_COLOR says so. */
function colorsFor(output: WriteStream) {
  const color = (code: number) => (text: string) => (output.hasColors() ? `\u001B[${code}m${text}\u001B[0m` : text)
  return { bold: color(1), dim: color(2), red: color(31), green: color(32), yellow: color(33), cyan: color(36) }
}
