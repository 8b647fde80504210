import type { AccessToken, Code, Grant, Instant, Model, Session } from '../state.ts'

/** Why something gives nothing any more, in the words of the server's log. */
export type Death = 'revoked' | 'disabled' | 'not_before' | 'session_dead' | 'expired'

// A limit that is tightened holds at once, for what lives already; one that is loosened holds for what begins after it.

/** What the server grants a session now: the ordinary limits, or those of somebody who is remembered, as long as anybody is. */
const sessionLimits = ({ policy }: Model, s: Session): { idle: number; max: number } =>
  s.isRemembered && policy.remember ? policy.remember : { idle: policy.sessionIdle, max: policy.sessionMax }

export const sessionIdle = (m: Model, s: Session): number => Math.min(s.idleSeconds, sessionLimits(m, s).idle)
export const sessionLastUsed = ({ seenAt, refreshedAt }: Session): Instant => Math.max(seenAt, refreshedAt ?? seenAt)
export const sessionIdleEnd = (m: Model, s: Session): Instant => sessionLastUsed(s) + sessionIdle(m, s)
export const sessionMaxEnd = (m: Model, s: Session): Instant =>
  s.createdAt + Math.min(s.maxSeconds, sessionLimits(m, s).max)

export const grantIdleEnd = ({ policy }: Model, g: Grant): Instant =>
  g.rotatedAt +
  (g.isOffline
    ? Math.min(g.idleSeconds, policy.offlineIdle, g.client.offlineIdle ?? Infinity)
    : Math.min(g.idleSeconds, g.client.sessionIdle ?? Infinity))

export const grantMaxEnd = ({ policy }: Model, g: Grant): Instant =>
  Math.min(
    g.expiresAt,
    g.createdAt +
      (g.isOffline ? Math.min(policy.offlineMax, g.client.offlineMax ?? Infinity) : (g.client.sessionMax ?? Infinity)),
  )

/** Over at its idle or its absolute end, by an ending, or because its login lies before a line. A client's line never ends a session. */
export const sessionLives = (m: Model, s: Session): boolean =>
  !s.hasEnded &&
  !s.user.isDisabled &&
  !s.user.isDeleted &&
  s.authTime >= Math.max(m.server.notBefore, s.user.notBefore) &&
  m.now < Math.min(sessionMaxEnd(m, s), sessionIdleEnd(m, s))

/** Everything that kills a grant now; none: it lives. An offline grant does not ask for its session. */
export function deathsOfGrant(m: Model, g: Grant): Set<Death> {
  const deaths = new Set<Death>()
  if (g.hasEnded) deaths.add('revoked')
  if (g.user.isDisabled || g.client.isDisabled) deaths.add('disabled')
  if (g.authTime < Math.max(m.server.notBefore, g.user.notBefore, g.client.notBefore)) deaths.add('not_before')
  if (!g.isOffline && !sessionLives(m, g.session)) deaths.add('session_dead')
  if (m.now >= Math.min(grantMaxEnd(m, g), grantIdleEnd(m, g))) deaths.add('expired')
  if (g.user.isDeleted) deaths.add('disabled')
  return deaths
}

/** Everything that makes a code worthless besides its own time: what is checked when it is issued is checked again when it is redeemed. */
export function deathsOfCode(m: Model, { hasEnded, client, session, authTime }: Code): Set<Death> {
  const deaths = new Set<Death>()
  if (hasEnded) deaths.add('revoked')
  if (session.user.isDisabled || session.user.isDeleted || client.isDisabled) deaths.add('disabled')
  if (authTime < Math.max(m.server.notBefore, session.user.notBefore, client.notBefore)) deaths.add('not_before')
  if (!sessionLives(m, session)) deaths.add('session_dead')
  return deaths
}

export const codeLives = (m: Model, code: Code): boolean => m.now < code.expiresAt && deathsOfCode(m, code).size === 0

export const grantLives = (m: Model, g: Grant): boolean => deathsOfGrant(m, g).size === 0

/** What it rests on was taken back: the right to refresh, the offline access, the consent. It counts when the grant is used. */
export function isWithdrawn({ client, user, isOffline, scopes }: Grant): boolean {
  if (!client.mayRefresh) return true
  if (isOffline && !client.scopes.includes('offline_access')) return true
  const consented = client.consents.get(user)
  return !client.skipsConsent && !scopes.every((scope) => consented?.has(scope))
}

/** A refresh token is active while it is the current one of a living grant. */
export const refreshTokenIsActive = (m: Model, g: Grant, generation: number): boolean =>
  generation === g.generation && grantLives(m, g) && !isWithdrawn(g)

/** An access token lives as long as its grant, unless it was ended by itself or has expired. */
export const tokenLives = (m: Model, t: AccessToken): boolean =>
  !t.hasEnded && m.now < t.expiresAt && grantLives(m, t.grant)

/** No access token may outlive this. */
export function endOfGrant(m: Model, g: Grant): Instant {
  const own = Math.min(grantMaxEnd(m, g), grantIdleEnd(m, g))
  return g.isOffline ? own : Math.min(own, sessionMaxEnd(m, g.session), sessionIdleEnd(m, g.session))
}
