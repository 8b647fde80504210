import { epsilonMicros, successorOf } from '../history.ts'
import { property } from './property.ts'

/**
 * A refresh token has one successor. It is told again only while it is the immediate predecessor, and only for the grace, which is counted from
 * the first rotation; where there is no grace it is told once. A code gives one grant.
 */
export const noDoubleSpend = property('P1', 'no double spend', (history, finding) => {
  for (const grant of history.grants.values()) {
    for (const presentations of grant.presentations.values()) {
      const answered = presentations.filter((event) => event.returned)
      const successor = successorOf(presentations)
      if (!successor) continue
      const first = answered.find((event) => event.returned?.refresh === successor.token)
      const graceEnds = successor.toldAt + history.graceMicros(grant.client) + epsilonMicros
      if (history.graceMicros(grant.client) === 0 && answered.length > 1)
        finding.violated(grant.gid, 'a refresh token without a grace was answered twice', answered)
      const next = grant.presentations.get(successor.token)
      const replacedAt = successorOf(next)?.toldAt ?? Number.POSITIVE_INFINITY
      for (const event of answered) {
        finding.checked()
        if (event.returned?.refresh !== successor.token)
          finding.violated(grant.gid, 'one refresh token got two successors', [first, event])
        if (event.tInvoke > graceEnds)
          finding.violated(grant.gid, 'a refresh token was answered after its grace', [first, event])
        if (event.tInvoke > replacedAt) {
          const replaced = next?.find((later) => later.returned)
          finding.violated(grant.gid, 'a refresh token two generations old was answered', [first, replaced, event])
        }
      }
    }
  }
  for (const [code, uses] of history.exchanges) {
    const answered = uses.filter((event) => event.outcome === 'ok')
    finding.checked(answered.length)
    if (answered.length > 1) finding.violated(code, 'one code was redeemed twice', answered)
  }
})
