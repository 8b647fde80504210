import type { Actor, EndReason } from '../domain/ending.ts'
import type { Document } from '../domain/field.ts'
import { insertAuditEvent } from '../store/audit.ts'
import type { Queries } from '../store/database.ts'
import { endIn } from '../store/end.ts'
import {
  deleteUser,
  erasePersonalData,
  lockUserRecord,
  type UserRecord,
  writePasswordHash,
  writeUserDisabled,
} from '../store/user-records.ts'
import { isId } from './document.ts'
import { notFound } from './problem.ts'
import type { AdminTools } from './tools.ts'
import { hashPassword, showUser } from './users.ts'

/** What an administrator does to a user that ends all of the user's sessions and grants. */
type UserEvent = 'user.password_reset' | 'user.disabled' | 'user.deleted'

const reasons: Record<UserEvent, EndReason> = {
  'user.password_reset': 'password_reset',
  'user.disabled': 'disabled',
  'user.deleted': 'deleted',
}

/** Sets a password, and ends whatever was reached with the one before. @throws {Problem} */
export async function resetPassword(id: string, password: unknown, actor: Actor, tools: AdminTools): Promise<void> {
  if (!isId(id)) throw notFound('user')
  const hash = await hashPassword(password, tools)
  await tools.db.transaction(async (tx) => {
    if (!(await lockUserRecord(tx, id))) throw notFound('user')
    await resetPasswordIn(tx, id, hash, actor, tools)
  })
}

/** The same for a hash, inside a transaction that holds the user's lock. */
export async function resetPasswordIn(
  tx: Queries,
  id: string,
  hash: string,
  actor: Actor,
  tools: AdminTools,
): Promise<void> {
  await writePasswordHash(tx, id, hash)
  await endUser(tx, 'user.password_reset', id, actor, tools)
}

/** Keeps a user out, at once and until enabled again. @throws {Problem} not_found */
export async function disableUser(id: string, actor: Actor, tools: AdminTools): Promise<Document> {
  return withUser(id, tools, async (tx, user) => {
    if (user.isDisabled) return showUser(user)
    await writeUserDisabled(tx, id, true)
    await endUser(tx, 'user.disabled', id, actor, tools)
    return showUser({ ...user, isDisabled: true })
  })
}

/** Lets a user in again; what was ended stays ended. @throws {Problem} not_found */
export async function enableUser(id: string, actor: Actor, tools: AdminTools): Promise<Document> {
  return withUser(id, tools, async (tx, user) => {
    if (!user.isDisabled) return showUser(user)
    await writeUserDisabled(tx, id, false)
    await insertAuditEvent(tx, { type: 'user.enabled', actor, ...target(id) })
    return showUser({ ...user, isDisabled: false })
  })
}

/** Ends everything of a user and removes the personal data. One who is not there is no error. */
export async function removeUser(id: string, actor: Actor, tools: AdminTools): Promise<void> {
  if (!isId(id)) return
  await tools.db.transaction(async (tx) => {
    if (!(await lockUserRecord(tx, id))) return
    await erasePersonalData(tx, id)
    await endUser(tx, 'user.deleted', id, actor, tools)
    await deleteUser(tx, id)
  })
}

async function endUser(tx: Queries, type: UserEvent, id: string, actor: Actor, tools: AdminTools): Promise<void> {
  await insertAuditEvent(tx, { type, actor, ...target(id) })
  await endIn(tx, { target: 'user', id }, { reason: reasons[type], actor, feedKey: tools.feedKey })
}

function withUser<T>(id: string, tools: AdminTools, work: (tx: Queries, user: UserRecord) => Promise<T>): Promise<T> {
  return tools.db.transaction(async (tx) => {
    const user = isId(id) ? await lockUserRecord(tx, id) : undefined
    if (!user) throw notFound('user')
    return work(tx, user)
  })
}

const target = (id: string) => ({ targetKind: 'user', targetId: id, userId: id })
