import type { LimitName } from '../domain/lifetimes.ts'
import { type Reading, splitList } from './setting.ts'

/** At most `count` events in any `seconds`. */
export interface RateLimit {
  readonly count: number
  readonly seconds: number
}

/** Every limit by name, with what it allows unless `RATE_LIMITS` says otherwise. */
export const defaultRateLimits = {
  login_account: { count: 10, seconds: 900 }, //        failed logins per account and address
  login_address: { count: 100, seconds: 900 }, //       failed logins per address
  login_transactions: { count: 3000, seconds: 900 }, // logins begun per address: an office may share one
  client_auth: { count: 30, seconds: 300 }, //          failed client authentications per client and address
} as const satisfies Record<LimitName, RateLimit>

/** Every limit, or `off` when none applies (never in production). */
export type RateLimits = Readonly<Record<LimitName, RateLimit>> | 'off'

const maxCount = 1_000_000
const maxSeconds = 86_400

/** Reads `default`, `off`, or a list of `name=count/seconds` that change the named defaults. */
export function readRateLimits(text: string): Reading<RateLimits> {
  if (text === 'off') return { value: 'off' }
  const limits: Record<LimitName, RateLimit> = { ...defaultRateLimits }
  if (text === 'default') return { value: limits }
  const seen = new Set<string>()
  for (const item of splitList(text)) {
    const [, name = '', count = '', seconds = ''] = /^([a-z_]+)=(\d{1,7})\/(\d{1,5})$/.exec(item) ?? []
    const limit = { count: Number(count), seconds: Number(seconds) }
    if (!isLimitName(name)) return { problem: `must name limits as name=count/seconds; the names are ${names}` }
    if (seen.has(name)) return { problem: `must name ${name} once` }
    if (!isWithin(limit)) return { problem: `must keep ${name} within 1 to ${maxCount} in 1 to ${maxSeconds} seconds` }
    seen.add(name)
    limits[name] = limit
  }
  return { value: limits }
}

const names = Object.keys(defaultRateLimits).join(', ')

function isLimitName(name: string): name is LimitName {
  return Object.hasOwn(defaultRateLimits, name)
}

function isWithin({ count, seconds }: RateLimit): boolean {
  return count >= 1 && count <= maxCount && seconds >= 1 && seconds <= maxSeconds
}
