import fastifyCookie from '@fastify/cookie'
import type { FastifyInstance } from 'fastify'
import type { AdminTools } from './admin/tools.ts'
import { registerAdmin } from './http/admin/index.ts'
import { createApp } from './http/app.ts'
import { allowClientOrigins } from './http/cors.ts'
import { sendError, speakPages } from './http/error-page.tsx'
import { speakOAuth } from './http/errors.ts'
import { readForms } from './http/form.ts'
import { refuseOtherMethods } from './http/methods.ts'
import { authorizeRoutes } from './http/routes/authorize.ts'
import { consentRoutes } from './http/routes/consent.tsx'
import { documentRoutes } from './http/routes/documents.ts'
import { frontPageRoutes } from './http/routes/front-page.tsx'
import { healthRoutes } from './http/routes/health.ts'
import { introspectRoutes } from './http/routes/introspect.ts'
import { loginRoutes } from './http/routes/login.tsx'
import { logoutRoutes } from './http/routes/logout.tsx'
import { notBeforeRoutes } from './http/routes/not-before.ts'
import { revokeRoutes } from './http/routes/revoke.ts'
import { tokenRoutes } from './http/routes/token.ts'
import { userinfoRoutes } from './http/routes/userinfo.ts'
import { addSecurityHeaders } from './http/security-headers.ts'
import type { HttpTools } from './http/tools.ts'
import { text } from './http/views/text.ts'
import { maintainKeys } from './protocol/keys/rotation.ts'
import { makeAuditPartitions } from './store/audit.ts'
import { buildTools, type ServerParts } from './tools.ts'

export interface Server {
  readonly app: FastifyInstance
  readonly tools: HttpTools & AdminTools
  /** Stops taking requests, finishes those in flight, closes the database. */
  close(): Promise<void>
}

const maintenanceMs = 10 * 60 * 1000
/** POST-only endpoints of the protocol. */
const formEndpoints = ['/token', '/introspect', '/revoke']

/** Builds every tool once and registers every route: the only file that knows all rooms. The database is migrated already. */
export async function createServer(parts: ServerParts): Promise<Server> {
  const tools = await buildTools(parts)
  await maintain(tools)
  const maintenance = setInterval(() => {
    maintain(tools).catch((error: unknown) => parts.logger.error({ err: error }, 'maintenance failed'))
  }, maintenanceMs).unref()

  const app = createApp(parts.config, parts.logger)
  app.addHook('onClose', async () => {
    clearInterval(maintenance)
    await tools.db.close()
  })
  await app.register(fastifyCookie)
  addSecurityHeaders(app, tools.issuer.startsWith('https:'))
  app.setNotFoundHandler((request, reply) =>
    sendError(request, reply, 404, {
      title: text.errorTitles.notFound,
      message: text.errorTitles.nothingHere,
      audience: 'user',
    }),
  )

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
  await app.register(async (pages) => {
    readForms(pages)
    speakPages(pages)
    authorizeRoutes(pages, tools)
    loginRoutes(pages, tools)
    consentRoutes(pages, tools)
    logoutRoutes(pages, tools)
    frontPageRoutes(pages, tools, parts.config.nodeEnv !== 'production')
  })
  await app.register(async (admin) => registerAdmin(admin, tools))
  return { app, tools, close: () => app.close() }
}

/** What has to be done now and then, on every instance; each step happens once. */
async function maintain({ db, seal, keyPolicy }: AdminTools): Promise<void> {
  await makeAuditPartitions(db)
  await maintainKeys(db, seal, keyPolicy)
}
