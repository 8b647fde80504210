import { type Selectable, sql } from 'kysely'
import { normalizeIdentifier } from '../domain/identifier.ts'
import type { UserProfile } from '../domain/user-profile.ts'
import type { Queries } from './database.ts'
import type { UsersTable } from './schema.ts'

/** A person's record as administrators see it. */
export interface UserRecord {
  readonly id: string
  readonly user: UserProfile
  readonly hasPassword: boolean
  readonly isDisabled: boolean
  readonly createdAt: Date
  readonly updatedAt: Date
}

const now = sql<Date>`clock_now()`

/** Stores a new user without a password. @throws a unique violation that `conflictOf` names */
export async function insertUser(tx: Queries, user: UserProfile): Promise<UserRecord> {
  const row = await tx.kysely.insertInto('users').values(toRow(user)).returningAll().executeTakeFirstOrThrow()
  return fromRow(row)
}

export async function findUserRecord(db: Queries, id: string): Promise<UserRecord | undefined> {
  const row = await db.kysely.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
  return row && fromRow(row)
}

/** The user of this name, with the stored hash for comparison. */
export async function findUserByName(
  db: Queries,
  username: string,
): Promise<{ record: UserRecord; passwordHash: string | null } | undefined> {
  const row = await db.kysely
    .selectFrom('users')
    .selectAll()
    .where('username_norm', '=', normalizeIdentifier(username))
    .executeTakeFirst()
  return row && { record: fromRow(row), passwordHash: row.password_hash }
}

/** The user, locked as firmly as its deletion needs: waits for every login and exchange in flight. */
export async function lockUserRecord(tx: Queries, id: string): Promise<UserRecord | undefined> {
  const row = await tx.kysely.selectFrom('users').selectAll().where('id', '=', id).forUpdate().executeTakeFirst()
  return row && fromRow(row)
}

/** Replaces the profile of a user. @throws a unique violation that `conflictOf` names */
export async function updateUser(tx: Queries, id: string, user: UserProfile): Promise<UserRecord> {
  const row = await tx.kysely
    .updateTable('users')
    .set({ ...toRow(user), updated_at: now })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
  return fromRow(row)
}

/** Users in the order of their making, beginning after `after`; `query` is a part of the name or address. Reads the whole table at worst. */
export async function listUsers(
  db: Queries,
  { after, limit, query: wanted }: { after?: string; limit: number; query?: string },
): Promise<UserRecord[]> {
  let query = db.kysely.selectFrom('users').selectAll().orderBy('id').limit(limit)
  if (after !== undefined) query = query.where('id', '>', after)
  if (wanted !== undefined) {
    const part = normalizeIdentifier(wanted)
    query = query.where(sql<boolean>`(strpos(username_norm, ${part}) > 0 or strpos(email_norm, ${part}) > 0)`)
  }
  return (await query.execute()).map(fromRow)
}

const toRow = (user: UserProfile) => ({
  username: user.username,
  username_norm: normalizeIdentifier(user.username),
  email: user.email ?? null,
  email_norm: user.email === undefined ? null : normalizeIdentifier(user.email),
  email_verified: user.emailVerified,
  profile: JSON.stringify(user.claims),
})

function fromRow(row: Selectable<UsersTable>): UserRecord {
  return {
    id: row.id,
    user: {
      username: row.username,
      ...(row.email === null ? {} : { email: row.email }),
      emailVerified: row.email_verified,
      claims: row.profile,
    },
    hasPassword: row.password_hash !== null,
    isDisabled: row.disabled_at !== null,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}
