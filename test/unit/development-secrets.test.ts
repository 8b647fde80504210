import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { ensureDevelopmentSecrets } from '../../src/start/development-secrets.ts'

let folder: string
let dataDir: string

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'falconer-secrets-'))
  dataDir = path.join(folder, 'nested', 'data')
})
afterEach(() => rm(folder, { recursive: true }))

describe('the master key of an embedded server', () => {
  it('is made once, in files that only the owner can read', async () => {
    const keys = await ensureDevelopmentSecrets(dataDir)
    expect(readConfig({ MASTER_KEYS: keys }).masterKeys).toBe(keys)
    expect(await ensureDevelopmentSecrets(dataDir)).toBe(keys)
    expect((await stat(dataDir)).mode & 0o777).toBe(0o700)
    expect((await stat(path.join(dataDir, 'master-keys'))).mode & 0o777).toBe(0o600)
  })

  it('is the same for starts that run at the same time, and they leave no draft behind', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => ensureDevelopmentSecrets(dataDir)))
    expect(new Set(all)).toEqual(new Set([(await readFile(path.join(dataDir, 'master-keys'), 'utf8')).trim()]))
    expect(await readdir(dataDir)).toEqual(['master-keys'])
  })

  it('differs from server to server', async () => {
    expect(await ensureDevelopmentSecrets(dataDir)).not.toBe(await ensureDevelopmentSecrets(path.join(folder, 'other')))
  })

  it('is never replaced: a damaged file stops the start and is not quoted', async () => {
    await ensureDevelopmentSecrets(dataDir)
    await writeFile(path.join(dataDir, 'master-keys'), 'damaged')
    await expect(ensureDevelopmentSecrets(dataDir)).rejects.toThrow(/master-keys must be base64url/)
    await expect(ensureDevelopmentSecrets(dataDir)).rejects.not.toThrow('damaged')
    expect(await readFile(path.join(dataDir, 'master-keys'), 'utf8')).toBe('damaged')
  })
})
