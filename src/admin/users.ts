import type { Actor } from '../domain/ending.ts'
import { type Document, withoutNulls } from '../domain/field.ts'
import { normalizeIdentifier } from '../domain/identifier.ts'
import { checkPassword, readUserProfile, type UserProfile } from '../domain/user-profile.ts'
import { insertAuditEvent } from '../store/audit.ts'
import { conflictOf } from '../store/conflict.ts'
import { applyCredentialEvent } from '../store/credential-events.ts'
import type { Queries } from '../store/database.ts'
import {
  findUserRecord,
  insertUser,
  listUsers,
  lockUserRecord,
  searchUsers,
  type UserRecord,
  updateUser,
} from '../store/user-records.ts'
import { changedMembers, isId, requireVersion } from './document.ts'
import { type Page, type PageRequest, readPage } from './page.ts'
import { badField, notFound, Problem } from './problem.ts'
import type { AdminTools } from './tools.ts'

/** A new user, with a password if one is given. @throws {Problem} */
export async function registerUser(given: Document, actor: Actor, tools: AdminTools): Promise<Document> {
  const { password, ...profile } = withoutNulls(given)
  const user = readProfile(profile)
  // Hashing takes its time, and a transaction that waits for it holds a connection.
  const hash = password === undefined ? undefined : await hashPassword(password, tools)
  const insert = () => tools.db.transaction((tx) => registerUserIn(tx, user, hash, actor, tools))
  return showUser(await namingConflicts(insert))
}

/** The same inside a transaction, for a profile that was checked and a password that was hashed. */
export async function registerUserIn(
  tx: Queries,
  user: UserProfile,
  hash: string | undefined,
  actor: Actor,
  { feedKey }: AdminTools,
): Promise<UserRecord> {
  const record = await insertUser(tx, user)
  if (hash !== undefined) await applyCredentialEvent(tx, record.id, { type: 'password_set', hash }, { actor, feedKey })
  await insertAuditEvent(tx, { type: 'user.created', actor, ...target(record.id) })
  return { ...record, hasPassword: hash !== undefined }
}

export type UserDocument = ReturnType<typeof showUser>

export async function readUser(id: string, tools: AdminTools): Promise<UserDocument> {
  const record = isId(id) ? await findUserRecord(tools.db, id) : undefined
  if (!record) throw notFound('user')
  return showUser(record)
}

/** Users; with `query` those whose user name or e-mail address begins with it. @throws {Problem} */
export function readUsers(
  { query, ...request }: PageRequest & { query?: string },
  tools: AdminTools,
): Promise<Page<UserDocument>> {
  if (query !== undefined) return searchForUsers(query, request, tools)
  return readPage('users', request, tools, {
    read: (limit, after) => listUsers(tools.db, { limit, ...(after?.[0] === undefined ? {} : { after: after[0] }) }),
    positionOf: (record) => [record.id],
    show: showUser,
  })
}

function searchForUsers(query: string, request: PageRequest, tools: AdminTools): Promise<Page<UserDocument>> {
  const beginning = normalizeIdentifier(query)
  if (beginning === '') throw badField({ path: ['query'], detail: 'must have a visible character' })
  return readPage(`users?query=${beginning}`, request, tools, {
    read: (limit, after) => {
      const [found, id] = after ?? []
      const behind = found === undefined || id === undefined ? {} : { after: [found, id] as const }
      return searchUsers(tools.db, { beginning, limit, ...behind })
    },
    positionOf: (user) => [user.found, user.id],
    show: showUser,
  })
}

/** Changes the members that the patch names; null removes one. @throws {Problem} */
export async function changeUser(
  id: string,
  patch: Document,
  actor: Actor,
  tools: AdminTools,
  ifMatch?: string,
): Promise<Document> {
  if (!isId(id)) throw notFound('user')
  const change = () => tools.db.transaction((tx) => changeUserIn(tx, id, patch, actor, ifMatch))
  const { record } = await namingConflicts(change)
  return showUser(record)
}

/** The same inside a transaction. */
export async function changeUserIn(
  tx: Queries,
  id: string,
  patch: Document,
  actor: Actor,
  ifMatch?: string,
): Promise<{ record: UserRecord; isChanged: boolean }> {
  const before = await lockUserRecord(tx, id)
  if (!before) throw notFound('user')
  requireVersion(showUser(before), ifMatch)
  const user = patchedProfile(before.user, patch)
  const changed = changedMembers(membersOfUser(before.user), membersOfUser(user))
  if (changed.length === 0) return { record: before, isChanged: false }
  const record = await updateUser(tx, id, user)
  // The names only: an audit trail outlives the person's record.
  await insertAuditEvent(tx, { type: 'user.updated', actor, ...target(id), detail: { changed } })
  return { record, isChanged: true }
}

/** A password that may be set, hashed. @throws {Problem} when it may not, {Unavailable} when too many wait */
export async function hashPassword(password: unknown, tools: AdminTools): Promise<string> {
  const detail = checkPassword(password)
  if (detail !== undefined) throw badField({ path: ['password'], detail })
  return tools.passwordHasher.hash(String(password))
}

/** Turns a second use of a name or an address into a conflict. */
export async function namingConflicts<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const member = conflictOf(error)
    throw member === undefined ? error : new Problem('conflict', `${member} is taken`, [member])
  }
}

export function readProfile(given: Document): UserProfile {
  const result = readUserProfile(given)
  if ('problem' in result) throw badField(result.problem)
  return result.user
}

/** What a user is after a patch. @throws {Problem} */
export const patchedProfile = (before: UserProfile, patch: Document): UserProfile =>
  readProfile({ ...membersOfUser(before), ...unverified(before, patch), ...patch })

/** Another address was not verified yet, unless the same patch says so. */
function unverified(user: UserProfile, patch: Document): Document {
  const { email } = patch
  const isSame = typeof email === 'string' && normalizeIdentifier(email) === normalizeIdentifier(user.email ?? '')
  return email === undefined || isSame ? {} : { email_verified: null }
}

const target = (id: string) => ({ targetKind: 'user', targetId: id, userId: id })

export const membersOfUser = ({ username, email, emailVerified, claims }: UserProfile) => ({
  username,
  ...(email === undefined ? {} : { email, email_verified: emailVerified }),
  ...claims,
})

/** The document of a user. Its `profile` member is the claim of that name: the page about the person. */
export const showUser = ({ id, user, hasPassword, isDisabled, createdAt, updatedAt }: UserRecord) => ({
  id,
  ...membersOfUser(user),
  has_password: hasPassword,
  disabled: isDisabled,
  created_at: createdAt.toISOString(),
  updated_at: updatedAt.toISOString(),
})
