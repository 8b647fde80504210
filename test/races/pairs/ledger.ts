import type { Browser } from '../../support/browser.ts'
import type { TestClient } from '../../support/server.ts'

// Every instant here is one of this process's monotonic clock, in milliseconds: what the people outside can know of the order of things.

export interface User {
  readonly id: string
  readonly username: string
}

/** What an ending can reach: the instant since which it has to be dead, and whether that was looked at. */
interface Mortal {
  deadSince: number
  endedBy: string
  isBuried: boolean
}

export interface Session extends Mortal {
  readonly kind: 'session'
  readonly sid: string
  readonly user: User
  /** The one that it was made for. */
  readonly client: TestClient
  readonly bornAt: number
  browser: Browser
  meetings: number
  idToken: string | undefined
  readonly codes: Code[]
  grants: Grant[]
}

export interface Code extends Mortal {
  readonly kind: 'code'
  readonly session: Session
  readonly client: TestClient
  readonly code: string
  readonly verifier: string
  readonly bornAt: number
}

export interface Grant extends Mortal {
  readonly kind: 'grant'
  readonly code: Code
  /** By what was granted: a client that may not ask for it at the moment gets an online one. */
  readonly offline: boolean
  readonly gid: string
  readonly rvp: number
  readonly bornAt: number
  refreshToken: string
  accessToken: string
  /** Refresh tokens that are two generations old or more. */
  readonly older: string[]
  /** When the last refresh was answered, how many were begun, how many are under way, and with which token. */
  usedAt: number
  begun: number
  underWay: number
  presented: string
}

export const mortal = (): Mortal => ({ deadSince: Number.POSITIVE_INFINITY, endedBy: '', isBuried: false })

/** An ending that was answered with a success. */
export interface Ending {
  readonly name: string
  readonly session?: Session
  readonly grant?: Grant
  readonly user?: User
  readonly client?: TestClient
  readonly startedAt: number
  readonly ackedAt: number
  /** What carries a lower position in `rvp` is covered, whenever it was made. */
  readonly position?: number
}

/** Since when a thing has to be dead, for itself or for what it hangs on; infinity: it may live. */
export function deathOf(thing: Session | Code | Grant): number {
  if (thing.kind === 'session') return thing.deadSince
  if (thing.kind === 'code') return Math.min(thing.deadSince, thing.session.deadSince)
  // What was made from a covered code is covered too. An offline grant outlives its session.
  const { code } = thing
  return Math.min(thing.deadSince, code.deadSince, thing.offline ? Number.POSITIVE_INFINITY : code.session.deadSince)
}

export const isDead = (thing: Session | Code | Grant): boolean => deathOf(thing) < Number.POSITIVE_INFINITY

/** Whether an honest client may refresh it now: while an older token is on its way a newer one would make a reuse of that. */
export const isSteady = (grant: Grant): boolean => grant.underWay === 0 || grant.presented === grant.refreshToken

/** By which ending a dead thing died. */
export function endedBy(thing: Session | Code | Grant): string {
  if (thing.endedBy !== '' || thing.kind === 'session') return thing.endedBy
  return thing.kind === 'code' ? endedBy(thing.session) : endedBy(thing.code)
}

/**
 * What is alive and what has to be dead, as an observer knows it. Covered is what was there before the ending was asked for, everything that
 * comes out of it however late, and what its own token places below the ending's position. What was made meanwhile may fall on either side.
 */
export class Ledger {
  readonly sessions = new Set<Session>()
  /** Dead and not yet tried again. */
  graves: (Session | Code | Grant)[] = []
  readonly deadSessions: string[] = []
  readonly deadGrants: string[] = []
  private readonly endings: Ending[] = []

  /** Marks what an ending covers. */
  apply(ending: Ending): void {
    this.endings.push(ending)
    if (this.endings.length > 500) this.endings.splice(0, 250)
    for (const session of this.sessions) {
      if (coversSession(ending, session)) die(session, ending)
      for (const code of session.codes) if (coversCode(ending, code)) die(code, ending)
      for (const grant of session.grants) if (coversGrant(ending, grant)) die(grant, ending)
    }
    this.bury()
  }

  /** A grant that has just been made, maybe after an ending that covers it. */
  add(grant: Grant): void {
    for (const ending of this.endings) if (coversGrant(ending, grant)) die(grant, ending)
    grant.code.session.grants.push(grant)
    if (isDead(grant)) this.lay(grant)
  }

  /** Moves the dead from the living to what has to be tried again. */
  private bury(): void {
    for (const session of this.sessions) {
      for (const thing of [...session.codes, ...session.grants, session]) if (isDead(thing)) this.lay(thing)
      session.grants = session.grants.filter((grant) => !isDead(grant))
      session.codes.splice(0, session.codes.length, ...session.codes.filter((code) => !isDead(code)))
      if (isDead(session)) this.sessions.delete(session)
    }
  }

  private lay(thing: Session | Code | Grant): void {
    if (thing.isBuried) return
    thing.isBuried = true
    this.graves.push(thing)
    if (thing.kind === 'session') this.deadSessions.push(thing.sid)
    if (thing.kind === 'grant') this.deadGrants.push(thing.gid)
  }
}

function die(thing: Mortal, { ackedAt, name }: Ending): void {
  if (ackedAt >= thing.deadSince) return
  thing.deadSince = ackedAt
  thing.endedBy = name
}

const coversSession = ({ session, user, client, startedAt }: Ending, s: Session): boolean =>
  session === s || (user === s.user && client === undefined && s.bornAt <= startedAt)

function coversCode({ user, client, startedAt }: Ending, code: Code): boolean {
  if (user === undefined && client === undefined) return false
  if (user !== undefined && user !== code.session.user) return false
  return (client === undefined || client === code.client) && code.bornAt <= startedAt
}

function coversGrant(ending: Ending, grant: Grant): boolean {
  if (ending.grant !== undefined) return ending.grant === grant
  if (coversCode({ ...ending, startedAt: Number.POSITIVE_INFINITY }, grant.code))
    return grant.bornAt <= ending.startedAt || grant.rvp < (ending.position ?? 0)
  return false
}
