import type { Event } from '../event.ts'
import { saysAlive, saysEnded } from '../history.ts'
import { property } from './property.ts'

/** Whoever was told "inactive" or "invalid_grant" is never told otherwise by a question that starts later, on any instance. */
export const deathIsFinal = property('P3', 'death is final, in real time', (history, finding) => {
  for (const { grant, looks, minted } of history.accessTokens.values()) monotone(grant.gid, minted, looks)
  for (const grant of history.grants.values()) {
    const ended = earliest(grant.events.filter((event) => saysEnded(event, grant)))
    for (const event of grant.events) {
      if (!ended || event.tInvoke <= ended.tComplete) continue
      finding.checked()
      if (saysAlive(event))
        finding.violated(grant.gid, 'alive after its owner was refused', [grant.exchange, ended, event])
    }
    // A refresh token that is not the current one will not become it again.
    const looks = grant.events.filter((event) => event.op === 'introspect refresh token')
    const byToken = new Map<string, Event[]>()
    for (const look of looks) byToken.set(look.token ?? '', [...(byToken.get(look.token ?? '') ?? []), look])
    for (const ofToken of byToken.values()) monotone(grant.gid, grant.exchange, ofToken)
  }

  function monotone(gid: string, minted: Event, looks: readonly Event[]): void {
    const dead = earliest(looks.filter((event) => event.active === false))
    for (const look of looks) {
      if (!dead || look.tInvoke <= dead.tComplete) continue
      finding.checked()
      if (look.active === true) finding.violated(gid, 'a token is active again', [minted, dead, look])
    }
  }
})

const earliest = (events: readonly Event[]): Event | undefined =>
  events.reduce<Event | undefined>(
    (least, event) => (least && least.tComplete <= event.tComplete ? least : event),
    undefined,
  )
