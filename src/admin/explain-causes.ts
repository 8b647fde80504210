import type { EndReason } from '../domain/ending.ts'
import type { Deadline, Lifeline, Line, Owner } from '../store/explain.ts'

/** Why something is over: a reason that was written with its ending, a deadline that passed, or that nothing was written. */
export type ReasonCode = EndReason | Deadline['name'] | 'session_missing' | 'unknown'

/** What was ended, and this with it. */
export type Target = 'session' | 'grant' | 'user' | 'client' | 'server'

/** Something that would keep it dead by itself. */
export interface Cause {
  readonly reason: string
  readonly target: Target
  /** Null: it was not written down. */
  readonly since: Date | null
  readonly actor: string | null
  /** By when it had certainly come; decides which was first. */
  readonly certainSince: Date | null
  /** The deadline or the line that it is. */
  readonly decidedBy?: Deadline['name'] | Line['name']
}

/** The causes in a session or a grant itself, in no order. `readAt` is when it was read. */
export function causesIn(life: Lifeline, target: 'session' | 'grant', readAt: Date): Cause[] {
  const { endedAt, endReason, endedBy } = life
  const ended = endedAt ? [happened({ reason: endReason ?? 'unknown', target, since: endedAt, actor: endedBy })] : []
  const lines = life.lines
    .filter((line) => line.isPassed)
    .map((line) =>
      happened({
        reason: 'position' in line ? (line.reason ?? 'unknown') : 'not_before',
        target: line.of,
        since: line.drawnAt,
        actor: line.drawnBy,
        decidedBy: line.name,
      }),
    )
  const expired = life.deadlines
    .filter((deadline) => deadline.isPassed)
    .map((deadline) => expiry(deadline, target, life.lastUsedAt, readAt))
  return [...ended, ...lines, ...expired]
}

/** The causes in the user or the client that it is of. Deleted ones leave no time, disabled ones no actor; a line often tells both. */
export function causesOfOwner({ isGone, disabledAt }: Owner, target: 'user' | 'client'): Cause[] {
  if (isGone) return [happened({ reason: 'deleted', target, since: null, actor: null })]
  return disabledAt ? [happened({ reason: 'disabled', target, since: disabledAt, actor: null })] : []
}

export const sessionIsMissing: Cause = {
  reason: 'session_missing',
  target: 'session',
  since: null,
  actor: null,
  certainSince: null,
}

/** One cause per thing that happened, the first one first; of two at once the one that reaches further; those whose time nobody knows come last. */
export function inOrder(causes: readonly Cause[]): Cause[] {
  const distinct: Cause[] = []
  for (const cause of causes) {
    const index = distinct.findIndex((other) => isSame(other, cause))
    const same = distinct[index]
    if (same) distinct[index] = merged(same, cause)
    else distinct.push(cause)
  }
  return distinct.sort((a, b) => timeOf(a) - timeOf(b) || reach[b.target] - reach[a.target])
}

/** The seconds of the limit that wins, who set it, and whether it is tighter than what it began with. */
export function tightest({ limits }: Deadline) {
  const least = limits.reduce((a, b) => (b.seconds < a.seconds ? b : a))
  const own = limits.find(({ setBy }) => setBy === 'session' || setBy === 'grant') ?? least
  return { ...least, own, isTightened: least.seconds < own.seconds }
}

/**
 * A limit that was tightened later says when it would have been over had it always held, and not when it was tightened: that may have been after
 * someone ended it. What is certain is that it was alive when it was used, and over when its own limit had passed.
 */
function expiry(deadline: Deadline, target: 'session' | 'grant', lastUsedAt: Date, readAt: Date): Cause {
  const { own, isTightened } = tightest(deadline)
  const ownEnd = deadline.countedFromAt.getTime() + own.seconds * 1000
  const since = new Date(Math.max(deadline.endsAt.getTime(), lastUsedAt.getTime()))
  const certainSince = isTightened ? new Date(Math.min(ownEnd, readAt.getTime())) : since
  return { reason: deadline.name, target, since, actor: 'system', certainSince, decidedBy: deadline.name }
}

const happened = (cause: Omit<Cause, 'certainSince'>): Cause => ({ ...cause, certainSince: cause.since })

const timeOf = ({ certainSince }: Cause): number => certainSince?.getTime() ?? Number.MAX_SAFE_INTEGER

/** An ending writes its rows, its line and the state of the user or client in one transaction: the same reason at the same instant. */
function isSame(a: Cause, b: Cause): boolean {
  const areAtOnce = a.since === null || b.since === null || a.since.getTime() === b.since.getTime()
  const isBySameActor = a.actor === null || b.actor === null || a.actor === b.actor
  const isOfOneThing = a.target === b.target || reach[a.target] < reach.user || reach[b.target] < reach.user
  return a.reason === b.reason && a.reason !== 'unknown' && areAtOnce && isBySameActor && isOfOneThing
}

const reach: Record<Target, number> = { grant: 0, session: 1, user: 2, client: 2, server: 3 }

/** What reaches further is what was done; the rest came with it. */
function merged(a: Cause, b: Cause): Cause {
  const [far, near] = reach[b.target] > reach[a.target] ? [b, a] : [a, b]
  const timed = far.since ? far : near
  return { ...far, since: timed.since, certainSince: timed.certainSince, actor: far.actor ?? near.actor }
}
