import type { AccessToken, Client, Grant, Model, Session, User } from '../state.ts'

// What each ending takes with it. An ending covers what exists now; what is made later is not its business.

/** A session takes its online grants along. Offline ones live on (OpenID Connect Back-Channel Logout 1.0 §2.7). */
export function endSession(m: Model, session: Session): void {
  session.hasEnded = true
  for (const grant of m.grants) if (grant.session === session && !grant.isOffline) grant.hasEnded = true
}

/**
 * A person leaves, or another one signs in at the same browser: some clients want their offline access to end with that. A session that was ended
 * before is not left again.
 */
export function leaveSession(m: Model, session: Session): void {
  if (session.hasEnded) return
  for (const grant of m.grants) if (grant.session === session && grant.client.logoutEndsOffline) grant.hasEnded = true
  endSession(m, session)
}

export function endGrant(grant: Grant): void {
  grant.hasEnded = true
}

/** One access token: its grant lives on. */
export function endToken(token: AccessToken): void {
  token.hasEnded = true
}

/** Everything of a person, the codes that are out too. */
export function endUser(m: Model, user: User): void {
  for (const session of m.sessions) if (session.user === user) session.hasEnded = true
  for (const grant of m.grants) if (grant.user === user) grant.hasEnded = true
  for (const code of m.codes) if (code.session.user === user) code.hasEnded = true
}

/** Everything of a client, but no session: the person stays signed in. */
export function endClient(m: Model, client: Client): void {
  for (const grant of m.grants) if (grant.client === client) grant.hasEnded = true
  for (const code of m.codes) if (code.client === client) code.hasEnded = true
  client.iatFloor = m.now + 1
}

/** What one client has of one person, the consent too. Codes of the person that are out are refused, whoever's they are. */
export function endUserAtClient(m: Model, user: User, client: Client): void {
  for (const grant of m.grants) if (grant.user === user && grant.client === client) grant.hasEnded = true
  for (const code of m.codes) if (code.session.user === user) code.hasEnded = true
  client.consents.delete(user)
}

export function endAll(m: Model): void {
  for (const one of [...m.sessions, ...m.grants, ...m.codes]) one.hasEnded = true
  m.server.iatFloor = m.now + 1
}

/** A line in seconds only moves forward: what was authenticated before it is dead. */
export function drawLine(scope: { notBefore: number }, seconds: number): void {
  scope.notBefore = Math.max(scope.notBefore, seconds)
}

/** Locked out at once, and whatever was open is over. Nothing of it comes back when the person is let in again. */
export function disableUser(m: Model, user: User): void {
  if (user.isDisabled) return
  user.isDisabled = true
  endUser(m, user)
}

export function resetPassword(m: Model, user: User): void {
  user.passwords++
  endUser(m, user)
}

export function deleteUser(m: Model, user: User): void {
  user.isDeleted = true
  endUser(m, user)
}

export function disableClient(m: Model, client: Client): void {
  if (client.isDisabled) return
  client.isDisabled = true
  endClient(m, client)
}
