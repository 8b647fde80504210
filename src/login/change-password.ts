import { sha256 } from '../crypto/hash.ts'
import { randomSecret } from '../crypto/opaque-token.ts'
import type { Actor, Ended } from '../domain/ending.ts'
import type { Session } from '../domain/session.ts'
import { checkPassword } from '../domain/user-profile.ts'
import { insertAuditEvent } from '../store/audit.ts'
import { applyCredentialEvent } from '../store/credential-events.ts'
import { refundAttempt } from '../store/limits.ts'
import { lockForPasswordChange, type PasswordChangeOutcome } from '../store/password-change.ts'
import { findSession } from '../store/sessions.ts'
import type { FactorRefusal } from './methods/method.ts'
import { password } from './methods/password.ts'
import type { LoginTools } from './tools.ts'

/** A session as the browser's cookie names it. */
export interface SessionCookie {
  readonly id: string
  readonly secretHash: Buffer
}

export interface PasswordChange {
  readonly session: Session
  readonly cookie: SessionCookie
  /** What the person typed. */
  readonly current: string
  readonly wanted: string
  readonly repeated: string
  /** Every other session goes, and the offline access that did not begin in this one. */
  readonly endsOthers: boolean
  readonly address: string
  readonly requestId: string
}

/** Why the new password was not even tried. `detail` says what it must have. */
export type Unfit = { readonly unfit: 'wanted'; readonly detail: string } | { readonly unfit: 'same' | 'repeated' }

export type PasswordChangeRefusal = FactorRefusal['refused'] | Exclude<PasswordChangeOutcome, 'ok'>

/** The cookie is shown once: only its hash is stored. `ended` is what was ended elsewhere, if that was asked. */
export type PasswordChangeResult =
  | {
      readonly cookie: { readonly sessionId: string; readonly secret: string; readonly maxAgeSeconds: number | null }
      readonly ended: Ended | undefined
    }
  | { readonly refused: PasswordChangeRefusal }
  | Unfit

/** The live session that may act on its account: the cookie has the current secret. One that was replaced a moment ago only reads. */
export async function accountSession(
  cookie: SessionCookie | undefined,
  { db }: LoginTools,
): Promise<Session | undefined> {
  const session = cookie && (await findSession(db, cookie))
  return session?.isCurrentSecret ? session : undefined
}

/**
 * Changes the password of a person who knows the current one (OWASP ASVS 6.2.3, 7.4.3). The session stays and gets a new secret, at once: an
 * answer that is lost leaves the person with a dead cookie and a new password to sign in with, which is better than a thief's cookie that reads on.
 * @throws {Unavailable} when too many wait to be hashed
 */
export async function changePassword(change: PasswordChange, tools: LoginTools): Promise<PasswordChangeResult> {
  const { session, cookie } = change
  const unfit = checkWanted(change)
  if (unfit) return unfit
  // A guess like one at the sign-in page, in the same bucket: a stolen session gives no more of them.
  const fields = new Map([
    ['username', session.username],
    ['password', change.current],
  ])
  const factor = await password.prove(fields, change.address, tools)
  if ('refused' in factor) return refuse(factor.refused, change, tools)
  await refundAttempt(tools.db, factor.counted)

  const hash = await tools.passwordHasher.hash(change.wanted)
  const secret = randomSecret()
  const renewed = { id: session.id, newSecretHash: sha256(secret) }
  // By the session's user: if the name went to somebody else meanwhile, it is their hash that was verified, and it is not the stored one.
  const { userId } = session
  const basis = { userId, passwordHash: factor.passwordHash, session: cookie }
  const { outcome, rememberedForSeconds, ended } = await tools.db.transaction(async (tx) => {
    const locked = await lockForPasswordChange(tx, basis)
    if (locked.outcome !== 'ok') return { ...locked, ended: undefined }
    const event = { type: 'password_change', hash, session: renewed, endsOthers: change.endsOthers } as const
    const context = { actor: actorOf(change), feedKey: tools.feedKey }
    return { ...locked, ended: await applyCredentialEvent(tx, userId, event, context) }
  })
  if (outcome !== 'ok') return refuse(outcome, change, tools)
  return { cookie: { sessionId: session.id, secret, maxAgeSeconds: rememberedForSeconds }, ended }
}

/** Before the current password is looked at: what is refused here is no guess, and tells nothing about it. */
function checkWanted({ current, wanted, repeated }: PasswordChange): Unfit | undefined {
  const detail = checkPassword(wanted)
  if (detail !== undefined) return { unfit: 'wanted', detail }
  if (wanted === current) return { unfit: 'same' }
  return wanted === repeated ? undefined : { unfit: 'repeated' }
}

const actorOf = ({ session, address, requestId }: PasswordChange): Actor => ({
  id: `user:${session.userId}`,
  ip: address,
  requestId,
})

async function refuse(
  refused: PasswordChangeRefusal,
  change: PasswordChange,
  { db }: LoginTools,
): Promise<PasswordChangeResult> {
  const { userId } = change.session
  await insertAuditEvent(db, {
    type: 'user.password_change',
    outcome: 'failure',
    actor: actorOf(change),
    targetKind: 'user',
    targetId: userId,
    userId,
    reason: refused,
  })
  return { refused }
}
