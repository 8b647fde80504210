import { mayBeDeadFrom, possibleCauses } from '../causes.ts'
import type { Event } from '../event.ts'
import { property } from './property.ts'

/**
 * A client that sends again what had no answer is never left without a working token: it is refused only when something ended its grant, and
 * when every fault is over it gets an answer.
 */
export const noLostSuccessor = property('P4', 'no honest client loses its token', (history, finding) => {
  for (const grant of history.grants.values()) {
    const honest = grant.events.filter((event) => event.op === 'refresh' && event.honest === true)
    const refused = honest.filter((event) => event.outcome === 'fail')
    finding.checked(honest.length)
    if (refused.length === 0) continue
    const deadFrom = mayBeDeadFrom(possibleCauses(history, grant))
    const lost = refused.find((event) => event.tComplete < deadFrom)
    if (lost)
      finding.violated(grant.gid, 'an honest client was refused and nothing explains it', [...honest.slice(-6), lost])
  }
  const last = new Map<string, Event | undefined>()
  const hasFinals = history.events.some((event) => event.final === true)
  for (const event of history.events) {
    if (event.final === true) last.set(event.actor, event)
    else if (hasFinals && event.honest === true && !last.has(event.actor)) last.set(event.actor, undefined)
  }
  for (const [actor, event] of last) {
    finding.checked()
    if (event?.outcome !== 'ok') finding.violated(actor, 'an honest client ends without a working token', [event])
  }
})
