import { mayBeDeadFrom, possibleCauses } from '../causes.ts'
import type { Event } from '../event.ts'
import { targetKey } from '../history.ts'
import { property } from './property.ts'

const second = 1_000_000
/** What a client may be told although it did everything right. Everything else would make it drop what it holds. */
const refusals = new Set([
  'refresh invalid_grant',
  'exchange invalid_grant',
  'single sign-on login_required',
  'revoke foreign token invalid_request',
])
const mayBeRefused = new Set<Event['op']>(['refresh', 'exchange', 'single sign-on', 'introspect access token'])

/** A grant or a token is dead only because somebody ended it, because of reuse or replay, or because its time was over. */
export const noFalseEnding = property('P5', 'nothing ends without a cause', (history, finding) => {
  for (const grant of history.grants.values()) {
    const dead = grant.events.filter(
      (event) => event.op === 'refresh' && event.client === grant.client && event.outcome === 'fail',
    )
    finding.checked(grant.events.length)
    const looks = grant.events.filter((event) => event.active === false)
    if (dead.length + looks.length === 0) continue
    const deadFrom = mayBeDeadFrom(possibleCauses(history, grant))
    const unexplained = dead.find((event) => event.tComplete < deadFrom)
    if (unexplained) finding.violated(grant.gid, 'a grant ended and nobody ended it', [grant.exchange, unexplained])
    for (const look of looks) {
      if (look.tComplete >= deadFrom) continue
      const isExplained =
        look.op === 'introspect refresh token' ? wasPresented(look, grant.presentations) : accessTokenEnded(look)
      if (!isExplained) finding.violated(grant.gid, 'a token is inactive and nobody ended it', [grant.exchange, look])
    }
  }
  for (const event of history.events) {
    if (event.outcome !== 'fail' || !mayBeRefused.has(event.op)) continue
    finding.checked()
    if (!refusals.has(`${event.op} ${event.error}`))
      finding.violated(event.actor, `a refusal that no honest request earns: ${event.op}: ${event.error}`, [event])
  }

  function accessTokenEnded(look: Event): boolean {
    const token = history.accessTokens.get(look.token ?? '')
    if (!token) return true
    const { minted } = token
    const lifeEnds = minted.tInvoke + (minted.returned.exp - minted.returned.iat - 2) * second
    const endings = history.endings.get(targetKey({ kind: 'jti', id: minted.returned.jti })) ?? []
    return (
      look.tComplete > lifeEnds || endings.some((event) => event.outcome !== 'fail' && event.tInvoke < look.tComplete)
    )
  }
})

/** Introspection calls only the current refresh token active. */
const wasPresented = (look: Event, presentations: ReadonlyMap<string, readonly Event[]>): boolean =>
  (presentations.get(look.token ?? '') ?? []).some(
    (event) => event.outcome !== 'fail' && event.tInvoke < look.tComplete,
  )
