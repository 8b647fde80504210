import { type Event, latestEffect } from './event.ts'
import { epsilonMicros, type GrantHistory, type History, successorOf, targetKey } from './history.ts'

/*
 * Why a grant may have ended, and why it must have. Everything the properties say about life and death is built on these two. Where the order
 * of two operations cannot be known from outside, "may" is generous and "must" is strict.
 */

/** Endings that are aimed at the grant, at whatever time. A session takes its online grants only. */
export function endingsOf(history: History, grant: GrantHistory): Event[] {
  const { gid, sid, sub, client, offline } = grant
  const keys = [
    targetKey({ kind: 'grant', id: gid }),
    targetKey({ kind: 'user', id: sub }),
    targetKey({ kind: 'user_client', id: sub, client }),
    targetKey({ kind: 'client', client }),
    targetKey({ kind: 'all' }),
    ...(offline ? [] : [targetKey({ kind: 'session', id: sid })]),
  ]
  return keys.flatMap((key) => history.endings.get(key) ?? [])
}

/** What the grant comes from was there when the ending was sent, so the ending takes it, in whatever order they commit. */
export function mustCover(history: History, ending: Event, grant: GrantHistory): boolean {
  if (ending.outcome !== 'ok') return false
  switch (ending.ends?.kind) {
    case 'grant':
    case 'session':
      return true
    case 'user':
    case 'all': {
      const began = history.sessionBegan.get(grant.sid)
      return began !== undefined && began.tComplete < ending.tInvoke
    }
    default:
      return grant.logIn !== undefined && grant.logIn.tComplete < ending.tInvoke
  }
}

/** The ending may take the grant: it is not known to be over before the grant's code was asked for. */
export function mayCover(ending: Event, grant: GrantHistory): boolean {
  if (ending.outcome === 'fail') return false
  const { kind } = ending.ends ?? {}
  if (kind === 'grant' || kind === 'session') return true
  return grant.logIn === undefined || grant.logIn.tInvoke < latestEffect(ending)
}

/** Presentations that the server must have judged as reuse: the token was older than the predecessor, or its grace was over. */
export function certainReuses(history: History, grant: GrantHistory): Event[] {
  const found: Event[] = []
  for (const presented of grant.presentations.values()) {
    const successor = successorOf(presented)
    if (!successor) continue
    const after = successorOf(grant.presentations.get(successor.token))
    const limit = Math.min(
      successor.toldAt + history.graceMicros(grant.client) + epsilonMicros,
      after?.toldAt ?? Number.POSITIVE_INFINITY,
    )
    for (const event of presented) if (event.tInvoke > limit) found.push(event)
  }
  return found
}

/** Presentations that the server may have judged as reuse. */
export function possibleReuses(history: History, grant: GrantHistory): Event[] {
  const found: Event[] = []
  const grace = history.graceMicros(grant.client) - epsilonMicros
  for (const presented of grant.presentations.values()) {
    const successor = successorOf(presented)
    const followed = successor && grant.presentations.get(successor.token)?.[0]?.tInvoke
    const [first, second] = presented
    for (const event of presented) {
      const other = event === first ? second : first
      const isLate = other !== undefined && other.tInvoke + grace < latestEffect(event)
      const isOld = followed !== undefined && followed < latestEffect(event)
      if (isLate || isOld) found.push(event)
    }
  }
  return found
}

/** Second uses of the code that the grant came from. */
export function replaysOf(history: History, grant: GrantHistory): Event[] {
  const uses = history.exchanges.get(grant.exchange.code ?? '') ?? []
  return uses.filter((event) => event !== grant.exchange && event.client === grant.client)
}

/** Everything that may have ended the grant. */
export function possibleCauses(history: History, grant: GrantHistory): Event[] {
  const endings = endingsOf(history, grant).filter((ending) => mayCover(ending, grant))
  return [...endings, ...possibleReuses(history, grant), ...replaysOf(history, grant)]
}

/** The acknowledged endings that must have taken the grant, first of all the one that was answered first. */
export function certainEndings(history: History, grant: GrantHistory): Event[] {
  return endingsOf(history, grant)
    .filter((ending) => mustCover(history, ending, grant))
    .sort((a, b) => a.tComplete - b.tComplete)
}

/** The first instant from which the grant may be dead for a reason that is known; infinity when there is none. */
export const mayBeDeadFrom = (causes: readonly Event[]): number =>
  causes.reduce((least, cause) => Math.min(least, cause.tInvoke), Number.POSITIVE_INFINITY)
