import type { FastifyBaseLogger } from 'fastify'
import type { Config } from '../config.ts'
import { parseMasterKeys } from '../crypto/master-keys.ts'
import type { Numbers } from '../metrics.ts'
import { createServer, type Server } from '../server.ts'
import type { ServerParts } from '../tools.ts'

/** What answers requests: this process, or workers that it watches over. */
export interface Service {
  readonly tools: Server['tools']
  /** @throws when a port cannot be had, or `interrupt` says that nobody wants it any more */
  listen(interrupt: AbortSignal): Promise<void>
  /** Stops taking requests, finishes those in flight, closes the database. */
  close(): Promise<void>
}

export interface ServiceParts {
  readonly config: Config
  readonly databaseUrl: string
  /** As `MASTER_KEYS` has them. */
  readonly masterKeys: string
  readonly logger: FastifyBaseLogger
}

/** A service whose numbers are of one process, to be added up with those of others. */
export interface ServiceHere extends Service {
  listen(): Promise<void>
  numbers(): Promise<Numbers>
}

/** Serves in this process. `gather` gets the numbers of all processes, where this one is one of several. */
export async function serveHere(parts: ServiceParts, gather?: () => Promise<Numbers[]>): Promise<ServiceHere> {
  const { config } = parts
  const server = await createServer({ ...serverParts(parts), ...(gather && { gather }) })
  return {
    tools: server.tools,
    numbers: () => server.numbers(),
    listen: async () => {
      await server.app.listen({ host: config.host, port: config.port })
      if (config.adminPort !== undefined) await server.adminApp?.listen({ host: config.host, port: config.adminPort })
    },
    close: () => server.close(),
  }
}

export const serverParts = (parts: ServiceParts): ServerParts => ({
  ...parts,
  masterKeys: parseMasterKeys(parts.masterKeys),
})
