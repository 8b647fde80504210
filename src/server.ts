import { randomUUID } from 'node:crypto'
import fastifyCookie from '@fastify/cookie'
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { AdminTools } from './admin/tools.ts'
import type { Config } from './config.ts'
import { createCsrfTokens } from './crypto/csrf-token.ts'
import { createCursors } from './crypto/cursor.ts'
import { feedEntryKey } from './crypto/feed-key.ts'
import type { MasterKeys } from './crypto/master-keys.ts'
import { randomSecret } from './crypto/opaque-token.ts'
import { createPasswordHasher, defaultConcurrency } from './crypto/password-hash.ts'
import { createRefreshTokens } from './crypto/refresh-token.ts'
import { createSeal } from './crypto/seal.ts'
import type { LimitName } from './domain/lifetimes.ts'
import { registerAdmin } from './http/admin/index.ts'
import { createCookies } from './http/cookies.ts'
import { allowClientOrigins } from './http/cors.ts'
import { sendError, sendUnreadable, speakPages } from './http/error-page.tsx'
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
import { createKeyRing } from './protocol/keys/ring.ts'
import { maintainKeys } from './protocol/keys/rotation.ts'
import { makeAuditPartitions } from './store/audit.ts'
import { createClientCache } from './store/clients.ts'
import { openDatabase } from './store/database.ts'
import { readOrMakeFeedKey, replaceFeedKey } from './store/feed.ts'
import { createResourceCache } from './store/resources.ts'

/** What server.ts needs beside the settings: where the database is, and the keys that everything is sealed and derived with. */
export interface ServerParts {
  readonly config: Omit<Config, 'demo' | 'demoPort'>
  readonly databaseUrl: string
  readonly masterKeys: MasterKeys
  readonly logger: FastifyBaseLogger
}

export interface Server {
  readonly app: FastifyInstance
  readonly tools: HttpTools & AdminTools
  /** Stops taking requests, finishes those in flight, closes the database. */
  close(): Promise<void>
}

const cacheSeconds = 5
const maintenanceMs = 10 * 60 * 1000
const bodyBytes = 64 * 1024
/** POST-only endpoints of the protocol. */
const formEndpoints = ['/token', '/introspect', '/revoke']

/** Builds every tool once and registers every route: the only file that knows all rooms. The database is migrated already. */
export async function createServer(parts: ServerParts): Promise<Server> {
  const tools = await buildTools(parts)
  await maintain(tools)
  const maintenance = setInterval(() => {
    maintain(tools).catch((error: unknown) => parts.logger.error({ err: error }, 'maintenance failed'))
  }, maintenanceMs).unref()

  const app = buildApp(parts)
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

async function buildTools({ config, databaseUrl, masterKeys, logger }: ServerParts): Promise<HttpTools & AdminTools> {
  const db = openDatabase({
    url: databaseUrl,
    poolSize: config.databasePoolSize,
    preparedStatements: config.databasePreparedStatements,
    onIdleError: (error) => logger.warn({ err: error }, 'an idle database connection broke'),
  })
  const seal = createSeal(masterKeys)
  const feedContext = 'feed-key'
  const sealedFeedKey = await readOrMakeFeedKey(db, () =>
    seal.seal(Buffer.from(randomSecret(), 'base64url'), feedContext),
  )
  const feedKey = seal.open(sealedFeedKey, feedContext)
  // Sealed under the first master key from now on, so that an older one can be taken out of the settings.
  if (!seal.isCurrent(sealedFeedKey)) await replaceFeedKey(db, sealedFeedKey, seal.seal(feedKey, feedContext))
  const { rateLimits, argon2 } = config
  const clients = createClientCache(db, cacheSeconds)
  const resources = createResourceCache(db, cacheSeconds)
  return {
    db,
    issuer: config.issuer,
    lifetimes: config.lifetimes,
    keys: createKeyRing(db, seal, config.keys.rotationSeconds),
    keyPolicy: config.keys,
    seal,
    refreshTokens: createRefreshTokens(masterKeys),
    csrf: createCsrfTokens(masterKeys),
    cursors: createCursors(masterKeys),
    cookies: createCookies(config.issuer),
    passwordHasher: createPasswordHasher({
      ...argon2,
      concurrency: defaultConcurrency(argon2.memoryKib),
      queueLimit: 64,
    }),
    findClient: clients.find,
    findResources: resources.find,
    forget: () => {
      clients.forget()
      resources.forget()
    },
    feedKey: (kind, id) => feedEntryKey(feedKey, kind, id),
    limit: (name: LimitName, subject: string) =>
      rateLimits === 'off' ? [] : [{ key: `${name}|${subject}`, ...rateLimits[name] }],
  }
}

/** What has to be done now and then, on every instance; each step happens once. */
async function maintain({ db, seal, keyPolicy }: AdminTools): Promise<void> {
  await makeAuditPartitions(db)
  await maintainKeys(db, seal, keyPolicy)
}

function buildApp({ config, logger }: ServerParts): FastifyInstance {
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request' }),
    genReqId: () => randomUUID(),
    trustProxy: config.trustProxy.length > 0 ? [...config.trustProxy] : false,
    bodyLimit: bodyBytes,
    requestTimeout: 30_000,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 2048 }, // a resource is named by a URI
    frameworkErrors: (_error, request, reply) => sendUnreadable(request, reply, config.issuer.startsWith('https:')),
    // Coercion would turn a repeated or mistyped value into something that passes.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: false } },
  })
  // The path without its query: codes, hints and handles travel there. A path that is none of ours may hold anything, a token too.
  app.addHook('onResponse', async (request, reply) => {
    const { method, url } = request
    const ms = Math.round(reply.elapsedTime * 10) / 10
    request.log.info(
      { method, path: request.is404 ? shortened(url) : pathOf(url), status: reply.statusCode, ms },
      'answered',
    )
  })
  return app
}

const pathOf = (url: string): string => url.split('?', 1)[0] ?? ''
const shortened = (url: string): string =>
  pathOf(url)
    .slice(0, 200)
    .replaceAll(/[^/]{33,}/g, '…')
