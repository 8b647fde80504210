import { type RawBuilder, sql } from 'kysely'
import type { Queries } from './database.ts'
import { grantIdleEnds, grantIsDead, grantMaxEnds } from './liveness.ts'

/** A grant as administrators see it: no secret, not even hashed. */
export interface GrantRecord {
  readonly id: string
  readonly clientId: string | null
  readonly userId: string
  readonly sessionId: string | null
  readonly offline: boolean
  readonly scope: string
  readonly resource: readonly string[] | null
  readonly createdAt: Date
  readonly authTime: Date
  readonly lastUsedAt: Date
  readonly idleExpiresAt: Date
  readonly expiresAt: Date
  readonly isAlive: boolean
  readonly endedAt: Date | null
  readonly endReason: string | null
}

const columns = sql.raw(`
  g.id, c.client_id as "clientId", g.user_id as "userId", g.session_id as "sessionId", g.offline, g.scope, g.resource,
  g.created_at as "createdAt", g.auth_time as "authTime", g.rt_rotated_at as "lastUsedAt",
  ${grantIdleEnds} as "idleExpiresAt", ${grantMaxEnds} as "expiresAt", g.revoked_at as "endedAt", g.revoke_reason as "endReason"`)
const isDead = sql.raw<boolean>(grantIsDead)
const tables = sql`grants g join server v on v.id = 1 left join users u on u.id = g.user_id left join clients c on c.id = g.client
  left join sessions s on s.id = g.session_id and not g.offline`

/** One grant, alive or not. */
export async function findGrantRecord(db: Queries, id: string): Promise<GrantRecord | undefined> {
  const query = sql<GrantRecord>`select ${columns}, not ${isDead} as "isAlive" from ${tables} where g.id = ${id}::uuid`
  return (await query.execute(db.kysely)).rows[0]
}

/** Live grants, newest first, beginning after `after`; `client` is a row id. */
export async function listGrants(
  db: Queries,
  wanted: { after?: string; limit: number; userId?: string; client?: string; offline?: boolean },
): Promise<GrantRecord[]> {
  // The first condition is the one that the indexes are made for.
  const conditions: RawBuilder<unknown>[] = [sql`g.revoked_at is null`, sql`not ${isDead}`]
  if (wanted.after !== undefined) conditions.push(sql`g.id < ${wanted.after}::uuid`)
  if (wanted.userId !== undefined) conditions.push(sql`g.user_id = ${wanted.userId}::uuid`)
  if (wanted.client !== undefined) conditions.push(sql`g.client = ${wanted.client}::uuid`)
  if (wanted.offline !== undefined) conditions.push(sql`g.offline = ${wanted.offline}::boolean`)
  const { rows } = await sql<GrantRecord>`
    select ${columns}, true as "isAlive" from ${tables}
    where ${sql.join(conditions, sql` and `)} order by g.id desc limit ${wanted.limit}`.execute(db.kysely)
  return rows
}

/** Every grant of a user that is on record, alive or not, newest first. The condition that says nothing names the two indexes. */
export async function listGrantsOfUser(db: Queries, userId: string, limit: number): Promise<GrantRecord[]> {
  const { rows } = await sql<GrantRecord>`
    select ${columns}, not ${isDead} as "isAlive" from ${tables}
    where g.user_id = ${userId}::uuid and (g.revoked_at is null or g.revoked_at is not null)
    order by g.id desc limit ${limit}`.execute(db.kysely)
  return rows
}
