import { boolean, constant, nat, oneof, record } from 'fast-check'
import { same } from '../expectation.ts'
import { endGrant, endToken, leaveSession } from '../rules/endings.ts'
import { sessionLives } from '../rules/liveness.ts'
import { known, nth } from '../world.ts'
import { pick, recent, step } from './step.ts'
import { refreshable } from './tokens.ts'

// What a client or a person ends.

const by = oneof({ weight: 5, arbitrary: constant(0) }, { weight: 1, arbitrary: constant(1) })
/** An ID or access token is looked at within this time; the key that signed it may be gone later. */
const keyIsThere = 3000

/** RFC 7009: one's own, whatever is left of it, is 200; another client's is refused and nothing happens. */
const outcome = (caller: { isDisabled: boolean }, isOwn: boolean) =>
  caller.isDisabled ? [401, 'invalid_client'] : isOwn ? [200, undefined] : [400, 'invalid_request']

export const revokeAccessToken = step('RevokeAccessToken', record({ pick, by }), (m, given) => {
  const token = recent(
    m.tokens.filter((one) => m.now < one.issuedAt + keyIsThere),
    given.pick,
  )
  if (!token) return undefined
  const { client } = token.grant
  const caller = nth(m.clients, m.clients.indexOf(client) + given.by)
  return {
    told: `${caller.label} revokes ${token.label} of ${client.label}`,
    act: async (world) => {
      const { status, body } = await world.post('/revoke', { token: known(world.tokens, token) }, caller)
      same('the revocation', [status, body['error']], outcome(caller, caller === client))
      if (!caller.isDisabled && caller === client) endToken(token)
    },
  }
})

/** Any generation of it ends the whole grant (RFC 7009 §2.1). */
export const revokeRefreshToken = step('RevokeRefreshToken', record({ pick, by, back: nat(2) }), (m, given) => {
  const grant = recent(
    refreshable(m).filter((one) => one.generation >= given.back),
    given.pick,
  )
  if (!grant) return undefined
  const generation = grant.generation - given.back
  const caller = nth(m.clients, m.clients.indexOf(grant.client) + given.by)
  return {
    told: `${caller.label} revokes refresh token ${generation} of 0 to ${grant.generation} of ${grant.label}`,
    act: async (world) => {
      const token = known(world.refreshTokens, grant)[generation] ?? ''
      const { status, body } = await world.post('/revoke', { token }, caller)
      same('the revocation', [status, body['error']], outcome(caller, caller === grant.client))
      if (!caller.isDisabled && caller === grant.client) endGrant(grant)
    },
  }
})

/** The holder of an ID token is not asked: the session that it names ends, wherever it is. */
export const logoutWithHint = step('LogoutWithHint', record({ pick, cookie: boolean() }), (m, given) => {
  const grant = recent(m.grants, given.pick)
  if (!grant) return undefined
  const browser = m.browsers.find((one) => one.session === grant.session)
  const atHome = given.cookie && browser ? browser : undefined
  return {
    told: `logout with the ID token of ${grant.label} (${grant.session.label}), ${atHome ? `at ${atHome.label}` : 'without its cookie'}`,
    act: async (world) => {
      const hint = known(world.idTokens, grant)
      if (m.now >= hint.issuedAt + keyIsThere) return
      const surfer = world.browser(atHome ? known(world.jars, atHome) : new Map())
      const page = await surfer.open(`/logout?${new URLSearchParams({ id_token_hint: hint.token })}`)
      same('the page after logout', [page.status, page.body.includes('signed out')], [200, true])
      leaveSession(m, grant.session)
      if (!atHome) return
      world.jars.set(atHome, surfer.jar)
      atHome.session = undefined
    },
  }
})

/** Without an ID token the person is asked, if anybody is signed in. */
export const logoutWithConfirmation = step('LogoutWithConfirmation', record({ browser: nat(1) }), (m, given) => {
  const browser = nth(m.browsers, given.browser)
  return {
    told: `logout with confirmation at ${browser.label}`,
    act: async (world) => {
      const { session } = browser
      const surfer = world.browser(known(world.jars, browser))
      const page = await surfer.open('/logout')
      const isSignedIn = session !== undefined && sessionLives(m, session)
      same('asks before it ends a session', page.body.includes('id="confirm-logout"'), isSignedIn)
      if (!isSignedIn) return
      const after = await world.submit(surfer, page, {})
      same('the page after logout', after.body.includes('signed out'), true)
      world.jars.set(browser, surfer.jar)
      leaveSession(m, session)
      browser.session = undefined
    },
  }
})
