import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { HeldTokens, PendingLogin, Person } from './relying-party.ts'
import type { Report } from './report.ts'

/** What the app remembers of one browser. It lives in memory and is gone after a restart, as in many a small app. */
export interface DemoSession {
  readonly id: string
  /** Stands in every form of this session. */
  readonly csrf: string
  /** Logins that were begun, by their state: several tabs may each have one. */
  readonly pending: Map<string, PendingLogin>
  signedIn?: SignedIn
  /** What the last button did. */
  report?: Report
}

export interface SignedIn {
  readonly person: Person
  readonly tokens: HeldTokens
  readonly offline: boolean
  /** The access token was revoked by a button of the page. */
  readonly isRevoked: boolean
}

export interface Sessions {
  find(cookie: string | undefined): DemoSession | undefined
  begin(): DemoSession
  remove(session: DemoSession): void
}

const mostSessions = 500
const mostPending = 10
const random = () => randomBytes(32).toString('base64url')

/** Sessions behind opaque cookies; the one that was used longest ago goes first. */
export function createSessions(): Sessions {
  const sessions = new Map<string, DemoSession>()
  return {
    find: (cookie) => {
      const session = cookie === undefined ? undefined : sessions.get(cookie)
      if (!session) return undefined
      sessions.delete(session.id)
      sessions.set(session.id, session)
      return session
    },
    begin: () => {
      const session: DemoSession = { id: random(), csrf: random(), pending: new Map() }
      sessions.set(session.id, session)
      const [oldest] = sessions.keys()
      if (sessions.size > mostSessions && oldest !== undefined) sessions.delete(oldest)
      return session
    },
    remove: (session) => void sessions.delete(session.id),
  }
}

export function remember(session: DemoSession, login: PendingLogin): void {
  session.pending.set(login.state, login)
  const [oldest] = session.pending.keys()
  if (session.pending.size > mostPending && oldest !== undefined) session.pending.delete(oldest)
}

/** Whether a form is one that this session was given. */
export function isOwnForm(session: DemoSession, csrf: unknown): boolean {
  const expected = Buffer.from(session.csrf)
  const given = Buffer.from(typeof csrf === 'string' ? csrf : '')
  return given.length === expected.length && timingSafeEqual(given, expected)
}
