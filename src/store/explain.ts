import type { Queries, Statement } from './database.ts'
import {
  grantIdleEnds,
  grantIsDead,
  grantIsWithdrawn,
  grantMaxEnds,
  sessionIdleEnds,
  sessionIsOver,
  sessionLastUsed,
  sessionMaxEnds,
} from './liveness.ts'

/** One of the limits that a deadline is the least of. `session` and `grant`: what it began with; the others as they are set now. */
export interface Limit {
  readonly setBy: 'server' | 'client' | 'session' | 'grant'
  /** An environment variable or a member of the client; null for what it began with. */
  readonly setting: string | null
  readonly seconds: number
}

export interface Deadline {
  readonly name: 'session_idle' | 'session_max' | 'grant_idle' | 'grant_max'
  readonly endsAt: Date
  readonly isPassed: boolean
  readonly countedFromAt: Date
  readonly limits: readonly Limit[]
}

interface Drawn {
  readonly of: 'server' | 'user' | 'client'
  readonly isPassed: boolean
  /** When and by whom it was drawn last; null when that was before it was written down. */
  readonly drawnAt: Date | null
  readonly drawnBy: string | null
}

/** Ends what was created before a position. */
export interface EndedLine extends Drawn {
  readonly name: 'server_ended' | 'user_ended' | 'client_ended'
  readonly position: number
  readonly createdPosition: number
  readonly reason: string | null
}

/** Ends what was authenticated before an instant. */
export interface NotBeforeLine extends Drawn {
  readonly name: 'server_not_before' | 'user_not_before' | 'client_not_before'
  readonly notBeforeAt: Date
  readonly authenticatedAt: Date
}

export type Line = EndedLine | NotBeforeLine

/** All that a session or a grant lives by. */
export interface Lifeline {
  readonly id: string
  readonly isAlive: boolean
  readonly endedAt: Date | null
  readonly endReason: string | null
  readonly endedBy: string | null
  /** It was certainly alive then. */
  readonly lastUsedAt: Date
  readonly deadlines: readonly Deadline[]
  readonly lines: readonly Line[]
}

/** The user or the client that a session or a grant is of. */
export interface Owner {
  /** The name of the user, or the client_id; null when it is gone. */
  readonly name: string | null
  readonly isGone: boolean
  readonly disabledAt: Date | null
}

export interface SessionFacts {
  readonly readAt: Date
  readonly session: Lifeline & { readonly userId: string; readonly remembered: boolean }
  readonly user: Owner
}

export interface GrantFacts {
  readonly readAt: Date
  readonly grant: Lifeline & {
    readonly userId: string
    readonly sessionId: string | null
    readonly offline: boolean
    readonly hasRefreshToken: boolean
    /** Why no refresh would be granted although it is alive: the terms of `grantIsWithdrawn`. */
    readonly isWithdrawn: boolean
    readonly clientMayRefresh: boolean
    readonly clientMayStayOffline: boolean
  }
  /** Null: it is not on record any more. An offline grant lives without it. */
  readonly session: Lifeline | null
  readonly user: Owner
  readonly client: Owner
}

const seconds = (interval: string) => `extract(epoch from ${interval})::float8`

const limit = (setBy: string, setting: string, value: string) =>
  `jsonb_build_object('setBy', ${setBy}, 'setting', ${setting}, 'seconds', ${value})`

const deadline = (name: Deadline['name'], ends: string, from: string, limits: readonly string[]) =>
  `jsonb_build_object('name', '${name}', 'endsAt', ${ends}, 'isPassed', ${ends} <= clock_now(), 'countedFromAt', ${from},
    'limits', jsonb_build_array(${limits.join(', ')}))`

const sessionDeadline = (kind: 'idle' | 'max', ends: string, from: string, own: string) =>
  deadline(`session_${kind}`, ends, from, [
    limit(
      `'server'`,
      `case when s.remembered and v.remember_${kind}_s is not null then 'REMEMBER_ME_${kind.toUpperCase()}_SECONDS' else 'SESSION_${kind.toUpperCase()}_SECONDS' end`,
      `case when s.remembered then coalesce(v.remember_${kind}_s, v.session_${kind}_s) else v.session_${kind}_s end`,
    ),
    limit(`'session'`, 'null', own),
  ])

/** `isOfSession`: what an online grant began with is often the limit of its session, and then that is who set it. */
const grantDeadline = (kind: 'idle' | 'max', ends: string, from: string, own: string, isOfSession: string) =>
  deadline(`grant_${kind}`, ends, from, [
    limit(
      `'server'`,
      `case when g.offline then 'OFFLINE_${kind.toUpperCase()}_SECONDS' else 'REFRESH_${kind.toUpperCase()}_SECONDS' end`,
      `case when g.offline then v.offline_${kind}_s else v.refresh_${kind}_s end`,
    ),
    limit(
      `'client'`,
      `case when g.offline then 'offline_${kind}_seconds' else 'session_${kind}_seconds' end`,
      `case when g.offline then c.offline_${kind}_s else c.${kind}_s end`,
    ),
    limit(`case when not g.offline and ${isOfSession} then 'session' else 'grant' end`, 'null', own),
  ])

