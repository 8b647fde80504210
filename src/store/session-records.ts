import { type RawBuilder, sql } from 'kysely'
import type { Queries } from './database.ts'
import { grantIsOver, sessionIdleEnds, sessionIsOver, sessionLastUsed, sessionMaxEnds } from './liveness.ts'

/** A session as administrators see it: no secret, not even hashed. */
export interface SessionRecord {
  readonly id: string
  readonly userId: string
  readonly username: string | null
  readonly createdAt: Date
  readonly authTime: Date
  readonly acr: string
  readonly amr: readonly string[]
  readonly lastSeenAt: Date
  /** When it ends if it is not used, and whatever happens. */
  readonly idleExpiresAt: Date
  readonly expiresAt: Date
  readonly remembered: boolean
  /** Addresses of the sign-in and of the last use by the browser. */
  readonly ip: string | null
  readonly lastIp: string | null
  readonly userAgent: string | null
  readonly isAlive: boolean
  readonly endedAt: Date | null
  readonly endReason: string | null
}

const columns = sql.raw(`
  s.id, s.user_id as "userId", u.username, s.created_at as "createdAt", s.auth_time as "authTime", s.acr, s.amr,
  ${sessionLastUsed} as "lastSeenAt", ${sessionIdleEnds} as "idleExpiresAt", ${sessionMaxEnds} as "expiresAt", s.remembered,
  s.ip, coalesce(s.last_ip, s.ip) as "lastIp", s.user_agent as "userAgent", s.revoked_at as "endedAt", s.revoke_reason as "endReason"`)
const isDead = sql.raw<boolean>(sessionIsOver)
const tables = sql`sessions s join server v on v.id = 1 left join users u on u.id = s.user_id`

/** One session, alive or not. */
export async function findSessionRecord(db: Queries, id: string): Promise<SessionRecord | undefined> {
  const query = sql<SessionRecord>`select ${columns}, not ${isDead} as "isAlive" from ${tables} where s.id = ${id}::uuid`
  return (await query.execute(db.kysely)).rows[0]
}

/** Live sessions, newest first, beginning after `after`; `client` is a row id: sessions in which that client holds a grant. */
export async function listSessions(
  db: Queries,
  { after, limit, userId, client }: { after?: string; limit: number; userId?: string; client?: string },
): Promise<SessionRecord[]> {
  // The first condition is the one that the indexes are made for.
  const conditions: RawBuilder<unknown>[] = [sql`s.revoked_at is null`, sql`not ${isDead}`]
  if (after !== undefined) conditions.push(sql`s.id < ${after}::uuid`)
  if (userId !== undefined) conditions.push(sql`s.user_id = ${userId}::uuid`)
  if (client !== undefined)
    conditions.push(
      sql`exists (select 1 from grants g join clients c on c.id = g.client
        where g.session_id = s.id and g.client = ${client}::uuid and not ${sql.raw(grantIsOver)})`,
    )
  const { rows } = await sql<SessionRecord>`
    select ${columns}, true as "isAlive" from ${tables}
    where ${sql.join(conditions, sql` and `)} order by s.id desc limit ${limit}`.execute(db.kysely)
  return rows
}

/** Every session of a user that is on record, alive or not, newest first. The condition that says nothing names the two indexes. */
export async function listSessionsOfUser(db: Queries, userId: string, limit: number): Promise<SessionRecord[]> {
  const { rows } = await sql<SessionRecord>`
    select ${columns}, not ${isDead} as "isAlive" from ${tables}
    where s.user_id = ${userId}::uuid and (s.revoked_at is null or s.revoked_at is not null)
    order by s.id desc limit ${limit}`.execute(db.kysely)
  return rows
}
