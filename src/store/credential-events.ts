import { sql } from 'kysely'
import type { Actor, Ended, EndReason } from '../domain/ending.ts'
import { insertAuditEvent } from './audit.ts'
import type { Queries, Statement } from './database.ts'
import { endIn, type FeedKey } from './end.ts'

/** What happens to the way in which a person signs in, or to whether they may. */
export type CredentialEvent =
  /** The password of a user who had none and no session. */
  | { readonly type: 'password_set'; readonly hash: string }
  /** By someone who does not know the old one: whoever does is out, everywhere. */
  | { readonly type: 'password_reset'; readonly hash: string }
  /** By the person, in a session: it stays, with a new secret; every other one goes, offline access too, if that is asked. */
  | {
      readonly type: 'password_change'
      readonly hash: string
      readonly session: { readonly id: string; readonly newSecretHash: Buffer }
      readonly endsOthers: boolean
    }
  | { readonly type: 'disabled' }
  | { readonly type: 'enabled' }
  | { readonly type: 'deleted' }

export interface CredentialContext {
  readonly actor: Actor
  readonly feedKey: FeedKey
}

/**
 * The one place that writes a password hash, or keeps a user out: each event with everything that it ends, in the transaction of the caller, who
 * holds the user's lock. Forgetting one of the paths is how others kept a thief signed in after the password was changed.
 * Answers what it ended, if it was one that ends.
 */
export async function applyCredentialEvent(
  tx: Queries,
  userId: string,
  event: CredentialEvent,
  context: CredentialContext,
): Promise<Ended | undefined> {
  const endAll = (reason: EndReason) => endIn(tx, { target: 'user', id: userId }, { reason, ...context })
  const subject = { actor: context.actor, targetKind: 'user', targetId: userId, userId }
  // Before the event itself is written: that has the address of whoever deletes.
  if (event.type === 'deleted') await erasePersonalData(tx, userId)
  if (event.type !== 'password_set') await insertAuditEvent(tx, { type: `user.${event.type}`, ...subject })
  switch (event.type) {
    case 'password_set':
      await writeHash(tx, userId, event.hash)
      return undefined
    case 'password_reset':
      await writeHash(tx, userId, event.hash)
      return endAll('password_reset')
    case 'password_change': {
      const { id, newSecretHash } = event.session
      await writeHash(tx, userId, event.hash)
      await tx.run(renewSecret, [id, newSecretHash, context.actor.ip ?? null])
      const others = { target: 'user_sessions', userId, except: id, withOffline: true } as const
      return event.endsOthers ? endIn(tx, others, { reason: 'password_change', ...context }) : undefined
    }
    case 'disabled': {
      const ended = await endAll('disabled')
      await writeDisabled(tx, userId, true)
      return ended
    }
    case 'enabled':
      await writeDisabled(tx, userId, false)
      return undefined
    case 'deleted': {
      const ended = await endAll('deleted')
      await tx.kysely.deleteFrom('users').where('id', '=', userId).execute()
      return ended
    }
  }
  return event satisfies never
}

const rehash: Statement = {
  name: 'rehash_password',
  text: `update users set password_hash = $3::text where id = $1::uuid and password_hash = $2::text returning id`,
}

/** Replaces a hash by one of the same password with today's parameters. False: someone was faster. It ends nothing: the password stays. */
export async function replacePasswordHash(db: Queries, userId: string, old: string, fresh: string): Promise<boolean> {
  const rows = await db.run(rehash, [userId, old, fresh])
  return rows.length === 1
}

/* No old secret stays good for reading here: whoever held it may be the reason for the change. */
const renewSecret: Statement = {
  name: 'renew_session_secret',
  text: `
update sessions set secret_hash = $2::bytea, prev_secret_hash = null, prev_until = null,
  last_seen_at = clock_now(), last_ip = coalesce($3::text, last_ip)
where id = $1::uuid and revoked_at is null`,
}

async function writeHash(tx: Queries, id: string, hash: string): Promise<void> {
  await tx.kysely.updateTable('users').set({ password_hash: hash }).where('id', '=', id).execute()
}

async function writeDisabled(tx: Queries, id: string, isDisabled: boolean): Promise<void> {
  const disabledAt = isDisabled ? sql<Date>`clock_now()` : null
  await tx.kysely.updateTable('users').set({ disabled_at: disabledAt }).where('id', '=', id).execute()
}

/**
 * Removes what is known about a user beside their own row. The audit trail stays, under an id that leads to nobody any more: without addresses,
 * which may be the person's, and without names.
 */
async function erasePersonalData(tx: Queries, id: string): Promise<void> {
  await sql`delete from consents where user_id = ${id}::uuid`.execute(tx.kysely)
  // The condition that says nothing names the two indexes.
  await sql`update sessions set ip = null, last_ip = null, user_agent = null
    where user_id = ${id}::uuid and (revoked_at is null or revoked_at is not null)`.execute(tx.kysely)
  await sql`update audit_events set ip = null, detail = detail - array['username', 'email', 'ip', 'user_agent']
    where user_id = ${id}::uuid`.execute(tx.kysely)
}
