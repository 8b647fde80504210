import { certainReuses, replaysOf } from '../causes.ts'
import { saysAlive } from '../history.ts'
import { property } from './property.ts'

/**
 * When reuse or a replay was refused, the grant is dead for whatever starts later, and no stranger gets anything. That the siblings live on is
 * P5: the reuse of one grant is no cause for another.
 */
export const theftContained = property('P6', 'theft ends the one grant', (history, finding) => {
  for (const grant of history.grants.values()) {
    const thefts = [...certainReuses(history, grant), ...replaysOf(history, grant)].filter(
      (event) => event.outcome === 'fail',
    )
    for (const theft of thefts) {
      finding.checked()
      const survivor = grant.events.find((event) => event.tInvoke > theft.tComplete && saysAlive(event))
      if (survivor)
        finding.violated(grant.gid, 'alive after reuse or replay was refused', [grant.exchange, theft, survivor])
    }
    for (const event of grant.events) {
      if (event.op !== 'refresh' || event.client === grant.client) continue
      finding.checked()
      if (event.outcome === 'ok') finding.violated(grant.gid, 'a stranger refreshed', [grant.exchange, event])
    }
  }
})
