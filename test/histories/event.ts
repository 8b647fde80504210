/** What a request did: it happened, it did not, or nobody can say (a timeout, a reset, a 5xx). */
export type Outcome = 'ok' | 'fail' | 'info'

export const endingNames = [
  'end session',
  'end grant',
  'end user',
  'end user and client',
  'end client',
  'end token',
  'end all',
  'disable user',
  'reset password',
  'not-before of user',
  'not-before of client',
  'revoke refresh token',
  'revoke access token',
  'log out',
] as const

/** One of the ways by which something ends. */
export type EndingName = (typeof endingNames)[number]

export const operations = [
  'log in',
  'single sign-on',
  'exchange',
  'refresh',
  'introspect access token',
  'introspect refresh token',
  'userinfo',
  'enable user',
  'revoke foreign token',
  ...endingNames,
] as const

export type Operation = (typeof operations)[number]

/** What an ending is aimed at. `id` is a sid, gid, sub or jti; a client is named by its client_id. */
export interface Target {
  readonly kind: 'session' | 'grant' | 'user' | 'user_client' | 'client' | 'jti' | 'all'
  readonly id?: string
  readonly client?: string
}

/** What a token response said. Tokens appear as hashes only. */
export interface Returned {
  readonly refresh: string
  readonly access: string
  readonly gid: string
  readonly sid: string
  readonly sub: string
  readonly client: string
  readonly scope: string
  readonly offline: boolean
  readonly rvp: number
  readonly authTime: number
  readonly iat: number
  readonly exp: number
  readonly jti: string
}

/** One operation of one actor. Instants are microseconds of the host's monotonic clock, which its processes share. */
export interface Event {
  readonly id: string
  readonly actor: string
  readonly process: number
  readonly instance: number
  readonly op: Operation
  readonly tInvoke: number
  readonly tComplete: number
  readonly outcome: Outcome
  /** The error code, or for `info` why nobody knows. */
  readonly error?: string
  /** The client_id that acts. */
  readonly client?: string
  /** Hash of the presented refresh or access token. */
  readonly token?: string
  /** Hash of the code that an exchange presents. */
  readonly code?: string
  /** Hashes of the codes that a log-in came back with: one, unless its form was sent twice. */
  readonly codes?: readonly string[]
  /** The session of the browser, when it is known before. */
  readonly sid?: string
  readonly sub?: string
  readonly ends?: Target
  readonly active?: boolean
  readonly returned?: Returned
  /** Position that an ending was answered with. */
  readonly position?: number
  /** The ending has drawn that position itself; it did not find everything ended already. */
  readonly drewPosition?: boolean
  /** Sent by a client that keeps to the rules, and by nobody else. */
  readonly honest?: boolean
  /** The refresh by which an honest client proves at the end that it holds a working token. */
  readonly final?: boolean
}

const second = 1_000_000

/**
 * The latest instant at which the operation can have taken effect. One without an answer may still be at work: PostgreSQL cuts a statement
 * off after 2 s, an instance gives up after 7 s, and what was reset or answered with a 5xx is over within moments.
 */
export function latestEffect(event: Event): number {
  if (event.outcome !== 'info') return event.tComplete
  return event.tComplete + (event.error === 'timeout' ? 10 : 1) * second
}

/** One line of JSON per event, in the order of invocation. */
export function parseEvents(texts: readonly string[]): Event[] {
  const lines = texts.flatMap((text) => text.split('\n')).filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Event).sort((a, b) => a.tInvoke - b.tInvoke)
}
