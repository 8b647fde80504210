import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** What `falconer` on the command line needs to know of an embedded server. */
interface Located {
  readonly issuer: string
  /** With ADMIN_PORT the admin API is somewhere else. */
  readonly adminUrl: string | undefined
}

/** The client of the command line. */
const developmentClientId = 'falconer-cli'

/**
 * The secret of the command line's client beside an embedded server, in `DATA_DIR/cli-client.json` together with where the server is; made
 * when there is none. Whoever may read that folder may read the database in it.
 */
export async function ensureDevelopmentClient(
  dataDir: string,
  { issuer, adminUrl }: Located,
): Promise<{ id: string; secret: string }> {
  const file = path.join(dataDir, 'cli-client.json')
  const secret = (await readSecret(file)) ?? randomBytes(32).toString('base64url')
  const content = {
    url: issuer,
    ...(adminUrl === undefined ? {} : { admin_url: adminUrl }),
    client_id: developmentClientId,
    client_secret: secret,
  }
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  // The port may be another one than last time. Whoever reads it at this moment reads the one or the other, whole.
  const draft = `${file}.${randomBytes(8).toString('hex')}`
  await writeFile(draft, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600, flag: 'wx' })
  await rename(draft, file)
  return { id: developmentClientId, secret }
}

/** A file that is missing or damaged is made anew: the start brings the client in line with it. */
async function readSecret(file: string): Promise<string | undefined> {
  try {
    const { client_secret: secret } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
    return typeof secret === 'string' && secret.length >= 32 ? secret : undefined
  } catch {
    return undefined
  }
}
