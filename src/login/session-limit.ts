import type { Actor } from '../domain/ending.ts'
import { endIn } from '../store/end.ts'
import { findMadeSession } from '../store/login-transactions.ts'
import { lockSessionLimit } from '../store/session-limit.ts'
import { createCountedSession, type NewSession, type SignedIn } from '../store/sessions.ts'
import type { LoginTools } from './tools.ts'

/**
 * Makes the session of a user whose sessions are limited: ends those that were used longest ago, or makes none, in one transaction. The ending
 * comes last, because it takes the feed's head.
 */
export function signInWithinLimit(session: NewSession, actor: Actor, { db, feedKey }: LoginTools): Promise<SignedIn> {
  return db.transaction(async (tx) => {
    const { limit, endsOldest, live } = await lockSessionLimit(tx, session.userId)
    const excess = limit === 0 ? 0 : Math.max(0, live.length - limit + 1)
    if (excess > 0 && !endsOldest) {
      // The same form was sent twice at once, and the other one took the last place: both end in its session.
      const { handleHash, madeSessionId } = session.transaction
      const isMade = (await findMadeSession(tx, handleHash)) !== madeSessionId
      return { outcome: isMade ? 'ok' : 'session_limit', session: null, rememberedForSeconds: null }
    }
    const signedIn = await createCountedSession(tx, session)
    if (signedIn.session && excess > 0) {
      const oldest = { userId: session.userId, only: live.slice(0, excess), withOffline: false }
      await endIn(tx, { target: 'user_sessions', ...oldest }, { reason: 'limit', actor, feedKey })
    }
    return signedIn
  })
}
