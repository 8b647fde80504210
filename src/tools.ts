import type { FastifyBaseLogger } from 'fastify'
import { openAuditChain } from './admin/audit-sealing.ts'
import { holdConfigured } from './admin/settings.ts'
import type { AdminTools } from './admin/tools.ts'
import type { Config } from './config.ts'
import { createCsrfTokens } from './crypto/csrf-token.ts'
import { createCursors } from './crypto/cursor.ts'
import { feedEntryKey } from './crypto/feed-key.ts'
import type { MasterKeys } from './crypto/master-keys.ts'
import { randomSecret } from './crypto/opaque-token.ts'
import { createPasswordHasher, hashesAtOnce } from './crypto/password-hash.ts'
import { createRefreshTokens } from './crypto/refresh-token.ts'
import { createSeal } from './crypto/seal.ts'
import type { LimitName } from './domain/lifetimes.ts'
import { createCookies } from './http/cookies.ts'
import type { HttpTools } from './http/tools.ts'
import type { Numbers } from './metrics.ts'
import { createAddressFilter } from './outbound/address-filter.ts'
import { createPost } from './outbound/post.ts'
import { createFeed } from './protocol/feed/feed.ts'
import { createKeyRing } from './protocol/keys/ring.ts'
import { createAuditBuffer } from './store/audit-buffer.ts'
import { createClientCache } from './store/clients.ts'
import { openDatabase } from './store/database.ts'
import { readOrMakeFeedKey, replaceFeedKey } from './store/feed-key.ts'
import { createResourceCache } from './store/resources.ts'

/** What a server is made from: the settings, where the database is, and the keys that everything is sealed and derived with. */
export interface ServerParts {
  readonly config: Omit<Config, 'demo' | 'demoPort'>
  readonly databaseUrl: string
  readonly masterKeys: MasterKeys
  readonly logger: FastifyBaseLogger
  /** Where this process is one of several workers: the numbers of each, to be shown as one. */
  readonly gather?: () => Promise<Numbers[]>
}

/** How long an instance remembers clients and resources. */
const cacheSeconds = 5

/** Builds every tool once: what the rooms work with. */
export async function buildTools({
  config,
  databaseUrl,
  masterKeys,
  logger,
}: ServerParts): Promise<HttpTools & AdminTools> {
  const db = openDatabase({
    url: databaseUrl,
    poolSize: config.databasePoolSize,
    preparedStatements: config.databasePreparedStatements,
    onIdleError: (error) => logger.warn({ err: error }, 'an idle database connection broke'),
  })
  await holdConfigured(db, config.policy)
  const seal = createSeal(masterKeys)
  const feedContext = 'feed-key'
  const sealedFeedKey = await readOrMakeFeedKey(db, () =>
    seal.seal(Buffer.from(randomSecret(), 'base64url'), feedContext),
  )
  const feedKey = seal.open(sealedFeedKey, feedContext)
  // Sealed under the first master key from now on, so that an older one can be taken out of the settings.
  if (!seal.isCurrent(sealedFeedKey)) await replaceFeedKey(db, sealedFeedKey, seal.seal(feedKey, feedContext))
  const { rateLimits, argon2 } = config
  const keys = createKeyRing(db, seal, config.keys.rotationSeconds)
  const feed = createFeed({
    db,
    keys,
    issuer: config.issuer,
    policy: config.feed,
    instance: randomSecret().slice(0, 8),
    feedKey: feedKey.toString('base64url'),
    onError: (error) => logger.warn({ err: error }, 'the revocation feed could not be read'),
  })
  const auditBuffer = createAuditBuffer(db)
  const clients = createClientCache(db, cacheSeconds)
  const resources = createResourceCache(db, cacheSeconds)
  return {
    db,
    issuer: config.issuer,
    lifetimes: config.lifetimes,
    keys,
    feed,
    keyPolicy: config.keys,
    seal,
    refreshTokens: createRefreshTokens(masterKeys),
    csrf: createCsrfTokens(masterKeys),
    cursors: createCursors(masterKeys),
    auditChain: await openAuditChain(db, seal),
    noteAudit: auditBuffer.note,
    flushAudit: auditBuffer.flush,
    auditRetentionDays: config.auditRetentionDays,
    post: createPost(createAddressFilter(config.outboundAllow)),
    cookies: createCookies(config.issuer),
    passwordHasher: createPasswordHasher({
      ...argon2,
      concurrency: hashesAtOnce(argon2.memoryKib, config.hashing),
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
