import type { Queries, Statement } from './database.ts'
import { sessionIsDead, sessionMaxEnds } from './liveness.ts'

/** What a password change was begun with, before the hashing. */
export interface PasswordChangeBasis {
  readonly userId: string
  /** The stored hash that the current password was verified against; without one nothing is changed. */
  readonly passwordHash: string | undefined
  readonly session: { readonly id: string; readonly secretHash: Buffer }
}

/** `ended`: the session is over, or has another secret. `password_changed`: someone else was faster. */
export type PasswordChangeOutcome = 'ok' | 'disabled' | 'ended' | 'password_changed'

export interface LockedForPasswordChange {
  readonly outcome: PasswordChangeOutcome
  /** How long the cookie of a remembered session lasts; null for one that ends with the browser. */
  readonly rememberedForSeconds: number | null
}

const lockPassword: Statement = {
  name: 'lock_password',
  text: `
select disabled_at is not null as "isDisabled", coalesce(password_hash = $2::text, false) as "isSame"
from users where id = $1::uuid for no key update`,
}

/* A statement of its own: its snapshot is younger than the user's lock, so it sees what that lock waited for. */
const lockSession: Statement = {
  name: 'lock_own_session',
  text: `
select case when s.remembered and v.remember_idle_s is not null
    then ceil(extract(epoch from ${sessionMaxEnds} - clock_now()))::int end as "rememberedForSeconds"
from sessions s join users u on u.id = s.user_id join server v on v.id = 1
where s.id = $1::uuid and s.user_id = $2::uuid and s.secret_hash = $3::bytea and not ${sessionIsDead}
for no key update of s`,
}

/**
 * Locks the user, then the session, and says whether what the change rests on still holds: hashing takes its time, and whoever disabled the
 * user, set a password or ended the session meanwhile has had their answer.
 */
export async function lockForPasswordChange(tx: Queries, basis: PasswordChangeBasis): Promise<LockedForPasswordChange> {
  const [user] = await tx.run<{ isDisabled: boolean; isSame: boolean }>(lockPassword, [
    basis.userId,
    basis.passwordHash,
  ])
  if (user?.isDisabled) return refused('disabled')
  const values = [basis.session.id, basis.userId, basis.session.secretHash]
  const [session] = await tx.run<{ rememberedForSeconds: number | null }>(lockSession, values)
  if (!user || !session) return refused('ended')
  return user.isSame ? { outcome: 'ok', ...session } : refused('password_changed')
}

const refused = (outcome: PasswordChangeOutcome): LockedForPasswordChange => ({ outcome, rememberedForSeconds: null })
