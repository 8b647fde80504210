import type { Actor } from '../domain/ending.ts'
import { type Document, withoutNulls } from '../domain/field.ts'
import { conflictOf } from '../store/conflict.ts'
import { applyCredentialEvent } from '../store/credential-events.ts'
import type { Queries } from '../store/database.ts'
import { findUserByName } from '../store/user-records.ts'
import { Problem } from './problem.ts'
import type { AdminTools } from './tools.ts'
import { changeUserIn, hashPassword, readProfile, registerUserIn } from './users.ts'

export type Outcome = 'created' | 'changed' | 'unchanged'

/** A user is not as it was when the password was compared: nothing of the attempt may stay. */
export class UserChangedMeanwhile extends Error {}

/** A user of a configuration file, the password compared with the stored one and hashed if it is another. */
export interface PreparedUser {
  readonly entry: Document
  readonly username: string
  /** What was stored; undefined when there was no such user. */
  readonly seenHash: string | null | undefined
  readonly newHash: string | undefined
}

/** @throws {Problem} */
export async function prepareUser(given: Document, tools: AdminTools): Promise<PreparedUser> {
  const { password, ...entry } = withoutNulls(given)
  const { username } = entry
  if (typeof username !== 'string') throw new Problem('invalid_field', 'username is required', ['username'])
  const seenHash = (await findUserByName(tools.db, username))?.passwordHash
  const isSet =
    password === undefined ||
    (seenHash && typeof password === 'string' && (await tools.passwordHasher.verify(seenHash, password)).ok)
  return { entry, username, seenHash, newHash: isSet ? undefined : await hashPassword(password, tools) }
}

/** Makes the user, or changes what the entry names; another password ends what was reached with the old one. @throws {UserChangedMeanwhile} */
export async function applyUser(
  tx: Queries,
  { entry, username, seenHash, newHash }: PreparedUser,
  actor: Actor,
  tools: AdminTools,
): Promise<Outcome> {
  const found = await findUserByName(tx, username)
  if (found?.passwordHash !== seenHash) throw new UserChangedMeanwhile(`user ${username} was changed meanwhile`)
  try {
    if (!found) {
      await registerUserIn(tx, readProfile(entry), newHash, actor, tools)
      return 'created'
    }
    const { record, isChanged } = await changeUserIn(tx, found.record.id, entry, actor)
    if (newHash !== undefined) {
      const event = { type: 'password_reset', hash: newHash } as const
      await applyCredentialEvent(tx, record.id, event, { actor, feedKey: tools.feedKey })
    }
    return isChanged || newHash !== undefined ? 'changed' : 'unchanged'
  } catch (error) {
    const member = conflictOf(error)
    throw member === undefined ? error : new Problem('conflict', `${member} is taken`, [member])
  }
}
