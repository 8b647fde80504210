import type { Session } from '../domain/session.ts'
import type { Queries, Statement } from './database.ts'
import { sessionIsDead } from './liveness.ts'

export interface SessionWithConsent extends Session {
  /** Scopes that the user has allowed the client before. */
  readonly consentedScopes: readonly string[]
  readonly consentAgeSeconds: number | null
}

const read: Statement = {
  name: 'read_session',
  text: `
select s.id, s.user_id as "userId", u.username, s.auth_time as "authTime", s.acr, s.amr, s.secret_hash = $2::bytea as "isCurrentSecret",
       extract(epoch from clock_now() - s.auth_time)::float8 as "authAgeSeconds",
       coalesce(k.scopes, '{}') as "consentedScopes", extract(epoch from clock_now() - k.granted_at)::float8 as "consentAgeSeconds"
from sessions s join users u on u.id = s.user_id join server v on v.id = 1
left join consents k on k.user_id = s.user_id and k.client = $3::uuid
where s.id = $1::uuid and u.disabled_at is null and not ${sessionIsDead}
  and (s.secret_hash = $2::bytea or (s.prev_secret_hash = $2::bytea and s.prev_until > clock_now()))`,
}

/** The live session that a cookie names, with what its user allowed the client. An ended one answers exactly like a missing one. */
export async function findSession(
  db: Queries,
  cookie: { id: string; secretHash: Buffer },
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
  readonly idleSeconds: number
  readonly touchSeconds: number
  readonly maxSeconds: number
  readonly acr: string
  readonly amr: readonly string[]
  readonly ip?: string
  readonly userAgent?: string
  /** The live session of the same user in this browser: it keeps its id and gets the new secret. */
  readonly sessionId?: string
  /** The login transaction that the session is made for, and the session that it had made when it was read. */
  readonly transaction: { readonly handleHash: Buffer; readonly madeSessionId: string | undefined }
}

export type SignInOutcome = 'ok' | 'disabled' | 'password_changed' | 'ended'

/** What became of a sign-in; without a session although it is ok: another submit of the same form made it, renew that one. */
export interface SignedIn {
  readonly outcome: SignInOutcome
  readonly sessionId: string | null
}

/*
 * Under the user's lock: it waits for an ending or a new password in progress and sees its result. created_pos is the position of the first
 * factor, not the head of this snapshot: an ending that commits between the factor and this insert ends the login too.
 */
const verdict = `
with u as materialized (
  select id, password_hash, disabled_at, ended_pos, not_before from users where id = $1::uuid for no key update
), verdict as materialized (
  select u.id, case
      when u.disabled_at is not null                                          then 'disabled'
      when $2::text is not null and u.password_hash is distinct from $2::text then 'password_changed'
      when $3::bigint < greatest(v.ended_pos, u.ended_pos)
        or clock_now() < greatest(v.not_before, u.not_before)                 then 'ended'
      else 'ok' end as outcome
  from u join server v on v.id = 1
)`

/*
 * One login transaction makes one session: of two submits at once, the second finds under the user's lock that the transaction's session is not
 * the one that was read, and makes none.
 */
const create: Statement = {
  name: 'create_session',
  text: `${verdict}, claimed as (
  update login_transactions t set session_id = new_id() from verdict
  where t.handle_hash = $13::bytea and t.session_id is not distinct from $14::uuid and verdict.outcome = 'ok'
  returning t.session_id
), made as (
  insert into sessions (id, user_id, secret_hash, created_pos, idle_s, touch_s, expires_at, acr, amr, ip, user_agent)
  select claimed.session_id, verdict.id, $4::bytea, $3::bigint, $5::int, $6::int, clock_now() + make_interval(secs => $7::int), $8::text, $9::text[],
         $10::text, $11::text
  from verdict cross join claimed
  returning id
), audited as (
  insert into audit_events (type, actor, target_kind, target_id, user_id, ip, request_id)
  select 'session.created', 'user:' || $1::text, 'session', made.id::text, $1::uuid, $10::text, $12::text from made
)
select verdict.outcome, made.id as "sessionId" from verdict left join made on true`,
}

/*
 * The same user again, or a stronger factor: the sid stays, so that clients keep theirs, and the secret changes, so that an old cookie dies
 *. The old one still reads for half a minute: the answer with the new one may get lost.
 */
const renew: Statement = {
  name: 'renew_session',
  text: `${verdict}, made as (
  update sessions s set secret_hash = $4::bytea, prev_secret_hash = s.secret_hash, prev_until = clock_now() + interval '30 seconds',
    auth_time = clock_now(), last_seen_at = clock_now(), acr = $6::text, amr = $7::text[]
  from verdict join users u on u.id = verdict.id join server v on v.id = 1
  where s.id = $5::uuid and s.user_id = verdict.id and verdict.outcome = 'ok' and not ${sessionIsDead}
  returning s.id
), audited as (
  insert into audit_events (type, actor, target_kind, target_id, user_id, ip, request_id)
  select 'session.renewed', 'user:' || $1::text, 'session', made.id::text, $1::uuid, $8::text, $9::text from made
)
select verdict.outcome, made.id as "sessionId" from verdict left join made on true`,
}

/** Makes a session after a complete authentication, or renews the one that the browser has. Repeats what the first factor trusted. */
export async function signInSession(db: Queries, s: NewSession & { requestId?: string }): Promise<SignedIn> {
  const trusted = [s.userId, s.passwordHash ?? null, s.authPosition, s.secretHash]
  if (s.sessionId) {
    const values = [...trusted, s.sessionId, s.acr, s.amr, s.ip ?? null, s.requestId ?? null]
    const [renewed] = await db.run<SignedIn>(renew, values)
    if (renewed && (renewed.sessionId || renewed.outcome !== 'ok')) return renewed
  }
  const values = [
    ...trusted,
    s.idleSeconds,
    s.touchSeconds,
    s.maxSeconds,
    s.acr,
    s.amr,
    s.ip ?? null,
    s.userAgent ?? null,
    s.requestId ?? null,
    s.transaction.handleHash,
    s.transaction.madeSessionId ?? null,
  ]
  const [created] = await db.run<SignedIn>(create, values)
  return created ?? { outcome: 'ended', sessionId: null }
}
