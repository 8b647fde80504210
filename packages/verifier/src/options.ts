import { type Clock, systemClock } from './clock.ts'
import type { VerifierEvent } from './events.ts'
import { isSafeUrl } from './exchange.ts'
import type { AccessTokenClaims } from './result.ts'

/**
 * What to do with a token while it is not known whether it is revoked. `strict`: answer 503. `introspect`: ask the issuer about it.
 * `grace`: go on for that many seconds with what is known. `open`: go on with what is known.
 */
export type StalePolicy = 'strict' | 'introspect' | 'open' | { readonly grace: number } | `grace:${number}`

export interface VerifierOptions {
  /** As in `iss`: https, or http on this machine. */
  readonly issuer: string
  /** Of this service; a token must name one of them in `aud`. */
  readonly audience: string | readonly string[]
  /** A client with `resource_server_for` this audience, or with the scope `revocations:read`. */
  readonly clientId: string
  readonly clientSecret: string
  /** No token is accepted on older news than this, or than the issuer allows. Default 5. */
  readonly maxStalenessSeconds?: number
  /** Default `strict`. A call or a route may say otherwise. */
  readonly onStale?: StalePolicy
  /** For `exp` and `nbf`. Default 5, at most 60. */
  readonly clockToleranceSeconds?: number
  /** How many entries of the feed fit; beyond that the verifier is stale. Default 2,000,000. */
  readonly maxEntries?: number
  /** Whether a request holds the key that its token is bound to (`cnf`). Without it such tokens are refused. */
  readonly checkBinding?: (claims: AccessTokenClaims, request: unknown) => boolean | Promise<boolean>
  /** How long the issuer may take to answer about a token. Default 2000. */
  readonly introspectionTimeoutMs?: number
  readonly onEvent?: (event: VerifierEvent) => void
  /** @internal For tests of clocks that drift and machines that sleep. */
  readonly clock?: Clock
  /** @internal Silence on a connection after which another one is opened; false: never. */
  readonly reconnectAfterMs?: number | false
}

export interface Settings extends Omit<VerifierOptions, 'onStale' | 'audience'> {
  readonly audience: readonly string[]
  readonly maxStalenessSeconds: number
  readonly onStale: Policy
  readonly clockToleranceSeconds: number
  readonly maxEntries: number
  readonly introspectionTimeoutMs: number
  readonly clock: Clock
}

/** A policy in one form. */
export interface Policy {
  readonly name: 'strict' | 'introspect' | 'grace' | 'open'
  readonly graceSeconds: number
}

/** @throws {TypeError} for a word that is none */
export function parsePolicy(policy: StalePolicy): Policy {
  if (policy === 'strict' || policy === 'introspect' || policy === 'open') return { name: policy, graceSeconds: 0 }
  const seconds = typeof policy === 'object' ? policy.grace : Number(/^grace:(\d+)s?$/.exec(policy)?.[1])
  if (!Number.isFinite(seconds) || seconds < 0)
    throw new TypeError("onStale must be 'strict', 'introspect', 'open' or { grace: seconds }")
  return { name: 'grace', graceSeconds: seconds }
}

/** @throws {TypeError} that names the option */
export function parseOptions(options: VerifierOptions): Settings {
  const { issuer, clientId, clientSecret } = options
  const audience = typeof options.audience === 'string' ? [options.audience] : [...options.audience]
  if (!isSafeUrl(issuer)) throw new TypeError('issuer must be an https URL, or http on this machine')
  if (audience.length === 0 || audience.some((one) => !one)) throw new TypeError('audience is missing')
  if (!clientId || !clientSecret) throw new TypeError('clientId and clientSecret are missing')
  const within = (name: keyof VerifierOptions, initial: number, least: number, most: number): number => {
    const value = options[name] ?? initial
    if (typeof value === 'number' && value >= least && value <= most) return value
    throw new TypeError(`${name} must be a number from ${least} to ${most}`)
  }
  return {
    ...options,
    audience,
    maxStalenessSeconds: within('maxStalenessSeconds', 5, 1, 3600),
    onStale: parsePolicy(options.onStale ?? 'strict'),
    // Entries outlive the tokens that they end by two minutes; no tolerance may come near that.
    clockToleranceSeconds: within('clockToleranceSeconds', 5, 0, 60),
    maxEntries: within('maxEntries', 2_000_000, 1, 50_000_000),
    introspectionTimeoutMs: within('introspectionTimeoutMs', 2000, 1, 60_000),
    clock: options.clock ?? systemClock,
  }
}
