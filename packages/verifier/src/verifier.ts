import { randomBytes } from 'node:crypto'
import { readAccessToken } from './access-token.ts'
import { type ExpressOptions, expressMiddleware, type Middleware } from './adapters/express.ts'
import { type FastifyPlugin, fastifyPlugin } from './adapters/fastify.ts'
import { type HonoMiddleware, honoMiddleware } from './adapters/hono.ts'
import { instantOf } from './clock.ts'
import { type Counters, createCounters } from './counters.ts'
import { createReport, type StaleReason } from './events.ts'
import { basicCredentials, createExchange } from './exchange.ts'
import { createFeedClient } from './feed-client.ts'
import { createFeedRequests } from './feed-requests.ts'
import { createFeedState } from './feed-state.ts'
import { createIntrospection } from './introspection.ts'
import { createIssuer } from './issuer.ts'
import { createJudge } from './judgement.ts'
import { parseOptions, parsePolicy, type StalePolicy, type VerifierOptions } from './options.ts'
import { type RefusalReason, type Refused, refusal, type VerifyResult } from './result.ts'
import { createGate, held } from './waiting.ts'

export interface VerifyOptions {
  /** Scopes that the token must have, all of them; separated by spaces, or a list. */
  readonly scope?: string | readonly string[]
  readonly onStale?: StalePolicy
  /** Handed to `checkBinding`. */
  readonly request?: unknown
}

/** Where the verifier stands. */
export interface VerifierState {
  readonly fresh: boolean
  /** Why it is not. */
  readonly reason?: StaleReason
  readonly epoch?: string
  /** Everything up to here is known. */
  readonly cursor: number
  readonly entries: number
  /** How old the youngest news is; Infinity before the first. */
  readonly stalenessSeconds: number
  /** The bound that holds: of the issuer and of the options, the smaller one. */
  readonly maxStalenessSeconds: number
}

export interface VerifierMetrics extends Readonly<Counters> {
  readonly fresh: boolean
  readonly stalenessSeconds: number
  readonly entries: number
  readonly entryBytes: number
}

export interface Verifier {
  /** Whether a request with this token may go on. Never rejects. */
  verify(token: string, options?: VerifyOptions): Promise<VerifyResult>
  /** The same for the value of an `Authorization` header. */
  authorize(header: string | null | undefined, options?: VerifyOptions): Promise<VerifyResult>
  /** Resolves when the verifier is fresh for the first time. Rejects when it is closed before. */
  ready(): Promise<void>
  state(): VerifierState
  metrics(): VerifierMetrics
  close(): void
  /** `app.register(verifier.fastify, { scope })`: for all routes of that instance. */
  readonly fastify: FastifyPlugin
  /** `app.use(verifier.express({ scope }))` */
  express(options?: ExpressOptions): Middleware
  /** `app.use(verifier.hono({ scope }))` */
  hono(options?: VerifyOptions): HonoMiddleware
}

/** How much faster than ours an instance's clock may run: what NTP may slew. */
const clockDrift = 0.0005

