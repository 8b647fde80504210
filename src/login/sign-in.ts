import { sha256 } from '../crypto/hash.ts'
import { randomSecret } from '../crypto/opaque-token.ts'
import type { AuditEvent } from '../domain/audit-event.ts'
import type { Actor } from '../domain/ending.ts'
import type { Session } from '../domain/session.ts'
import { insertAuditEvent } from '../store/audit.ts'
import { end } from '../store/end.ts'
import { findMadeSession } from '../store/login-transactions.ts'
import { type NewSession, type SessionWithConsent, type SignInOutcome, signInSession } from '../store/sessions.ts'
import { loginMethods } from './methods/index.ts'
import type { FactorRefusal } from './methods/method.ts'
import { signInWithinLimit } from './session-limit.ts'
import type { LoginTools } from './tools.ts'

export interface SignInAttempt {
  /** What the form sent. */
  readonly fields: ReadonlyMap<string, string>
  readonly address: string
  readonly userAgent: string | undefined
  readonly requestId: string
  /** The handle of the login transaction that this belongs to. */
  readonly handle: string
  /** The live session of this browser, whoever's it is. */
  readonly session: Session | undefined
  /** The session that an earlier submit of the same transaction made: it is renewed, not doubled. */
  readonly madeSessionId?: string
  /** The person asked to stay signed in when the browser is closed. */
  readonly remember: boolean
}

/** A factor that was not accepted, or a session that could not be made of it any more. */
interface Refusal {
  readonly refused: FactorRefusal['refused'] | Exclude<SignInOutcome, 'ok'>
  readonly userId?: string
}

/** A session, or why there is none. The cookie is shown once: only its hash is stored. */
export type SignInResult =
  | {
      readonly session: SessionWithConsent
      readonly cookie: { readonly sessionId: string; readonly secret: string; readonly maxAgeSeconds: number | null }
    }
  | { readonly refused: Refusal['refused'] }

/** The context classes that the methods reach. */
export const reachableAcr = [...new Set(Object.values(loginMethods).map((method) => method.acr))]

/** Signs a person in: factor by factor, and only after the last one a session (OWASP ASVS 7.2.4: a new secret at every authentication). */
export async function signIn(attempt: SignInAttempt, tools: LoginTools): Promise<SignInResult> {
  const method = loginMethods.password
  const factor = await method.prove(attempt.fields, attempt.address, tools)
  if ('refused' in factor) return refuse(factor, attempt, tools)

  const actor: Actor = { id: `user:${factor.userId}`, ip: attempt.address, requestId: attempt.requestId }
  const secret = randomSecret()
  const handleHash = sha256(attempt.handle)
  const session = {
    ...factor,
    secretHash: sha256(secret),
    remember: attempt.remember,
    acr: method.acr,
    amr: [method.amr],
    ip: attempt.address,
    ...(attempt.userAgent === undefined ? {} : { userAgent: attempt.userAgent.slice(0, 512) }),
    requestId: attempt.requestId,
  }
  const sign = async (sessionId: string | undefined, wanted: NewSession) => {
    const made = await signInSession(tools.db, sessionId === undefined ? wanted : { ...wanted, sessionId })
    return made.outcome === 'session_limit' ? signInWithinLimit({ ...wanted, counted: [] }, actor, tools) : made
  }
  const madeSessionId = attempt.madeSessionId
  let signedIn = await sign(ownSession(attempt, factor.userId), {
    ...session,
    transaction: { handleHash, madeSessionId },
  })
  if (signedIn.outcome === 'ok' && !signedIn.session) {
    // The same form was sent twice at once, and the other one was first: both end in its session.
    const made = await findMadeSession(tools.db, handleHash)
    signedIn = await sign(made, { ...session, counted: [], transaction: { handleHash, madeSessionId: made } })
  }
  const { outcome, session: live, rememberedForSeconds } = signedIn
  if (outcome !== 'ok' || !live)
    return refuse({ refused: outcome === 'ok' ? 'ended' : outcome, userId: factor.userId }, attempt, tools)
  if (attempt.session && attempt.session.userId !== factor.userId) {
    // Someone else signed in at this browser: what the last person left open is gone before the answer leaves.
    await end(
      tools.db,
      { target: 'session', id: attempt.session.id },
      { reason: 'replaced', actor, feedKey: tools.feedKey },
    )
  }
  return { session: live, cookie: { sessionId: live.id, secret, maxAgeSeconds: rememberedForSeconds } }
}

/** The session to renew; the statement takes it only if it is alive and this user's. */
const ownSession = ({ session, madeSessionId }: SignInAttempt, userId: string): string | undefined =>
  session?.userId === userId ? session.id : madeSessionId

async function refuse(factor: Refusal, attempt: SignInAttempt, tools: LoginTools): Promise<SignInResult> {
  const event: AuditEvent = {
    type: 'login.failed',
    outcome: 'failure',
    actor: {
      id: factor.userId ? `user:${factor.userId}` : 'anonymous',
      ip: attempt.address,
      requestId: attempt.requestId,
    },
    ...(factor.userId ? { userId: factor.userId } : {}),
    reason: factor.refused,
  }
  // Who is past a limit can go on as long as he likes: his attempts are counted together.
  if (factor.refused === 'limit') tools.noteAudit(event)
  else await insertAuditEvent(tools.db, event)
  return { refused: factor.refused }
}
