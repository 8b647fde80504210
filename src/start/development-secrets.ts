import { randomBytes } from 'node:crypto'
import { link, mkdir, open, readFile, rm } from 'node:fs/promises'
import path from 'node:path'
import { checkMasterKeys } from '../settings/checks.ts'

/**
 * The master keys of an embedded server: those in `DATA_DIR/master-keys`, which is made with a new key when absent.
 * Starts that run at the same time all get the same key. Never used beside `DATABASE_URL` or in production.
 */
export async function ensureDevelopmentSecrets(dataDir: string): Promise<string> {
  const file = path.join(dataDir, 'master-keys')
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const keys = (await readIfPresent(file)) ?? (await createOnce(file, randomBytes(32).toString('base64url')))
  const problem = checkMasterKeys(keys)
  if (problem !== undefined) throw new Error(`${file} ${problem}: restore it, or remove DATA_DIR to begin anew`)
  return keys
}

async function readIfPresent(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim()
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined
    throw error
  }
}

// A link never replaces a file and shows it only when it is whole, so whoever comes second reads the first one's key.
async function createOnce(file: string, keys: string): Promise<string> {
  const draft = `${file}.${randomBytes(8).toString('hex')}`
  try {
    await writeDurably(draft, `${keys}\n`)
    await link(draft, file)
    return keys
  } catch (error) {
    const winner = hasCode(error, 'EEXIST') ? await readIfPresent(file) : undefined
    if (winner === undefined) throw error
    return winner
  } finally {
    await rm(draft, { force: true })
  }
}

// The database will hold what this key encrypted: losing the key to a power cut would lose that too.
async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
