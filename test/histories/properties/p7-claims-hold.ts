import { endingsOf, mustCover } from '../causes.ts'
import type { Event } from '../event.ts'
import { property } from './property.ts'

const longestLifeSeconds = 3600

/**
 * A grant says the same of itself in every token. And positions are a clock: a token that is minted after an ending was answered carries a
 * position at or above it; a token of something that ended carries one below, or services that read the feed would take it for a new one.
 */
export const claimsHold = property('P7', 'claims and positions hold', (history, finding) => {
  const jtis = new Map<string, string>()
  for (const [hash, { grant, minted }] of history.accessTokens) {
    finding.checked()
    const { returned } = minted
    const isSame = (['sid', 'sub', 'client', 'authTime', 'offline'] as const).every(
      (name) => returned[name] === grant[name],
    )
    if (!isSame) finding.violated(grant.gid, 'the claims of a grant changed', [grant.exchange, minted])
    const granted = grant.scope.split(' ')
    if (!returned.scope.split(' ').every((scope) => granted.includes(scope)))
      finding.violated(grant.gid, 'a token got more scope than the grant', [grant.exchange, minted])
    const life = returned.exp - returned.iat
    if (life <= 0 || life > longestLifeSeconds) finding.violated(grant.gid, `a token lives ${life} s`, [minted])
    if (jtis.has(returned.jti)) finding.violated(grant.gid, `jti ${returned.jti} was used twice`, [minted])
    jtis.set(returned.jti, hash)
  }
  for (const grant of history.grants.values()) {
    const endings = endingsOf(history, grant).filter(
      (ending) => drewPosition(ending) && mustCover(history, ending, grant),
    )
    for (const ending of endings) {
      finding.checked()
      const late = grant.events.find((event) => event.returned && event.returned.rvp >= (ending.position ?? 0))
      if (late)
        finding.violated(grant.gid, 'a token of an ended grant is dated after the ending', [
          grant.exchange,
          ending,
          late,
        ])
    }
  }
  const mints = history.events.filter((event) => event.returned)
  const acked = history.events.filter(drewPosition).sort((a, b) => a.tComplete - b.tComplete)
  let next = 0
  let highest: Event | undefined
  for (const mint of mints) {
    for (; (acked[next]?.tComplete ?? Number.POSITIVE_INFINITY) < mint.tInvoke; next++)
      if ((acked[next]?.position ?? 0) > (highest?.position ?? 0)) highest = acked[next]
    if (!highest) continue
    finding.checked()
    if ((mint.returned?.rvp ?? 0) < (highest.position ?? 0))
      finding.violated(mint.returned?.gid ?? '', 'a token is dated before an ending that was answered earlier', [
        highest,
        mint,
      ])
  }
})

const drewPosition = (event: Event): boolean => event.drewPosition === true && event.position !== undefined
