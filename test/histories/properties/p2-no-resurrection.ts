import { certainEndings } from '../causes.ts'
import type { Event } from '../event.ts'
import { saysAlive, targetKey } from '../history.ts'
import { property } from './property.ts'

const first = (endings: readonly Event[]): Event | undefined =>
  endings.reduce<Event | undefined>(
    (least, event) => (event.outcome === 'ok' && !(least && least.tComplete <= event.tComplete) ? event : least),
    undefined,
  )

/** When an ending was answered 2xx, whatever starts later on any instance finds everything dead that the ending covers. */
export const noResurrection = property('P2', 'no resurrection', (history, finding) => {
  for (const grant of history.grants.values()) {
    const [ending] = certainEndings(history, grant)
    if (!ending) continue
    for (const event of grant.events) {
      if (event.tInvoke <= ending.tComplete) continue
      finding.checked()
      if (saysAlive(event))
        finding.violated(grant.gid, `alive after "${ending.op}" was answered`, [grant.exchange, ending, event])
    }
  }
  for (const [hash, { minted, looks, grant }] of history.accessTokens) {
    const ending = first(history.endings.get(targetKey({ kind: 'jti', id: minted.returned.jti })) ?? [])
    if (!ending) continue
    for (const event of looks) {
      if (event.tInvoke <= ending.tComplete) continue
      finding.checked()
      if (saysAlive(event))
        finding.violated(grant.gid, `access token ${hash} alive after "${ending.op}" was answered`, [
          minted,
          ending,
          event,
        ])
    }
  }
  for (const event of history.events) {
    // A browser without a form gets nothing from a session that has ended.
    if (event.op !== 'single sign-on' || event.sid === undefined) continue
    const began = history.sessionBegan.get(event.sid)
    const ofAll = [{ kind: 'user', id: event.sub ?? '' } as const, { kind: 'all' } as const]
      .flatMap((target) => history.endings.get(targetKey(target)) ?? [])
      .filter((ending) => began !== undefined && began.tComplete < ending.tInvoke)
    const ending = first([...(history.endings.get(targetKey({ kind: 'session', id: event.sid })) ?? []), ...ofAll])
    if (!ending || event.tInvoke <= ending.tComplete) continue
    finding.checked()
    if (event.outcome === 'ok')
      finding.violated(event.sid, `a session signs in after "${ending.op}"`, [began, ending, event])
  }
})
