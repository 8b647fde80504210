import fastifyCookie from '@fastify/cookie'
import fastify from 'fastify'
import type { Configuration } from 'openid-client'
import type { AdminTools } from '../admin/tools.ts'
import { notesApi } from './notes-api.ts'
import { createRelyingParty, discover } from './relying-party.ts'
import { type DemoRoom, demoRoutes } from './routes.tsx'
import { ensureDemoSecrets } from './secrets.ts'
import { addresses, names, seedDemo } from './seed.ts'
import { createSessions } from './sessions.ts'

/** A running demo app, and who can sign in to it. */
export interface Demo {
  readonly url: string
  readonly username: string
  readonly password: string
  close(): Promise<void>
}

export interface DemoOptions {
  readonly issuer: string
  readonly port: number
  readonly dataDir: string
  readonly tools: AdminTools
}

/**
 * Registers the demo and listens on 127.0.0.1: another site than an issuer on localhost, as a real app would be. Everything after the
 * registration goes over HTTP.
 */
export async function startDemo({ issuer, port, dataDir, tools }: DemoOptions): Promise<Demo> {
  const url = `http://127.0.0.1:${port}`
  const secrets = await ensureDemoSecrets(dataDir)
  await seedDemo(url, secrets, tools)

  const app = fastify({ bodyLimit: 16 * 1024, forceCloseConnections: true })
  await app.register(fastifyCookie)
  const asClient = lazily(() => discover(issuer, names.client, secrets.clientSecret))
  const { callback, signedOut, notes } = addresses(url)
  const room: DemoRoom = {
    url,
    issuer,
    notesUrl: notes,
    signedOutUrl: signedOut,
    username: secrets.username,
    relyingParty: createRelyingParty(asClient, callback),
    sessions: createSessions(),
    cookieName: `demo-${port}`,
  }
  await app.register(async (api) => notesApi(api, { issuer, secret: secrets.apiSecret }))
  await app.register(async (pages) => demoRoutes(pages, room))
  await app.listen({ host: '127.0.0.1', port })
  return { url, username: secrets.username, password: secrets.password, close: () => app.close() }
}

/** Reads the metadata when it is first needed, and again after a failure: the issuer may come up later than its apps. */
function lazily(read: () => Promise<Configuration>): () => Promise<Configuration> {
  let known: Promise<Configuration> | undefined
  return () => {
    known ??= read().catch((error: unknown) => {
      known = undefined
      throw error
    })
    return known
  }
}
