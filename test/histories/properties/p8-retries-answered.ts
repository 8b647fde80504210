import { endingsOf, mayBeDeadFrom, mayCover, possibleReuses, replaysOf } from '../causes.ts'
import { type Event, latestEffect } from '../event.ts'
import { epsilonMicros } from '../history.ts'
import { property } from './property.ts'

/**
 * Within the grace a retry gets what the first request got, or would have got: the same successor (P1 compares the text), which is alive. A
 * grant has one chain of tokens, so at most one of them is live.
 */
export const retriesAnswered = property('P8', 'a retry in the grace is answered', (history, finding) => {
  for (const grant of history.grants.values()) {
    const parents = new Map<string, string>()
    const causes = [
      ...endingsOf(history, grant).filter((ending) => mayCover(ending, grant)),
      ...possibleReuses(history, grant),
      ...replaysOf(history, grant),
    ]
    for (const [token, presentations] of grant.presentations) {
      const [first] = presentations
      for (const event of presentations) {
        const child = event.returned?.refresh
        if (child !== undefined) {
          if ((parents.get(child) ?? token) !== token)
            finding.violated(grant.gid, 'one refresh token has two parents', [first, event])
          parents.set(child, token)
        }
        if (event === first || !first || !isInGrace(first, event)) continue
        finding.checked()
        if (event.outcome === 'fail' && event.tComplete < mayBeDeadFrom(causes))
          finding.violated(grant.gid, 'a retry in the grace was refused', [first, event])
      }
    }

    function isInGrace(earliest: Event, event: Event): boolean {
      const grace = history.graceMicros(grant.client) - epsilonMicros
      return latestEffect(event) < earliest.tInvoke + grace
    }
  }
})
