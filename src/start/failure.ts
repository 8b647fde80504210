import { type Config, ConfigError } from '../config.ts'

/** Why the server did not start, for the person who started it: what is wrong and what to do. */
export interface StartFailure {
  readonly message: string
  readonly exitCode: number
}

const wrongSettings = 78 // EX_CONFIG of sysexits.h
const unavailable = 69 // EX_UNAVAILABLE
const failed = 1

/** Explains what kept the server from starting. `config` is absent while it is not known. */
export function explainStartFailure(error: unknown, config: Config | undefined): StartFailure {
  if (error instanceof ConfigError) return { message: error.message, exitCode: wrongSettings }
  const { code, message, port } = factsOf(error)
  if (code === 'EADDRINUSE' && config) {
    const name = nameOfPort(port, config)
    const what = `Port ${port} is in use. Stop what listens there, or set ${name} to another port.`
    return { message: what, exitCode: unavailable }
  }
  if (code === 'EACCES' && port !== undefined)
    return { message: `Port ${port} may not be used by this user: set PORT above 1023.`, exitCode: unavailable }
  if (code === 'ERR_MODULE_NOT_FOUND' && message.includes('openid-client'))
    return {
      message: 'The demo needs the optional packages: run npm ci without --omit, or set DEMO=false.',
      exitCode: failed,
    }
  return { message: message === '' ? code : message, exitCode: failed }
}

/** An error of the first connection to the database of the operator, in words; never with the URL, which may hold a password. */
export function explainDatabaseFailure(error: unknown, url: string): Error {
  const { code, message } = factsOf(error)
  const { hostname, port, pathname, searchParams } = URL.canParse(url) ? new URL(url) : new URL('postgresql://?/')
  const where = searchParams.get('host') ?? `${hostname}:${port || '5432'}`
  const database = decodeURIComponent(pathname.slice(1))
  const what = whatToDo(code, where, database)
  // What the server says in its own words stays: a failed migration explains itself.
  return what === undefined && error instanceof Error && message !== ''
    ? error
    : new Error(`Falconer cannot use its database. ${what ?? code}`, { cause: error })
}

function whatToDo(code: string, where: string, database: string): string | undefined {
  if (code === 'ECONNREFUSED' || code === 'ENOENT')
    return `Nothing answers at ${where}: start PostgreSQL there, or correct DATABASE_URL.`
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `The host of ${where} is not known: correct DATABASE_URL.`
  if (code === 'ETIMEDOUT' || code === 'EHOSTUNREACH')
    return `${where} cannot be reached: look at the network and DATABASE_URL.`
  if (code === '28P01' || code === '28000')
    return `PostgreSQL at ${where} refuses the user or the password of DATABASE_URL.`
  if (code === '3D000')
    return `PostgreSQL at ${where} has no database "${database}": create it, or correct DATABASE_URL.`
  return undefined
}

function nameOfPort(port: number | undefined, { demo, demoPort, adminPort }: Config): string {
  if (demo && port === demoPort) return 'DEMO_PORT'
  return port !== undefined && port === adminPort ? 'ADMIN_PORT' : 'PORT'
}

/** Of a failure what explains it, and can be sent from process to process. */
export interface FailureFacts {
  readonly code: string
  readonly message: string
  readonly port: number | undefined
}

/** Several addresses of one host fail together, in an error without a message of its own. */
export function factsOf(error: unknown): FailureFacts {
  const inner: unknown = error instanceof AggregateError && error.message === '' ? error.errors[0] : error
  const { code, message, port } = (inner ?? {}) as { code?: unknown; message?: unknown; port?: unknown }
  return {
    code: typeof code === 'string' ? code : '',
    message: typeof message === 'string' ? message : String(inner),
    port: typeof port === 'number' ? port : undefined,
  }
}
