import {
  type Deadline,
  type GrantFacts,
  type Lifeline,
  type Line,
  readGrantFacts,
  readSessionFacts,
} from '../store/explain.ts'
import { instant, isId } from './document.ts'
import { type Cause, causesIn, causesOfOwner, inOrder, sessionIsMissing, tightest } from './explain-causes.ts'
import { type refreshPhrases, type Subject, sayAlive, sayWhyOver } from './explain-summary.ts'
import { notFound } from './problem.ts'
import type { AdminTools } from './tools.ts'

/** Why a session is over, or what will end it. @throws {Problem} not_found */
export async function explainSession(id: string, tools: AdminTools) {
  const facts = isId(id) ? await readSessionFacts(tools.db, id) : undefined
  if (!facts) throw notFound('session')
  const { session, user, readAt } = facts
  const causes = inOrder([...causesIn(session, 'session', readAt), ...causesOfOwner(user, 'user')])
  requireAgreement(session, causes)
  const subject = { kind: 'session', name: `The session of ${user.name ?? 'a deleted user'}` } as const
  return {
    sid: session.id,
    user_id: session.userId,
    remembered: session.remembered,
    ...explain({ subject, causes, deadlines: session.deadlines, lines: session.lines, refusal: null }),
    as_of: instant(readAt),
  }
}

/** The same for a grant, with the state of its session; an online grant ends with that. @throws {Problem} not_found */
export async function explainGrant(id: string, tools: AdminTools) {
  const facts = isId(id) ? await readGrantFacts(tools.db, id) : undefined
  if (!facts) throw notFound('grant')
  const { grant, session, user, client, readAt } = facts
  const ofUser = causesOfOwner(user, 'user')
  const inSession = session ? causesIn(session, 'session', readAt) : [sessionIsMissing]
  const causes = inOrder([
    ...causesIn(grant, 'grant', readAt),
    ...ofUser,
    ...causesOfOwner(client, 'client'),
    ...(grant.offline ? [] : inSession),
  ])
  requireAgreement(grant, causes)
  const kind = grant.offline ? 'offline' : 'online'
  const name = `The ${kind} grant of ${client.name ?? 'a deleted client'} for ${user.name ?? 'a deleted user'}`
  const deadlines = grant.offline ? grant.deadlines : [...(session?.deadlines ?? []), ...grant.deadlines]
  const refusal = refusalOf(grant)
  return {
    gid: grant.id,
    client_id: client.name,
    user_id: grant.userId,
    kind,
    ...explain({ subject: { kind: 'grant', name }, causes, deadlines, lines: grant.lines, refusal }),
    refresh: { allowed: causes.length === 0 && refusal === null, reason: causes[0]?.reason ?? refusal },
    session: session && {
      sid: session.id,
      alive: session.isAlive,
      ...showFirst(inOrder([...inSession, ...ofUser])[0]),
    },
    as_of: instant(readAt),
  }
}

/** The causes are found term by term; the one expression of liveness says whether there may be any. */
function requireAgreement({ id, isAlive }: Lifeline, causes: readonly Cause[]): void {
  if (isAlive !== (causes.length === 0)) throw new Error(`what is alive and what is explained differ for ${id}`)
}

function refusalOf(grant: GrantFacts['grant']): keyof typeof refreshPhrases | null {
  if (!grant.hasRefreshToken) return 'no_refresh_token'
  if (!grant.isWithdrawn) return null
  if (!grant.clientMayRefresh) return 'refresh_not_allowed'
  return grant.offline && !grant.clientMayStayOffline ? 'offline_not_allowed' : 'consent_missing'
}

interface Explained {
  readonly subject: Subject
  readonly causes: readonly Cause[]
  readonly deadlines: readonly Deadline[]
  readonly lines: readonly Line[]
  readonly refusal: keyof typeof refreshPhrases | null
}

function explain({ subject, causes, deadlines, lines, refusal }: Explained) {
  const [first, ...others] = causes
  // Of two at the same time it is the one that stands first.
  const next = deadlines.reduce((a, b) => (b.endsAt < a.endsAt ? b : a))
  const decider = first ? first.decidedBy : next.name
  const passed = deadlines.find(({ name }) => name === decider)
  return {
    alive: !first,
    ...showFirst(first),
    summary: first ? sayWhyOver(subject, first, passed && tightest(passed).seconds) : sayAlive(subject, next, refusal),
    also: others.map(showCause),
    deadlines: deadlines.map((deadline) => ({ ...showDeadline(deadline), decides: deadline.name === decider })),
    lines: lines.map((line) => ({ ...showLine(line), decides: line.isPassed && line.name === decider })),
  }
}

const showFirst = (cause: Cause | undefined) =>
  cause ? showCause(cause) : { reason: null, target: null, since: null, actor: null }

const showCause = ({ reason, target, since, actor }: Cause) => ({
  reason,
  target,
  since: instant(since),
  actor,
})

function showDeadline(deadline: Deadline) {
  const { setBy, setting, seconds } = tightest(deadline)
  return {
    name: deadline.name,
    at: deadline.endsAt.toISOString(),
    counted_from: deadline.countedFromAt.toISOString(),
    seconds: Math.round(seconds),
    set_by: setBy,
    setting,
    limits: deadline.limits.map((limit) => ({
      set_by: limit.setBy,
      setting: limit.setting,
      seconds: Math.round(limit.seconds),
    })),
    passed: deadline.isPassed,
  }
}

const showLine = (line: Line) => ({
  name: line.name,
  ...('position' in line
    ? { position: line.position, created_position: line.createdPosition, reason: line.reason }
    : { at: line.notBeforeAt.toISOString(), auth_time: line.authenticatedAt.toISOString() }),
  passed: line.isPassed,
  set_at: instant(line.drawnAt),
  set_by: line.drawnBy,
})
