import type { Actor } from '../domain/ending.ts'
import type { Document } from '../domain/field.ts'
import { applyCredentialEvent, type CredentialEvent } from '../store/credential-events.ts'
import { lockUserRecord, type UserRecord } from '../store/user-records.ts'
import { isId } from './document.ts'
import { notFound } from './problem.ts'
import type { AdminTools } from './tools.ts'
import { hashPassword, showUser } from './users.ts'

/** Sets a password, and ends whatever was reached with the one before. @throws {Problem} */
export async function resetPassword(id: string, password: unknown, actor: Actor, tools: AdminTools): Promise<void> {
  if (!isId(id)) throw notFound('user')
  const hash = await hashPassword(password, tools)
  const user = await happens(id, () => ({ type: 'password_reset', hash }), actor, tools)
  if (!user) throw notFound('user')
}

/** Keeps a user out, at once and until enabled again. @throws {Problem} not_found */
export async function disableUser(id: string, actor: Actor, tools: AdminTools): Promise<Document> {
  const user = await happens(id, (before) => (before.isDisabled ? undefined : { type: 'disabled' }), actor, tools)
  if (!user) throw notFound('user')
  return showUser({ ...user, isDisabled: true })
}

/** Lets a user in again; what was ended stays ended. @throws {Problem} not_found */
export async function enableUser(id: string, actor: Actor, tools: AdminTools): Promise<Document> {
  const user = await happens(id, (before) => (before.isDisabled ? { type: 'enabled' } : undefined), actor, tools)
  if (!user) throw notFound('user')
  return showUser({ ...user, isDisabled: false })
}

/** Ends everything of a user and removes the personal data. One who is not there is no error. */
export async function removeUser(id: string, actor: Actor, tools: AdminTools): Promise<void> {
  await happens(id, () => ({ type: 'deleted' }), actor, tools)
}

/** Lets an event happen to a user, if there is one and the event applies. The user as it was before; undefined: there is none. */
function happens(
  id: string,
  eventFor: (user: UserRecord) => CredentialEvent | undefined,
  actor: Actor,
  tools: AdminTools,
): Promise<UserRecord | undefined> {
  return tools.db.transaction(async (tx) => {
    const user = isId(id) ? await lockUserRecord(tx, id) : undefined
    const event = user && eventFor(user)
    if (event) await applyCredentialEvent(tx, id, event, { actor, feedKey: tools.feedKey })
    return user
  })
}
