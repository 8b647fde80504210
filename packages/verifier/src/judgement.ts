import type { ReadToken } from './access-token.ts'
import { type Clock, instantOf } from './clock.ts'
import type { Counters } from './counters.ts'
import { type Report, reasonOf } from './events.ts'
import type { FeedClient } from './feed-client.ts'
import type { FeedState } from './feed-state.ts'
import type { Introspection } from './introspection.ts'
import type { Policy } from './options.ts'
import type { TokenFacts } from './revocation-set.ts'

export type Judgement =
  | { readonly outcome: 'accepted'; readonly policy?: 'introspect' | 'grace' | 'open' }
  | { readonly outcome: 'revoked' | 'insufficient_scope' | 'stale' }

/** Whether a token whose signature and claims are right may be accepted (docs/revocation-feed.md §4 and §5). */
export type Judge = (token: string, read: ReadToken, policy: Policy, lacksScope: boolean) => Promise<Judgement>

export interface JudgeParts {
  readonly feed: FeedState
  readonly client: FeedClient
  readonly introspection: Introspection
  readonly clock: Clock
  readonly report: Report
  readonly counters: Counters
}

/** For a token that knows more than the verifier: usually the news is on its way. */
const catchUpMs = 50

export const factsOf = ({ claims, kid }: ReadToken): TokenFacts => ({
  sid: claims.sid,
  gid: claims.gid,
  jti: claims.jti,
  sub: claims.sub,
  clientId: claims.client_id,
  kid,
  rvp: claims.rvp,
  authTime: claims.auth_time ?? claims.iat,
})

export function createJudge({ feed, client, introspection, clock, report, counters }: JudgeParts): Judge {
  async function judgeStale(token: string, facts: TokenFacts, policy: Policy): Promise<Judgement> {
    counters.stale[policy.name]++
    if (policy.name === 'open') return { outcome: 'accepted', policy: 'open' }
    if (policy.name === 'grace') {
      const most = feed.maxStalenessSeconds + policy.graceSeconds
      return feed.ageSeconds(instantOf(clock)) < most ? { outcome: 'accepted', policy: 'grace' } : { outcome: 'stale' }
    }
    if (policy.name === 'strict') return { outcome: 'stale' }
    try {
      counters.introspections++
      const isActive = await introspection.isActive(token)
      // Something may have arrived meanwhile.
      return isActive && !feed.set.isRevoked(facts)
        ? { outcome: 'accepted', policy: 'introspect' }
        : { outcome: 'revoked' }
    } catch (error) {
      report({ type: 'failed', what: 'introspection', reason: reasonOf(error) })
      return { outcome: 'stale' }
    }
  }

  return async (token, read, policy, lacksScope) => {
    const facts = factsOf(read)
    if (feed.set.isRevoked(facts)) return { outcome: 'revoked' }
    if (lacksScope) return { outcome: 'insufficient_scope' }
    if (facts.rvp > feed.cursor) {
      await client.reached(facts.rvp, catchUpMs)
      if (feed.set.isRevoked(facts)) return { outcome: 'revoked' }
    }
    if (facts.rvp <= feed.cursor && feed.isFresh(instantOf(clock))) return { outcome: 'accepted' }
    return judgeStale(token, facts, policy)
  }
}
