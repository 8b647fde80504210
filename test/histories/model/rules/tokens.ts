import { type AccessToken, type Client, type Code, type Grant, type Model, tokenSeconds } from '../state.ts'
import { endGrant, endSession } from './endings.ts'
import { deathsOfCode, deathsOfGrant, endOfGrant, isWithdrawn, sessionIdle, sessionMaxEnd } from './liveness.ts'

/** What the token endpoint answers: tokens, or an error with the reasons of which the log must name one. */
export type TokenAnswer =
  | { readonly token: AccessToken; readonly generation: number | undefined }
  | { readonly error: string; readonly reasons: readonly string[] }

const refused = (error: string, ...reasons: string[]): TokenAnswer => ({ error, reasons })
const invalidGrant = (...reasons: string[]): TokenAnswer => refused('invalid_grant', ...reasons)

export interface Exchange {
  readonly by: Client
  readonly verifierIsRight: boolean
  readonly redirectUriIsRight: boolean
}

/** A code is good once. A stranger, or someone without the verifier, neither gets anything nor spoils it (RFC 6749 §4.1.3, RFC 7636 §4.6). */
export function exchange(m: Model, code: Code, { by, verifierIsRight, redirectUriIsRight }: Exchange): TokenAnswer {
  if (by.isDisabled) return refused('invalid_client', 'disabled')
  if (by !== code.client) return invalidGrant('client_mismatch')
  if (!redirectUriIsRight) return invalidGrant('redirect_mismatch')
  if (!verifierIsRight) return invalidGrant('pkce_mismatch')
  if (code.isUsed) {
    // RFC 6749 §4.1.2: what the first use gave ends.
    if (code.grant) endGrant(code.grant)
    return invalidGrant('replay')
  }
  if (m.now >= code.expiresAt) return invalidGrant('expired')
  code.isUsed = true
  const deaths = deathsOfCode(m, code)
  if (deaths.size > 0) return invalidGrant(...deaths)
  code.grant = makeGrant(m, code)
  return { token: mint(m, code.grant, code.scopes), generation: by.mayRefresh ? 0 : undefined }
}

/** A client may shorten what the server allows. An online grant never outlives its session. */
function makeGrant(m: Model, { client, session, scopes, isOffline, authTime }: Code): Grant {
  const { offlineIdle, offlineMax } = m.policy
  const shorter = (limit: number, own: number | undefined) => Math.min(limit, own ?? Infinity)
  const idle = isOffline
    ? shorter(offlineIdle, client.offlineIdle)
    : shorter(sessionIdle(m, session), client.sessionIdle)
  const max = isOffline
    ? m.now + shorter(offlineMax, client.offlineMax)
    : shorter(sessionMaxEnd(m, session), m.now + (client.sessionMax ?? Infinity))
  const grant: Grant = {
    label: `grant ${m.grants.length}`,
    client,
    user: session.user,
    session,
    isOffline,
    scopes,
    authTime,
    createdAt: m.now,
    idleSeconds: idle,
    expiresAt: max,
    hasRefreshToken: client.mayRefresh,
    generation: 0,
    rotatedAt: m.now,
    hasEnded: false,
  }
  m.grants.push(grant)
  return grant
}

export interface Refresh {
  readonly by: Client
  /** Of the token that is presented. */
  readonly generation: number
  /** The `scope` parameter, if there is one. */
  readonly scopes?: readonly string[]
}

/**
 * The current token rotates; its immediate predecessor gets the same successor again for a while, measured from the rotation; anything older is
 * reuse and ends the grant (RFC 9700 §4.14.2). A stranger's try comes before all that and changes nothing.
 */
export function refresh(m: Model, grant: Grant, { by, generation, scopes }: Refresh): TokenAnswer {
  if (by.isDisabled) return refused('invalid_client', 'disabled')
  if (!by.mayRefresh) return refused('unauthorized_client', 'This client may not use this grant_type')
  // With the person's record the grant is gone, as after a cleanup: there is nothing left to tell apart.
  if (grant.user.isDeleted) return invalidGrant('expired')
  if (by !== grant.client) return invalidGrant('client_mismatch')
  const deaths = deathsOfGrant(m, grant)
  if (deaths.size > 0) return invalidGrant(...deaths)
  if (isWithdrawn(grant)) return invalidGrant('withdrawn')

  const isCurrent = generation === grant.generation
  const graceSeconds = by.graceSeconds ?? m.policy.graceSeconds
  const isRetry = generation === grant.generation - 1 && m.now < grant.rotatedAt + graceSeconds
  if (!isCurrent && !isRetry) {
    if (by.reuseEndsSession) endSession(m, grant.session)
    endGrant(grant)
    return invalidGrant('reuse')
  }
  // It may narrow this access token and never widens; the grant keeps its scope (RFC 6749 §6).
  const allowed = grant.scopes.filter((scope) => by.scopes.includes(scope))
  const wanted = scopes ?? allowed
  if (!wanted.every((scope) => allowed.includes(scope))) return refused('invalid_scope', 'scope_exceeded')
  if (isCurrent) {
    if (by.rotates) grant.generation++
    grant.rotatedAt = m.now
    if (!grant.isOffline && by.refreshIsActivity && m.policy.refreshIsActivity) grant.session.refreshedAt = m.now
  }
  return { token: mint(m, grant, wanted), generation: grant.generation }
}

/** An access token never outlives its grant, nor an online one the session. */
function mint(m: Model, grant: Grant, scopes: readonly string[]): AccessToken {
  const issuedAt = Math.max(m.now, m.server.iatFloor, grant.client.iatFloor)
  const token: AccessToken = {
    label: `token ${m.tokens.length}`,
    grant,
    scopes,
    issuedAt,
    expiresAt: Math.min(issuedAt + (grant.client.tokenSeconds ?? tokenSeconds), endOfGrant(m, grant)),
    hasEnded: false,
  }
  m.tokens.push(token)
  return token
}
