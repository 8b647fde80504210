import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { createServer as createListener } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { bootstrapAdminClient } from '../admin/bootstrap.ts'
import { readConfig } from '../config.ts'
import { parseMasterKeys } from '../crypto/master-keys.ts'
import { createServer } from '../server.ts'
import { startEmbeddedPostgres } from '../store/embedded-postgres.ts'
import { migrate } from '../store/migrate.ts'
import type { Destination } from './journey.ts'

/** A server that leaves nothing behind. */
export interface EphemeralServer extends Destination {
  close(): Promise<void>
}

/** Starts a server of its own on a free port, with a database in a temporary directory. */
export async function startEphemeralServer(): Promise<EphemeralServer> {
  const directory = await mkdtemp(path.join(tmpdir(), 'falconer-tour-'))
  const stops: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })]
  const close = async () => {
    for (const stop of stops.splice(0).toReversed()) await stop()
  }
  try {
    const postgres = await startEmbeddedPostgres(directory, { ephemeral: true })
    stops.push(() => postgres.stop())
    await migrate(postgres.url(), { ephemeral: true })

    const port = await freePort()
    const issuer = `http://127.0.0.1:${port}`
    const admin = { id: 'tour-guide', secret: randomBytes(32).toString('base64url') }
    const masterKeys = randomBytes(32).toString('base64url')
    const config = readConfig({
      DATABASE_URL: postgres.url(),
      MASTER_KEYS: masterKeys,
      ISSUER: issuer,
      PORT: String(port),
    })
    const server = await createServer({
      config,
      databaseUrl: postgres.url(),
      masterKeys: parseMasterKeys(masterKeys),
      logger: pino({ level: 'silent' }),
    })
    stops.push(() => server.close())
    await bootstrapAdminClient(server.tools, admin)
    await server.app.listen({ host: '127.0.0.1', port })
    return { issuer, admin, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** The issuer is part of every token, so the port has to be known before the server is built. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createListener()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}
