import type { Session } from '../domain/session.ts'
import type { Queries, Statement } from './database.ts'
import { givingBack, type Limit } from './limits.ts'
import { sessionIsDead, sessionMaxEnds } from './liveness.ts'

export interface SessionWithConsent extends Session {
  /** Scopes that the user has allowed the client before. */
  readonly consentedScopes: readonly string[]
  readonly consentedAt: Date | null
}

/** What the cookie of a session says. */
export interface SessionCookie {
  readonly id: string
  readonly secretHash: Buffer
}

/** The live session of a cookie; each place is what stands for it in a statement. */
export const liveSession = (cookie: { id: string; secretHash: string; client: string }): string => `
select s.id, s.user_id as "userId", u.username, s.auth_time as "authTime", s.acr, s.amr, s.secret_hash = ${cookie.secretHash} as "isCurrentSecret",
       extract(epoch from clock_now() - s.auth_time)::float8 as "authAgeSeconds",
       coalesce(k.scopes, '{}') as "consentedScopes", k.granted_at as "consentedAt"
from sessions s join users u on u.id = s.user_id join server v on v.id = 1
left join consents k on k.user_id = s.user_id and k.client = ${cookie.client}
where s.id = ${cookie.id} and u.disabled_at is null and not ${sessionIsDead}
  and (s.secret_hash = ${cookie.secretHash} or (s.prev_secret_hash = ${cookie.secretHash} and s.prev_until > clock_now()))`

const read: Statement = {
  name: 'read_session',
  text: liveSession({ id: '$1::uuid', secretHash: '$2::bytea', client: '$3::uuid' }),
}

/** The live session that a cookie names, with what its user allowed the client. An ended one answers exactly like a missing one. */
export async function findSession(
  db: Queries,
  cookie: SessionCookie,
  client?: string,
): Promise<SessionWithConsent | undefined> {
  const rows = await db.run<SessionWithConsent>(read, [cookie.id, cookie.secretHash, client ?? null])
  return rows[0]
}

export interface NewSession {
  readonly userId: string
  /** The stored hash that was verified; undefined when no password was used. */
  readonly passwordHash?: string
  /** Feed position read with the first factor. */
  readonly authPosition: number
  readonly secretHash: Buffer
  /** The person asked to be remembered; counts only where the server allows it. */
  readonly remember: boolean
  readonly acr: string
  readonly amr: readonly string[]
  readonly ip?: string
  readonly userAgent?: string
  readonly requestId?: string
  /** The live session of the same user in this browser: it keeps its id and gets the new secret. */
  readonly sessionId?: string
  /** The login transaction that the session is made for, and the session that it had made when it was read. */
  readonly transaction: { readonly handleHash: Buffer; readonly madeSessionId: string | undefined }
  /** What the attempt was counted against: given back whatever becomes of the session, for the factor was proven. */
  readonly counted: readonly Limit[]
}

/** `session_limit`: the user has as many sessions as the server allows; nothing was made. */
export type SignInOutcome = 'ok' | 'disabled' | 'password_changed' | 'ended' | 'session_limit'

/** What became of a sign-in; without a session although it is ok: another submit of the same form made it, renew that one. */
export interface SignedIn {
  readonly outcome: SignInOutcome
  readonly session: SessionWithConsent | null
  /** How long the cookie of a remembered session lasts; null for one that ends with the browser. */
  readonly rememberedForSeconds: number | null
}

/*
 * Under the user's lock: it waits for an ending or a new password in progress and sees its result. created_pos is the position of the first
 * factor, not the head of this snapshot: an ending that commits between the factor and this insert ends the login too.
 */
const verdict = `
with u as materialized (
  select id, username, password_hash, disabled_at, ended_pos, not_before from users where id = $1::uuid for no key update
), verdict as materialized (
  select u.id, u.username, case
      when u.disabled_at is not null                                          then 'disabled'
      when $2::text is not null and u.password_hash is distinct from $2::text then 'password_changed'
      when $3::bigint < greatest(v.ended_pos, u.ended_pos)
        or clock_now() < greatest(v.not_before, u.not_before)                 then 'ended'
      else 'ok' end as outcome
  from u join server v on v.id = 1
)`

/** With what the user has allowed the client of login transaction `handle`: whoever goes on with the request has to know no more. */
const answer = (from: string, handle: string, rememberedForSeconds: string): string => `
select ${from}.outcome, made.id as "sessionId", ${rememberedForSeconds} as "rememberedForSeconds", ${from}.username, made.auth_time as "authTime",
       coalesce(k.scopes, '{}') as "consentedScopes", k.granted_at as "consentedAt"
from ${from} left join made on true left join login_transactions t on t.handle_hash = ${handle}::bytea
left join consents k on k.user_id = ${from}.id and k.client = t.client`

const secondsTo = (instant: string) => `ceil(extract(epoch from ${instant} - clock_now()))::int`

/*
 * One login transaction makes one session: of two submits at once, the second finds under the user's lock that the transaction's session is not
 * the one that was read, and makes none. Where sessions are limited it makes none either unless $13 says that they were counted under the same lock: this
 * statement's snapshot is older than its lock and may miss a session that was made meanwhile.
 */
