import { type Browser, type Client, type Code, codeSeconds, type Model, type Session, type User } from '../state.ts'
import { endSession, leaveSession } from './endings.ts'
import { sessionIdle, sessionLastUsed, sessionLives } from './liveness.ts'

/** A code, an error for the client, or a page for the person: an error page, or the sign-in form again. */
export type Authorized = { readonly code: Code } | { readonly error: string } | { readonly page: 'error' | 'sign-in' }

export interface Request {
  readonly client: Client
  readonly scopes: readonly string[]
}

/** What the browser does is written at most once in this time. */
const touchSeconds = (m: Model, s: Session): number => Math.max(1, Math.min(60, Math.floor(sessionIdle(m, s) / 20)))

function touch(m: Model, s: Session): void {
  if (s.seenAt < m.now - touchSeconds(m, s)) s.seenAt = m.now
}

/** prompt=none: answered from the session that the cookie names, or not at all (OpenID Connect Core §3.1.2.1). */
export function authorizeSilently(m: Model, session: Session | undefined, request: Request): Authorized {
  const refused = refuseAtOnce(request)
  if (refused) return refused
  if (!session || !sessionLives(m, session)) return { error: 'login_required' }
  const scopes = grantable(request)
  if (needsConsent(request.client, session.user, scopes)) return { error: 'consent_required' }
  // The client lets nobody in whose login lies before its line.
  if (session.authTime < request.client.notBefore) return { error: 'login_required' }
  touch(m, session)
  return { code: issueCode(m, session, request.client, scopes) }
}

export interface Person {
  readonly user: User
  readonly passwordIsRight: boolean
  /** Asks to stay signed in when the browser is closed. */
  readonly isToBeRemembered: boolean
}

/** prompt=login: the person signs in and allows what is asked. */
export function signIn(m: Model, browser: Browser, who: Person, request: Request): Authorized {
  const refused = refuseAtOnce(request)
  if (refused) return refused
  const { user, passwordIsRight } = who
  if (user.isDeleted || user.isDisabled || !passwordIsRight) return { page: 'sign-in' }
  const session = sessionOf(m, browser, who)
  if (!session) return { page: 'sign-in' }
  const scopes = grantable(request)
  if (needsConsent(request.client, user, scopes)) {
    const before = request.client.consents.get(user) ?? []
    request.client.consents.set(user, new Set([...before, ...scopes]))
  }
  return { code: issueCode(m, session, request.client, scopes) }
}

/**
 * The same person keeps the session and gets a new secret; another person's session ends with the sign-in. Where sessions are limited
 * there may be none.
 */
function sessionOf(m: Model, browser: Browser, { user, isToBeRemembered }: Person): Session | undefined {
  const before = browser.session
  if (before && sessionLives(m, before)) {
    if (before.user === user) {
      before.authTime = m.now
      before.seenAt = m.now
      before.oldCookieUntil = m.now + 30
      return before
    }
  }
  if (!makeRoom(m, user)) return undefined
  // Whoever is not let in ends nothing.
  if (before && sessionLives(m, before)) leaveSession(m, before)
  const isRemembered = isToBeRemembered && m.policy.remember !== undefined
  const limits = isRemembered && m.policy.remember
  const session: Session = {
    label: `session ${m.sessions.length}`,
    user,
    isRemembered,
    createdAt: m.now,
    idleSeconds: limits ? limits.idle : m.policy.sessionIdle,
    maxSeconds: limits ? limits.max : m.policy.sessionMax,
    authTime: m.now,
    seenAt: m.now,
    refreshedAt: undefined,
    hasEnded: false,
    oldCookieUntil: undefined,
  }
  m.sessions.push(session)
  browser.session = session
  return session
}

/** Ends what was used longest ago, its offline grants excepted; or nobody else is let in. */
function makeRoom(m: Model, user: User): boolean {
  const { maxSessions, atSessionLimit } = m.policy
  const living = m.sessions.filter((one) => one.user === user && sessionLives(m, one))
  const excess = maxSessions === 0 ? 0 : living.length - maxSessions + 1
  if (excess <= 0) return true
  if (atSessionLimit === 'deny_new') return false
  for (const session of living.sort((a, b) => sessionLastUsed(a) - sessionLastUsed(b)).slice(0, excess))
    endSession(m, session)
  return true
}

/** Before anybody looks at who is there. An offline_access that the client may not have is no error. */
function refuseAtOnce({ client, scopes }: Request): Authorized | undefined {
  if (client.isDisabled) return { page: 'error' }
  const isForeign = scopes.some((scope) => scope !== 'offline_access' && !client.scopes.includes(scope))
  return isForeign ? { error: 'invalid_scope' } : undefined
}

const grantable = ({ client, scopes }: Request): readonly string[] =>
  scopes.filter((scope) => scope !== 'offline_access' || (client.mayRefresh && client.scopes.includes(scope)))

const needsConsent = (client: Client, user: User, scopes: readonly string[]): boolean =>
  !client.skipsConsent && !scopes.every((scope) => client.consents.get(user)?.has(scope))

function issueCode(m: Model, session: Session, client: Client, scopes: readonly string[]): Code {
  const code: Code = {
    label: `code ${m.codes.length}`,
    client,
    session,
    scopes,
    isOffline: scopes.includes('offline_access'),
    authTime: session.authTime,
    expiresAt: m.now + codeSeconds,
    isUsed: false,
    hasEnded: false,
    grant: undefined,
  }
  m.codes.push(code)
  return code
}
