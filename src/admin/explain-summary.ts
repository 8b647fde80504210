import type { Deadline } from '../store/explain.ts'
import type { Cause, ReasonCode, Target } from './explain-causes.ts'

/** What is explained, as a sentence begins with it. */
export interface Subject {
  readonly kind: 'session' | 'grant'
  readonly name: string
}

interface Told {
  readonly target: Target
  /** What was ended, in words. */
  readonly ended: string
  /** The limit that passed, if it was one: `30 minutes`. */
  readonly limit: string
}

const phrases: Record<ReasonCode, string | ((told: Told) => string)> = {
  logout: 'the user logged out',
  admin: ({ ended }) => `an administrator ended ${ended}`,
  reuse: 'a refresh token was used again after it had been replaced, as a thief would do',
  code_replay: 'its authorization code was used a second time, as a thief would do',
  revoked_by_client: 'the client revoked it',
  limit: ({ target }) =>
    target === 'grant'
      ? 'the client has begun too many others in the same session since'
      : 'the user signed in elsewhere and may not have more sessions at a time',
  replaced: 'someone else signed in at the same browser',
  disabled: ({ target }) => (target === 'client' ? 'the client was disabled' : 'the user was disabled'),
  deleted: ({ target }) => (target === 'client' ? 'the client was deleted' : 'the user was deleted'),
  password_reset: 'the password of the user was reset',
  password_change: 'the user changed the password and ended all other sessions',
  consent_withdrawn: 'the consent of the user was withdrawn',
  not_before: ({ ended }) => `a line was drawn for ${ended} that had begun by then`,
  session_idle: ({ limit }) => `nobody used the session for ${limit}`,
  session_max: ({ limit }) => `the session may not last longer than ${limit}`,
  grant_idle: ({ limit }) => `the client did not refresh it for ${limit}`,
  grant_max: ({ limit }) => `it may not last longer than ${limit}`,
  session_missing: 'its session is not on record any more',
  unknown: 'someone ended it, and why was not written down',
}

/** All of them, for the page that lists them. */
export const reasonCodes = Object.keys(phrases)

const nextEnds: Record<Deadline['name'], string> = {
  session_idle: 'if nobody uses the session until then',
  session_max: 'whatever happens',
  grant_idle: 'if the client does not refresh it until then',
  grant_max: 'whatever happens',
}

/** Why no refresh is granted on a grant that is alive. */
export const refreshPhrases = {
  no_refresh_token: 'no refresh token was issued',
  refresh_not_allowed: 'the client may not refresh any more',
  offline_not_allowed: 'the client may not have offline access any more',
  consent_missing: 'the consent of the user does not cover it any more',
} as const

/** One sentence that can be read to a person. `limitSeconds` is the limit that passed, if it was one. */
export function sayWhyOver({ kind, name }: Subject, cause: Cause, limitSeconds = 0): string {
  const ended: Record<Target, string> = {
    session: kind === 'session' ? 'it' : 'its session',
    grant: 'it',
    user: 'everything of the user',
    client: 'everything of the client',
    server: 'everything on this server',
  }
  // Reasons are words in the database: a newer version may have written one that this one does not know.
  const known = Object.hasOwn(phrases, cause.reason) ? phrases[cause.reason as ReasonCode] : `of ${cause.reason}`
  const told = { target: cause.target, ended: ended[cause.target], limit: span(limitSeconds) }
  const phrase = typeof known === 'string' ? known : known(told)
  return `${name} ${cause.since ? `ended on ${spoken(cause.since)}` : 'is over'} because ${phrase}.`
}

/** The same for what is alive: when it ends if nothing happens. */
export function sayAlive({ name }: Subject, next: Deadline, refusal: keyof typeof refreshPhrases | null): string {
  const but = refusal === null ? '' : `, but it cannot be refreshed because ${refreshPhrases[refusal]}`
  return `${name} is alive${but}; it ends on ${spoken(next.endsAt)} ${nextEnds[next.name]}.`
}

const spoken = (at: Date): string => `${at.toISOString().slice(0, 19).replace('T', ' at ')} UTC`

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** In the largest unit that leaves no rest: `90 seconds`, `30 minutes`. */
function span(seconds: number): string {
  const whole = Math.round(seconds)
  const [unit, size] = units.find(([, length]) => whole % length === 0) ?? ['second', 1]
  const n = whole / size
  return `${n} ${unit}${n === 1 ? '' : 's'}`
}
