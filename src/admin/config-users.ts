import type { Actor, Ended } from '../domain/ending.ts'
import type { Document } from '../domain/field.ts'
import { conflictOf } from '../store/conflict.ts'
import { applyCredentialEvent } from '../store/credential-events.ts'
import type { Queries } from '../store/database.ts'
import { findUserByName } from '../store/user-records.ts'
import type { PreparedUser, Step } from './configuration-plan.ts'
import { ChangedMeanwhile, type StoredUser } from './configuration-state.ts'
import { Problem } from './problem.ts'
import type { AdminTools } from './tools.ts'
import { changeUserIn, hashPassword, readProfile, registerUserIn } from './users.ts'

/** Compares and hashes a password, which takes its time: before the transaction. @throws {Problem} */
export async function prepareUser(given: Document, tools: AdminTools): Promise<PreparedUser> {
  const { password, ...entry } = given
  const { username } = entry
  if (typeof username !== 'string') throw new Problem('invalid_field', 'username is required', ['username'])
  const seenHash = (await findUserByName(tools.db, username))?.passwordHash
  const isSet =
    password === undefined ||
    password === null ||
    (seenHash && typeof password === 'string' && (await tools.passwordHasher.verify(seenHash, password)).ok)
  return { entry, username, seenHash, newHash: isSet ? undefined : await hashPassword(password, tools) }
}

/** @throws {ChangedMeanwhile} when a password was compared with one that is not stored any more */
export function requireSeen({ seenHash }: PreparedUser, stored: StoredUser | undefined): void {
  if (seenHash !== stored?.passwordHash) throw new ChangedMeanwhile()
}

/** Makes the user, or changes what the entry names, but for the password of one who exists. */
export async function applyProfile(
  tx: Queries,
  { action, entry, newHash }: Step,
  stored: StoredUser | undefined,
  actor: Actor,
  tools: AdminTools,
): Promise<void> {
  try {
    if (action === 'create') await registerUserIn(tx, readProfile(entry), newHash, actor, tools)
    else if (stored) await changeUserIn(tx, stored.record.id, entry, actor)
  } catch (error) {
    const member = conflictOf(error)
    throw member === undefined ? error : new Problem('conflict', `${member} is taken`, [member])
  }
}

/** Another password ends what was reached with the old one. */
export function applyPassword(
  tx: Queries,
  hash: string,
  userId: string,
  actor: Actor,
  { feedKey }: AdminTools,
): Promise<Ended | undefined> {
  return applyCredentialEvent(tx, userId, { type: 'password_reset', hash }, { actor, feedKey })
}