const create: Statement = {
  name: 'create_session',
  text: `${verdict}, allowed as (
  select verdict.id, verdict.username, case when verdict.outcome = 'ok' and v.max_sessions > 0 and not $13::boolean then 'session_limit' else verdict.outcome end as outcome,
    $5::boolean and v.remember_idle_s is not null as remembered
  from verdict join server v on v.id = 1
), claimed as (
  update login_transactions t set session_id = new_id() from allowed
  where t.handle_hash = $11::bytea and t.session_id is not distinct from $12::uuid and allowed.outcome = 'ok'
  returning t.session_id
), made as (
  insert into sessions (id, user_id, secret_hash, created_pos, remembered, idle_s, expires_at, acr, amr, ip, user_agent)
  select claimed.session_id, allowed.id, $4::bytea, $3::bigint, allowed.remembered,
    case when allowed.remembered then v.remember_idle_s else v.session_idle_s end,
    clock_now() + make_interval(secs => case when allowed.remembered then v.remember_max_s else v.session_max_s end),
    $6::text, $7::text[], $8::text, $9::text
  from allowed cross join claimed join server v on v.id = 1
  returning id, remembered, expires_at, auth_time
), audited as (
  insert into audit_events (type, actor, target_kind, target_id, user_id, ip, request_id)
  select 'session.created', 'user:' || $1::text, 'session', made.id::text, $1::uuid, $8::text, $10::text from made
), ${givingBack('$14', 'u')}
${answer('allowed', '$11', `case when made.remembered then ${secondsTo('made.expires_at')} end`)}`,
}

/*
 * The same user again, or a stronger factor: the sid stays, so that clients keep theirs, and the secret changes, so that an old cookie
 * dies. The old one still reads for half a minute: the answer with the new one may get lost.
 */
const renew: Statement = {
  name: 'renew_session',
  text: `${verdict}, made as (
  update sessions s set secret_hash = $4::bytea, prev_secret_hash = s.secret_hash, prev_until = clock_now() + interval '30 seconds',
    auth_time = clock_now(), last_seen_at = clock_now(), acr = $6::text, amr = $7::text[]
  from verdict join users u on u.id = verdict.id join server v on v.id = 1
  where s.id = $5::uuid and s.user_id = verdict.id and verdict.outcome = 'ok' and not ${sessionIsDead}
  returning s.id, s.auth_time, case when s.remembered and v.remember_idle_s is not null then ${secondsTo(sessionMaxEnds)} end as remembered_s
), audited as (
  insert into audit_events (type, actor, target_kind, target_id, user_id, ip, request_id)
  select 'session.renewed', 'user:' || $1::text, 'session', made.id::text, $1::uuid, $8::text, $9::text from made
), ${givingBack('$11', 'u')}
${answer('verdict', '$10', 'made.remembered_s')}`,
}

/** Makes a session after a complete authentication, or renews the one that the browser has. Repeats what the first factor trusted. */
export async function signInSession(db: Queries, s: NewSession): Promise<SignedIn> {
  if (!s.sessionId) return createSession(db, s, false)
  const device = [s.ip ?? null, s.requestId ?? null]
  const values = [...trusted(s), s.sessionId, s.acr, s.amr, ...device, s.transaction.handleHash, keysOf(s)]
  const renewed = signedIn(s, await db.run<Answer>(renew, values))
  if (renewed.session || renewed.outcome !== 'ok') return renewed
  return createSession(db, { ...s, counted: [] }, false)
}

/** Makes a session where their number is limited: in a transaction that counted them after it had locked the user. */
export const createCountedSession = (tx: Queries, s: NewSession): Promise<SignedIn> => createSession(tx, s, true)

async function createSession(db: Queries, s: NewSession, areCounted: boolean): Promise<SignedIn> {
  const { handleHash, madeSessionId } = s.transaction
  const device = [s.ip ?? null, s.userAgent ?? null, s.requestId ?? null]
  const how = [s.remember, s.acr, s.amr, ...device]
  const values = [...trusted(s), ...how, handleHash, madeSessionId ?? null, areCounted, keysOf(s)]
  return signedIn(s, await db.run<Answer>(create, values))
}

const trusted = (s: NewSession) => [s.userId, s.passwordHash ?? null, s.authPosition, s.secretHash]
const keysOf = ({ counted }: NewSession) => counted.map(({ key }) => key)

type Answer = Pick<SignedIn, 'outcome' | 'rememberedForSeconds'> &
  Pick<SessionWithConsent, 'username' | 'authTime' | 'consentedScopes' | 'consentedAt'> & {
    readonly sessionId: string | null
  }

/** No row: the user is gone. */
function signedIn({ userId, acr, amr }: NewSession, [row]: readonly Answer[]): SignedIn {
  if (!row) return { outcome: 'ended', session: null, rememberedForSeconds: null }
  const { outcome, sessionId, rememberedForSeconds, ...rest } = row
  if (sessionId === null) return { outcome, session: null, rememberedForSeconds }
  const session = { ...rest, id: sessionId, userId, acr, amr, isCurrentSecret: true, authAgeSeconds: 0 }
  return { outcome, session, rememberedForSeconds }
}