const owners = { server: 'v', user: 'u', client: 'c' } as const

const linesOf = (row: 's' | 'g', ...of: (keyof typeof owners)[]) => {
  const objects = of.flatMap((owner) => {
    const o = owners[owner]
    return [
      `jsonb_build_object('name', '${owner}_ended', 'of', '${owner}', 'isPassed', coalesce(${row}.created_pos < ${o}.ended_pos, false),
        'position', ${o}.ended_pos, 'createdPosition', ${row}.created_pos, 'reason', ${o}.ended_reason,
        'drawnAt', ${o}.ended_at, 'drawnBy', ${o}.ended_by)`,
      `jsonb_build_object('name', '${owner}_not_before', 'of', '${owner}', 'isPassed', coalesce(${row}.auth_time < ${o}.not_before, false),
        'notBeforeAt', nullif(${o}.not_before, '-infinity'), 'authenticatedAt', ${row}.auth_time,
        'drawnAt', ${o}.not_before_at, 'drawnBy', ${o}.not_before_by)`,
    ]
  })
  return `jsonb_build_array(${objects.join(', ')})`
}

const session = `case when s.id is not null then jsonb_build_object(
    'id', s.id, 'isAlive', not ${sessionIsOver}, 'userId', s.user_id, 'remembered', s.remembered,
    'endedAt', s.revoked_at, 'endReason', s.revoke_reason, 'endedBy', s.revoked_by, 'lastUsedAt', ${sessionLastUsed},
    'deadlines', jsonb_build_array(
      ${sessionDeadline('idle', sessionIdleEnds, sessionLastUsed, 's.idle_s')},
      ${sessionDeadline('max', sessionMaxEnds, 's.created_at', seconds('s.expires_at - s.created_at'))}),
    'lines', ${linesOf('s', 'server', 'user')}) end`

const grant = `jsonb_build_object(
    'id', g.id, 'isAlive', not ${grantIsDead}, 'userId', g.user_id, 'sessionId', g.session_id, 'offline', g.offline,
    'endedAt', g.revoked_at, 'endReason', g.revoke_reason, 'endedBy', g.revoked_by, 'lastUsedAt', g.rt_rotated_at,
    'hasRefreshToken', g.rt_nonce_hash is not null, 'isWithdrawn', coalesce(${grantIsWithdrawn}, true),
    'clientMayRefresh', coalesce('refresh_token' = any(c.grant_types), false),
    'clientMayStayOffline', coalesce('offline_access' = any(c.scopes), false),
    'deadlines', jsonb_build_array(
      ${grantDeadline('idle', grantIdleEnds, 'g.rt_rotated_at', 'g.idle_s', `g.idle_s = s.idle_s`)},
      ${grantDeadline('max', grantMaxEnds, 'g.created_at', seconds('g.expires_at - g.created_at'), 'g.expires_at = s.expires_at')}),
    'lines', ${linesOf('g', 'server', 'user', 'client')})`

const user = `jsonb_build_object('name', u.username, 'isGone', u.id is null, 'disabledAt', u.disabled_at)`
const client = `jsonb_build_object('name', c.client_id, 'isGone', c.id is null, 'disabledAt', c.disabled_at)`

/* One snapshot, no lock, no touch. That it is alive and why it is not come from the same rows at the same instant, and cannot disagree. */
const explainSession: Statement = {
  name: 'explain_session',
  text: `
select jsonb_build_object('readAt', clock_now(), 'session', ${session}, 'user', ${user}) as facts
from sessions s join server v on v.id = 1 left join users u on u.id = s.user_id
where s.id = $1::uuid`,
}

const explainGrant: Statement = {
  name: 'explain_grant',
  text: `
select jsonb_build_object('readAt', clock_now(), 'grant', ${grant}, 'session', ${session}, 'user', ${user}, 'client', ${client}) as facts
from grants g join server v on v.id = 1 left join users u on u.id = g.user_id left join clients c on c.id = g.client
left join sessions s on s.id = g.session_id
where g.id = $1::uuid`,
}

/** All that decides whether a session lives, alive or not. Undefined: there is no such row (any more). */
export async function readSessionFacts(db: Queries, id: string): Promise<SessionFacts | undefined> {
  const [row] = await db.run<{ facts: object }>(explainSession, [id])
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the statement made it
  return row && (revived(row.facts) as SessionFacts)
}

/** The same for a grant, with its session. */
export async function readGrantFacts(db: Queries, id: string): Promise<GrantFacts | undefined> {
  const [row] = await db.run<{ facts: object }>(explainGrant, [id])
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the statement made it
  return row && (revived(row.facts) as GrantFacts)
}

/** JSON has no instants: they are the texts whose names end in At. Limits that nobody set and lines that were never drawn are left out. */
function revived(value: unknown, name = ''): unknown {
  if (typeof value === 'string' && name.endsWith('At')) return new Date(value)
  if (Array.isArray(value)) return value.filter(isThere).map((item) => revived(item))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, revived(member, key)]))
}

const isThere = (item: { seconds?: number | null; position?: number | null; notBeforeAt?: string | null }): boolean =>
  item.seconds !== null && item.position !== null && item.position !== 0 && item.notBeforeAt !== null