export function createVerifier(options: VerifierOptions): Verifier {
  const settings = parseOptions(options)
  const { issuer: issuerId, clock, audience } = settings
  const report = createReport(settings.onEvent)
  const counters = createCounters()
  const closing = new AbortController()
  const closed = closing.signal
  const exchange = createExchange(clock)
  const authorization = basicCredentials(settings.clientId, settings.clientSecret)
  const { maxStalenessSeconds, maxEntries } = settings
  const feed = createFeedState({ maxStalenessSeconds, maxEntries, clockDrift }, instantOf(clock))
  const issuer = createIssuer({
    issuer: issuerId,
    exchange,
    report,
    clock,
    isKeyRevoked: (kid) => feed.set.isSigningKeyRevoked(kid),
    closed,
    onMetadata: (metadata) => feed.limitStaleness(metadata.feed?.maxStalenessSeconds ?? maxStalenessSeconds),
  })
  const { keys } = issuer
  const headers = { authorization, 'falconer-verifier': randomBytes(16).toString('base64url') }
  const client = createFeedClient({
    requests: createFeedRequests({ issuer: issuerId, exchange, keys, headers }),
    state: feed,
    keys,
    clock,
    report,
    counters,
    findFeed: () => issuer.findFeed(),
    closed,
    onApplied: note,
    ...(settings.reconnectAfterMs === undefined ? {} : { reconnectAfterMs: settings.reconnectAfterMs }),
  })
  const introspection = createIntrospection({
    exchange,
    clock,
    authorization,
    timeoutMs: settings.introspectionTimeoutMs,
    findEndpoint: () => issuer.metadata?.introspectionEndpoint,
    closed,
  })
  const judge = createJudge({ feed, client, introspection, clock, report, counters })
  const realm = audience[0] ?? ''
  const first = createGate()
  let wasFresh: boolean | undefined
  let sleeps = 0

  function staleReason(): StaleReason {
    if (!feed.set.isComplete) return 'overflow'
    return feed.epoch === undefined && wasFresh !== true ? 'starting' : 'news'
  }

  /** Looks at the clocks, and says what has changed. */
  function note(): void {
    const isFresh = feed.isFresh(instantOf(clock))
    if (feed.sleeps > sleeps) {
      sleeps = feed.sleeps
      report({ type: 'sleep' })
      introspection.forget()
      client.restart()
    }
    if (isFresh === (wasFresh ?? false)) return
    const reason = staleReason()
    wasFresh = isFresh
    if (isFresh) first.open()
    else if (reason === 'overflow') report({ type: 'overflow', entries: feed.set.size })
    report(isFresh ? { type: 'fresh' } : { type: 'stale', reason })
  }

  const ticking = setInterval(
    () => {
      feed.tidy(instantOf(clock))
      note()
    },
    Math.min(250, 100 * maxStalenessSeconds),
  )
  ticking.unref()

  function refuse(error: RefusalReason, scope?: string): Refused {
    if (error === 'revoked') counters.revoked++
    else counters.refused++
    return refusal(error, { realm, ...(scope ? { scope } : {}) })
  }

  async function checkBinding(claims: Parameters<NonNullable<typeof settings.checkBinding>>[0], request: unknown) {
    if (claims.cnf === undefined) return undefined
    if (!settings.checkBinding) return 'unsupported_binding'
    try {
      return (await settings.checkBinding(claims, request)) ? undefined : 'binding_mismatch'
    } catch {
      return 'binding_mismatch'
    }
  }

  async function check(token: string, { scope = [], onStale, request }: VerifyOptions): Promise<VerifyResult> {
    const policy = onStale === undefined ? settings.onStale : parsePolicy(onStale)
    const expected = { issuer: issuerId, audience, clockToleranceSeconds: settings.clockToleranceSeconds }
    const read = await readAccessToken(token, expected, keys, clock)
    if (typeof read === 'string') return refuse(read)
    const unbound = await checkBinding(read.claims, request)
    if (unbound) return refuse(unbound)
    const required = typeof scope === 'string' ? scope.split(' ').filter(Boolean) : scope
    const granted = read.claims.scope?.split(' ') ?? []
    const lacksScope = !required.every((one) => granted.includes(one))
    const judgement = await judge(token, read, policy, lacksScope)
    if (judgement.outcome === 'insufficient_scope') return refuse(judgement.outcome, required.join(' '))
    if (judgement.outcome !== 'accepted') return refuse(judgement.outcome)
    counters.verified++
    return { ok: true, claims: read.claims, ...(judgement.policy ? { policy: judgement.policy } : {}) }
  }

  const verify: Verifier['verify'] = (token, options = {}) => check(token, options)

  const authorize: Verifier['authorize'] = async (header, options) => {
    if (!header) return refuse('missing_token')
    const [, scheme = '', token = ''] = /^(\S+) +(\S+) *$/.exec(header) ?? []
    // RFC 9449 §7.1: a bound token may come under its own scheme, where somebody checks the binding.
    const isKnown = /^bearer$/i.test(scheme) || (/^dpop$/i.test(scheme) && settings.checkBinding !== undefined)
    return isKnown ? verify(token, options) : refuse('missing_token')
  }

  return {
    verify,
    authorize,
    ready: () => held(first.promise),
    state: () => {
      const now = instantOf(clock)
      const fresh = feed.isFresh(now)
      return {
        fresh,
        ...(fresh ? {} : { reason: staleReason() }),
        ...(feed.epoch === undefined ? {} : { epoch: feed.epoch }),
        cursor: feed.cursor,
        entries: feed.set.size,
        stalenessSeconds: feed.ageSeconds(now),
        maxStalenessSeconds: feed.maxStalenessSeconds,
      }
    },
    metrics: () => {
      const now = instantOf(clock)
      return {
        ...counters,
        stale: { ...counters.stale },
        fresh: feed.isFresh(now),
        stalenessSeconds: feed.ageSeconds(now),
        entries: feed.set.size,
        entryBytes: feed.set.bytes,
      }
    },
    close: () => {
      closing.abort()
      clearInterval(ticking)
      exchange.close()
      first.fail(new Error('The verifier was closed'))
    },
    fastify: fastifyPlugin(authorize),
    express: (options = {}) => expressMiddleware(authorize, options),
    hono: (options = {}) => honoMiddleware(authorize, options),
  }
}
