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

/** Users in the order of their making, beginning after `after`. */
export async function listUsers(
  db: Queries,
  { after, limit }: { after?: string; limit: number },
): Promise<UserRecord[]> {
  let query = db.kysely.selectFrom('users').selectAll().orderBy('id').limit(limit)
  if (after !== undefined) query = query.where('id', '>', after)
  return (await query.execute()).map(fromRow)
}

/** The names of users by their ids. Who is gone has none. */
export async function readUsernames(db: Queries, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map()
  const rows = await db.kysely.selectFrom('users').select(['id', 'username']).where('id', 'in', ids).execute()
  return new Map(rows.map(({ id, username }) => [id, username]))
}

/** A user who was searched for, and what was found: the user name or the e-mail address, normalised. */
export interface FoundUser extends UserRecord {
  readonly found: string
}

/**
 * Users whose name or address begins with a normalised text, in the order of what was found, behind `after`. Two walks along an index that stop when
 * they have enough, however many there are. Whose name and address both begin so is found once, by the one that comes first.
 */
export async function searchUsers(
  db: Queries,
  { beginning, after, limit }: { beginning: string; after?: readonly [found: string, id: string]; limit: number },
): Promise<FoundUser[]> {
  const [lastFound, lastId] = after ?? ['', '00000000-0000-0000-0000-000000000000']
  const from = after ? lastFound : beginning
  const end = endOf(beginning)
  // Without a limit of its own in the text, a generic plan prepares for a tenth of the table.
  const first = sql.lit(limit)
  const name = sql`username_norm collate "C"`
  const email = sql`email_norm collate "C"`
  const within = (found: typeof name) =>
    sql`${found} >= ${from}::text and ${end === undefined ? sql`true` : sql`${found} < ${end}::text`}
      and (${found} > ${lastFound}::text or id > ${lastId}::uuid)`
  const { rows } = await sql<Selectable<UsersTable> & { found: string }>`
    select m.found, u.* from (
      (select ${name} as found, id from users
        where ${within(name)} and not coalesce(${email} >= ${beginning}::text and ${email} < ${name}, false)
        order by ${name} limit ${first})
      union all
      (select ${email} as found, id from users
        where ${within(email)} and not (${name} >= ${beginning}::text and ${name} <= ${email})
        order by ${email} limit ${first})
      order by found, id limit ${first}
    ) m join users u on u.id = m.id order by m.found, m.id`.execute(db.kysely)
  return rows.map((row) => ({ ...fromRow(row), found: row.found }))
}

/** The first text, in the order of code points, behind all that begin with this one. Undefined: there is none. */
function endOf(beginning: string): string | undefined {
  const points = Array.from(beginning, (character) => character.codePointAt(0) ?? 0)
  while (points.at(-1) === 0x10ffff) points.pop()
  const last = points.pop()
  if (last === undefined) return undefined
  // The points between these two are surrogates, which no text has.
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1)
}

/** What a user allowed the clients. */
export interface ConsentRecord {
  /** Null: the client was deleted. */
  readonly clientId: string | null
  readonly scopes: readonly string[]
  readonly grantedAt: Date
}

export async function listConsents(db: Queries, userId: string): Promise<ConsentRecord[]> {
  const { rows } = await sql<ConsentRecord>`
    select c.client_id as "clientId", k.scopes, k.granted_at as "grantedAt"
    from consents k left join clients c on c.id = k.client where k.user_id = ${userId}::uuid order by k.granted_at`.execute(
    db.kysely,
  )
  return rows
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
