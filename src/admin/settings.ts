import type { Document } from '../domain/field.ts'
import { readPolicy } from '../store/policy.ts'
import type { AdminTools } from './tools.ts'

/**
 * The settings that hold now, under the names of their environment variables. Those of the policy stand in the database and hold for every
 * instance; the others are the ones of the instance that answers. There are few: one page.
 */
export async function readSettings(tools: AdminTools): Promise<Document> {
  const { lifetimes, keyPolicy, feed } = tools
  const policy = await readPolicy(tools.db)
  const { remember } = policy
  const ofPolicy = {
    SESSION_IDLE_SECONDS: policy.sessionIdleSeconds,
    SESSION_MAX_SECONDS: policy.sessionMaxSeconds,
    REMEMBER_ME: remember !== undefined,
    REMEMBER_ME_IDLE_SECONDS: remember?.idleSeconds ?? null,
    REMEMBER_ME_MAX_SECONDS: remember?.maxSeconds ?? null,
    MAX_SESSIONS_PER_USER: policy.maxSessionsPerUser,
    SESSION_LIMIT_POLICY: policy.atSessionLimit,
    REFRESH_IDLE_SECONDS: policy.refreshIdleSeconds ?? null,
    REFRESH_MAX_SECONDS: policy.refreshMaxSeconds ?? null,
    REFRESH_COUNTS_AS_ACTIVITY: policy.refreshCountsAsActivity,
    REFRESH_GRACE_SECONDS: policy.refreshGraceSeconds,
    OFFLINE_IDLE_SECONDS: policy.offlineIdleSeconds,
    OFFLINE_MAX_SECONDS: policy.offlineMaxSeconds,
  }
  const ofInstance = {
    ACCESS_TOKEN_TTL_SECONDS: lifetimes.accessTokenSeconds,
    AUTHORIZATION_CODE_TTL_SECONDS: lifetimes.authorizationCodeSeconds,
    LOGIN_TRANSACTION_TTL_SECONDS: lifetimes.loginTransactionSeconds,
    KEY_PUBLISH_LEAD_SECONDS: keyPolicy.publishLeadSeconds,
    KEY_ROTATION_SECONDS: keyPolicy.rotationSeconds,
    FEED_MAX_STALENESS_SECONDS: feed.policy.maxStalenessSeconds,
    FEED_MAX_CONNECTIONS: feed.policy.mostConnections,
  }
  return { items: [...shown('database', ofPolicy), ...shown('environment', ofInstance)], next_cursor: null }
}

const shown = (source: 'database' | 'environment', settings: Document): Document[] =>
  Object.entries(settings).map(([name, value]) => ({ name, value, source }))
