import fastifyCookie from '@fastify/cookie'
import type { FastifyInstance } from 'fastify'
import type { AdminTools } from './admin/tools.ts'
import { registerAdmin } from './http/admin/index.ts'
import { createApp } from './http/app.ts'
import { registerConsole } from './http/console/index.ts'
import { allowClientOrigins } from './http/cors.ts'
import { sendError, speakPages } from './http/error-page.tsx'
import { speakOAuth } from './http/errors.ts'
import { readForms } from './http/form.ts'
import { refuseOtherMethods } from './http/methods.ts'
import { accountRoutes } from './http/routes/account.tsx'
import { authorizeRoutes } from './http/routes/authorize.ts'
import { consentRoutes } from './http/routes/consent.tsx'
import { documentRoutes } from './http/routes/documents.ts'
import { frontPageRoutes } from './http/routes/front-page.tsx'
import { healthRoutes } from './http/routes/health.ts'
import { introspectRoutes } from './http/routes/introspect.ts'
import { loginRoutes } from './http/routes/login.tsx'
import { logoutRoutes } from './http/routes/logout.tsx'
import { metricsRoutes } from './http/routes/metrics.ts'
import { notBeforeRoutes } from './http/routes/not-before.ts'
import { revocationRoutes } from './http/routes/revocations.ts'
import { revokeRoutes } from './http/routes/revoke.ts'
import { setupRoutes } from './http/routes/setup.tsx'
import { tokenRoutes } from './http/routes/token.ts'
import { userinfoRoutes } from './http/routes/userinfo.ts'
import { addSecurityHeaders } from './http/security-headers.ts'
import type { HttpTools } from './http/tools.ts'
import { text } from './http/views/text.ts'
import { startMaintenance } from './maintenance.ts'
import { createMetrics, type Numbers } from './metrics.ts'
import { listenToFeed } from './store/wake-up.ts'
import { buildTools, type ServerParts } from './tools.ts'

export interface Server {
  readonly app: FastifyInstance
  /** Only with ADMIN_PORT: what is served there and not by `app`. */
  readonly adminApp: FastifyInstance | undefined
  readonly tools: HttpTools & AdminTools
  /** What this process has counted. */
  numbers(): Promise<Numbers>
  /** Stops taking requests, finishes those in flight, closes the database. */
  close(): Promise<void>
}

/** POST-only endpoints of the protocol. */
const formEndpoints = ['/token', '/introspect', '/revoke']

/** Builds every tool once and registers every route: the only file that knows all rooms. The database is migrated already. */
export async function createServer(parts: ServerParts): Promise<Server> {
  const { config, logger } = parts
  const tools = await buildTools(parts)
  const retention = { sessionDays: config.sessionRetentionDays, auditDays: config.auditRetentionDays }
  const metrics = createMetrics(tools.db, retention, tools.feed, parts.gather)
  const { cleanupSeconds } = config
  const maintenance = await startMaintenance(tools, { retention, cleanupSeconds, observer: metrics.cleanup, logger })

  const wakeUp = listenToFeed(config.databaseDirectUrl ?? parts.databaseUrl, (hint) => {
    if (hint === 'keys') tools.keys.reload()
    tools.feed.wake()
  })

  const app = await createEmptyApp(parts)
  await app.register(async (documents) => documentRoutes(documents, tools))
  await app.register(async (json) => {
    readForms(json)
    speakOAuth(json)
    notBeforeRoutes(json, tools)
    introspectRoutes(json, tools)
    healthRoutes(json, tools)
    await json.register(async (readable) => {
      allowClientOrigins(readable, ['/token', '/userinfo', '/revoke'], tools)
      tokenRoutes(readable, tools)
      userinfoRoutes(readable, tools)
      revokeRoutes(readable, tools)
    })
    refuseOtherMethods(json, formEndpoints)
  })
  await app.register(async (readers) => {
    speakOAuth(readers)
    revocationRoutes(readers, tools)
  })
  // Streams have no end of their own: a server that stops taking requests would wait for them.
  app.addHook('preClose', async () => tools.feed.close())
  await app.register(async (pages) => {
    await pages.register(fastifyCookie)
    readForms(pages)
    speakPages(pages)
    authorizeRoutes(pages, tools)
    loginRoutes(pages, tools)
    consentRoutes(pages, tools)
    logoutRoutes(pages, tools)
    accountRoutes(pages, tools)
    setupRoutes(pages, tools, config.console)
    frontPageRoutes(pages, tools, config.nodeEnv !== 'production')
    if (config.console) registerConsole(pages, tools)
  })

  const adminApp = config.adminPort === undefined ? undefined : await createEmptyApp(parts)
  await adminApp?.register(async (health) => healthRoutes(health, tools))
  await (adminApp ?? app).register(async (operators) => {
    metricsRoutes(operators, metrics)
    registerAdmin(operators, tools)
  })

  const close = async () => {
    await Promise.all([app.close(), adminApp?.close(), maintenance.stop(), wakeUp.stop()])
    await tools.db.close()
  }
  let closing: Promise<void> | undefined
  return { app, adminApp, tools, numbers: () => metrics.numbers(), close: () => (closing ??= close()) }
}

/** What every listener has, whatever it serves. */
async function createEmptyApp({ config, logger }: ServerParts): Promise<FastifyInstance> {
  const app = createApp(config, logger)
  addSecurityHeaders(app, config.issuer.startsWith('https:'))
  app.setNotFoundHandler((request, reply) =>
    sendError(request, reply, 404, {
      title: text.errorTitles.notFound,
      message: text.errorTitles.nothingHere,
      audience: 'user',
    }),
  )
  return app
}
