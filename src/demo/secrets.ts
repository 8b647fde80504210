import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { memorablePassword } from './words.ts'

/** What the demo knows and nobody else: generated once, kept in `DATA_DIR/demo.json`. */
export interface DemoSecrets {
  readonly username: string
  readonly password: string
  readonly clientSecret: string
  readonly apiSecret: string
}

/** The secrets of the demo in `dataDir`; made when there are none, so that they survive a restart. */
export async function ensureDemoSecrets(dataDir: string): Promise<DemoSecrets> {
  const file = path.join(dataDir, 'demo.json')
  const known = await readSecrets(file)
  if (known) return known
  const secrets: DemoSecrets = {
    username: 'demo@example.com',
    password: memorablePassword(),
    clientSecret: randomBytes(32).toString('base64url'),
    apiSecret: randomBytes(32).toString('base64url'),
  }
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  // A file that exists would keep the mode that it has.
  await rm(file, { force: true })
  await writeFile(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
  return secrets
}

/** A file that is missing or damaged is made anew: seeding brings the server in line with it. */
async function readSecrets(file: string): Promise<DemoSecrets | undefined> {
  try {
    const content: unknown = JSON.parse(await readFile(file, 'utf8'))
    return isSecrets(content) ? content : undefined
  } catch {
    return undefined
  }
}

function isSecrets(content: unknown): content is DemoSecrets {
  const members = (content ?? {}) as Record<string, unknown>
  const isText = (name: string, least: number) => typeof members[name] === 'string' && members[name].length >= least
  return isText('username', 1) && isText('password', 8) && isText('clientSecret', 32) && isText('apiSecret', 32)
}
