import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { type Invocation, UsageError } from './command.ts'

/** Which server to ask, and as whom. */
export interface Credentials {
  /** The issuer. */
  readonly url: string
  /** Where `/admin/v1` is: with ADMIN_PORT that is somewhere else. */
  readonly adminUrl: string
  readonly clientId: string
  readonly clientSecret: string
  /** Where the secret was found, for messages about it. */
  readonly from: string
}

type Environment = Invocation['env']

/** What an embedded server leaves for the command line beside its database. */
const fileName = 'cli-client.json'

/** The folder of the installation, which is where most people start the server. */
const installation = fileURLToPath(new URL('../..', import.meta.url))

/**
 * The credentials in the environment, else those that an embedded server has left in its DATA_DIR. A secret goes only to the server that it
 * was found with.
 * @throws {UsageError} that says what is missing and how to get it
 */
export function findCredentials(env: Environment): Credentials {
  const own = withEnvFile(env)
  const [url, clientId] = [own['FALCONER_URL'], own['FALCONER_CLIENT_ID']]
  const clientSecret = own['FALCONER_CLIENT_SECRET'] ?? readSecretFile(own['FALCONER_CLIENT_SECRET_FILE'])
  const given = { FALCONER_URL: url, FALCONER_CLIENT_ID: clientId, FALCONER_CLIENT_SECRET: clientSecret }
  const missing = Object.entries(given).filter(([, value]) => value === undefined || value === '')
  if (url && clientId && clientSecret) {
    const adminUrl = own['FALCONER_ADMIN_URL']
    return checked({
      url,
      clientId,
      clientSecret,
      from: 'FALCONER_CLIENT_SECRET',
      ...(adminUrl ? { adminUrl } : {}),
    })
  }
  const found = foldersOf(own).map(readLeftBehind).find(Boolean)
  if (found && missing.length === 3) return checked(found)
  if (found && url !== undefined && missing.length === 2 && sameServer(url, found.url)) return checked(found)
  throw new UsageError(explain(missing.map(([name]) => name)))
}

/** The address of the server, where only that is needed: also without a secret. */
export function findServer(env: Environment): string | undefined {
  const own = withEnvFile(env)
  return own['FALCONER_URL'] ?? foldersOf(own).map(readLeftBehind).find(Boolean)?.url
}

function explain(missing: readonly string[]): string {
  if (missing.length < 3) return `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not set.`
  return `No server is known. Beside a server that was started with npm start, run this in the same folder, or set DATA_DIR.
For any other set FALCONER_URL, FALCONER_CLIENT_ID and FALCONER_CLIENT_SECRET: BOOTSTRAP_ADMIN_CLIENT_ID and
BOOTSTRAP_ADMIN_CLIENT_SECRET of the server make such a client.`
}

/**
 * As the server reads it: a file .env, and the environment over it. But where the environment names a server or a secret, the file does
 * not: the .env of whatever folder this is must not choose where a secret goes.
 */
function withEnvFile(env: Environment): Environment {
  const file = Object.entries(readEnvFile())
  const isNamed = Object.keys(env).some((name) => name.startsWith('FALCONER_'))
  const taken = isNamed ? file.filter(([name]) => !name.startsWith('FALCONER_')) : file
  return { ...Object.fromEntries(taken), ...env }
}

function readEnvFile(): Environment {
  try {
    return parseEnv(readFileSync('.env', 'utf8'))
  } catch {
    return {}
  }
}

function readSecretFile(file: string | undefined): string | undefined {
  if (!file) return undefined
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new UsageError(`FALCONER_CLIENT_SECRET_FILE cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

function foldersOf(env: Environment): string[] {
  const named = env['DATA_DIR']
  return named ? [named] : [path.resolve('.data'), path.join(installation, '.data')]
}

function readLeftBehind(folder: string): Unchecked | undefined {
  const file = path.join(folder, fileName)
  try {
    const content = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
    const { url, admin_url: adminUrl, client_id: clientId, client_secret: clientSecret } = content
    if (typeof url !== 'string' || typeof clientId !== 'string' || typeof clientSecret !== 'string') return undefined
    return { url, clientId, clientSecret, from: file, ...(typeof adminUrl === 'string' ? { adminUrl } : {}) }
  } catch {
    return undefined
  }
}

type Unchecked = Omit<Credentials, 'adminUrl'> & { readonly adminUrl?: string }

function checked({ adminUrl, ...rest }: Unchecked): Credentials {
  const url = checkUrl('FALCONER_URL', rest.url)
  return { ...rest, url, adminUrl: adminUrl === undefined ? url : checkUrl('FALCONER_ADMIN_URL', adminUrl) }
}

/** @throws {UsageError} for what would send a secret in the clear */
export function checkUrl(name: string, text: string): string {
  if (!URL.canParse(text)) throw new UsageError(`${name} must be a URL such as https://login.example.com`)
  const { protocol, hostname, origin, pathname } = new URL(text)
  const isHere = ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  if (protocol !== 'https:' && !(protocol === 'http:' && isHere))
    throw new UsageError(`${name} must be https, except on this machine: the secret of the client is sent there`)
  return origin + pathname.replace(/\/$/, '')
}

const sameServer = (a: string, b: string): boolean =>
  URL.canParse(a) && URL.canParse(b) && new URL(a).origin === new URL(b).origin
