import { sha256 } from '../crypto/hash.ts'
import { createOpaqueToken, parseOpaqueToken } from '../crypto/opaque-token.ts'
import type { AdminRole } from '../domain/admin-role.ts'
import type { Actor } from '../domain/ending.ts'
import type { Document } from '../domain/field.ts'
import {
  type Administrator,
  type CallingPerson,
  deleteAdminRole,
  findAdministrator,
  listAdministrators,
  readCallingPerson,
  writeAdminRole,
} from '../store/administrators.ts'
import { insertAuditEvent } from '../store/audit.ts'
import { insertSetupLink, isSetupLinkGood, useSetupLink } from '../store/setup-links.ts'
import { lockUserRecord } from '../store/user-records.ts'
import { isId } from './document.ts'
import { type Page, type PageRequest, readPage } from './page.ts'
import { notFound, Problem } from './problem.ts'
import type { AdminTools } from './tools.ts'
import { hashPassword, namingConflicts, readProfile, registerUserIn } from './users.ts'

const linkSeconds = 900

/** A link by which somebody makes an account with this role, once. */
export function makeSetupLink(role: AdminRole, actor: Actor, { db, issuer }: AdminTools) {
  const code = createOpaqueToken('sl')
  return db.transaction(async (tx) => {
    const expiresAt = await insertSetupLink(tx, sha256(code), role, linkSeconds)
    await insertAuditEvent(tx, { type: 'administrator.link_made', actor, detail: { role } })
    // Behind the # it reaches no server's log.
    return { url: `${issuer}/setup#${code}`, role, expires_at: expiresAt.toISOString() }
  })
}

/** A link for the very first administrator. Undefined: there is one already. */
export async function makeFirstSetupLink(tools: AdminTools): Promise<string | undefined> {
  if ((await listAdministrators(tools.db, { limit: 1 })).length > 0) return undefined
  return (await makeSetupLink('admin', { id: 'system' }, tools)).url
}

/**
 * Makes an account with the role of a link. The link is used up by the transaction that makes it: whoever comes second, or types a name that is taken,
 * changes nothing. @throws {Problem} not_found when the link is not good
 */
export async function useLink(
  given: { code: string; username: string; password: string },
  from: Omit<Actor, 'id'>,
  tools: AdminTools,
): Promise<void> {
  const hash = sha256(given.code)
  // Nobody without a link makes the server hash passwords.
  if (!parseOpaqueToken('sl', given.code) || !(await isSetupLinkGood(tools.db, hash))) throw notFound('link')
  const user = readProfile({ username: given.username })
  const passwordHash = await hashPassword(given.password, tools)
  await namingConflicts(() =>
    tools.db.transaction(async (tx) => {
      const role = await useSetupLink(tx, hash)
      if (role === undefined) throw notFound('link')
      const actor = { ...from, id: 'setup-link' }
      const { id } = await registerUserIn(tx, user, passwordHash, actor, tools)
      await writeAdminRole(tx, id, role)
      await insertAuditEvent(tx, { type: 'administrator.granted', actor, ...target(id), detail: { role } })
    }),
  )
}

/** What a person may do, and how long ago they signed in. */
export const readRole = (userId: string, authTimeSeconds: number, { db }: AdminTools): Promise<CallingPerson> =>
  readCallingPerson(db, userId, authTimeSeconds)

/** The role of a user. Undefined: none. */
export const findRole = async (userId: string, { db }: AdminTools): Promise<AdminRole | undefined> =>
  isId(userId) ? (await findAdministrator(db, userId))?.role : undefined

export const isAdministrator = async (userId: string, tools: AdminTools): Promise<boolean> =>
  (await findRole(userId, tools)) !== undefined

export function readAdministrators(
  request: PageRequest,
  tools: AdminTools,
): Promise<Page<ReturnType<typeof showAdministrator>>> {
  return readPage('administrators', request, tools, {
    read: (limit, after) =>
      listAdministrators(tools.db, { limit, ...(after?.[0] === undefined ? {} : { after: after[0] }) }),
    positionOf: ({ userId }) => [userId],
    show: showAdministrator,
  })
}

/** Gives a user a role, in place of the one before. @throws {Problem} not_found */
export function grantRole(userId: string, role: AdminRole, actor: Actor, { db }: AdminTools): Promise<Document> {
  return db.transaction(async (tx) => {
    if (!isId(userId) || !(await lockUserRecord(tx, userId))) throw notFound('user')
    const before = await findAdministrator(tx, userId)
    if (before?.role === role) return showAdministrator(before)
    await writeAdminRole(tx, userId, role)
    const detail = { role, before: before?.role ?? null }
    await insertAuditEvent(tx, { type: 'administrator.granted', actor, ...target(userId), detail })
    const after = await findAdministrator(tx, userId)
    if (!after) throw new Problem('conflict', 'The user is being deleted')
    return showAdministrator(after)
  })
}

/** Takes a user's role away, at once. Who has none keeps none. */
export async function withdrawRole(userId: string, actor: Actor, { db }: AdminTools): Promise<void> {
  if (!isId(userId)) return
  await db.transaction(async (tx) => {
    if (await deleteAdminRole(tx, userId))
      await insertAuditEvent(tx, { type: 'administrator.withdrawn', actor, ...target(userId) })
  })
}

const target = (userId: string) => ({ targetKind: 'user', targetId: userId, userId })

const showAdministrator = ({ userId, username, role, grantedAt }: Administrator) => ({
  user_id: userId,
  username,
  role,
  granted_at: grantedAt.toISOString(),
})
