import { endingsOf, mayCover, mustCover, possibleReuses, replaysOf } from '../causes.ts'
import type { Event } from '../event.ts'
import { type GrantHistory, type History, saysAlive, saysEnded, targetKey } from '../history.ts'
import { property } from './property.ts'

/**
 * A request without an answer happened, or it did not: never half of it. A refresh in doubt leaves its token usable in both worlds. An ending
 * in doubt takes everything that it covers at one instant: when one grant was seen dead of it, no other is alive later.
 */
export const doubtResolves = property('P9', 'no answer means all or nothing', (history, finding) => {
  for (const grant of history.grants.values()) {
    for (const presentations of grant.presentations.values()) {
      const doubt = presentations.find((event) => event.outcome === 'info')
      const next = doubt && presentations.find((event) => event.tInvoke > doubt.tComplete && event.outcome !== 'info')
      if (!doubt || !next) continue
      finding.checked()
      if (next.outcome === 'fail' && !hasCause(history, grant, next))
        finding.violated(grant.gid, 'a token was lost with an answer', [doubt, next])
    }
  }
  const covered = grantsByTarget(history)
  for (const [key, endings] of history.endings) {
    for (const ending of endings) {
      if (ending.outcome !== 'info') continue
      const grants = (covered.get(key) ?? []).filter((grant) => mustCover(history, { ...ending, outcome: 'ok' }, grant))
      if (grants.length < 2) continue
      finding.checked()
      atOnce(ending, grants)
    }
  }

  function atOnce(ending: Event, grants: readonly GrantHistory[]): void {
    let dead: Event | undefined
    for (const grant of grants) {
      const seen = grant.events.find((event) => saysEnded(event, grant))
      if (!seen || hasCause(history, grant, seen, ending)) continue
      if (!dead || seen.tComplete < dead.tComplete) dead = seen
    }
    if (!dead) return
    for (const grant of grants) {
      const alive = grant.events.find((event) => event.tInvoke > (dead?.tComplete ?? 0) && saysAlive(event))
      if (alive) finding.violated(grant.gid, `half of "${ending.op}" happened`, [ending, dead, alive])
    }
  }
})

/** Something else may have ended the grant before this was seen. */
function hasCause(history: History, grant: GrantHistory, seen: Event, except?: Event): boolean {
  const endings = endingsOf(history, grant).filter((event) => event !== except && mayCover(event, grant))
  const causes = [...endings, ...possibleReuses(history, grant), ...replaysOf(history, grant)]
  return causes.some((cause) => cause.tInvoke < seen.tComplete)
}

function grantsByTarget(history: History): Map<string, GrantHistory[]> {
  const map = new Map<string, GrantHistory[]>()
  const add = (key: string, grant: GrantHistory) => {
    const list = map.get(key)
    if (list) list.push(grant)
    else map.set(key, [grant])
  }
  for (const grant of history.grants.values()) {
    const { sid, sub, client } = grant
    if (!grant.offline) add(targetKey({ kind: 'session', id: sid }), grant)
    add(targetKey({ kind: 'user', id: sub }), grant)
    add(targetKey({ kind: 'user_client', id: sub, client }), grant)
  }
  return map
}
