import { sql } from 'kysely'
import type { Ending } from '../domain/ending.ts'
import type { Queries } from './database.ts'
import { grantIsDead, sessionIsDead } from './liveness.ts'

/** How many sessions and grants something takes with it. */
export interface EndingCounts {
  readonly sessions: number
  readonly grants: number
}

const openSession = sql`sessions s where s.revoked_at is null`
const openGrant = sql`grants g where g.revoked_at is null`
const none = sql`(select 0)`

/** What an ending would end now. For a client and for all it reads every row of theirs, which an ending does not. */
export async function countEnding(db: Queries, ending: Ending): Promise<EndingCounts> {
  const [sessions, grants] = subqueries(ending)
  const query = sql<EndingCounts>`select ${sessions} as sessions, ${grants} as grants`
  return (await query.execute(db.kysely)).rows[0] ?? { sessions: 0, grants: 0 }
}

function subqueries(ending: Ending) {
  switch (ending.target) {
    case 'session':
      return [
        sql`(select count(*) from ${openSession} and s.id = ${ending.id}::uuid)`,
        sql`(select count(*) from ${openGrant} and g.session_id = ${ending.id}::uuid and not g.offline)`,
      ] as const
    case 'grant':
      return [none, sql`(select count(*) from ${openGrant} and g.id = ${ending.id}::uuid)`] as const
    case 'user':
      return [
        sql`(select count(*) from ${openSession} and s.user_id = ${ending.id}::uuid)`,
        sql`(select count(*) from ${openGrant} and g.user_id = ${ending.id}::uuid)`,
      ] as const
    case 'user_client': {
      const { userId, client } = ending
      const theirs = sql`g.user_id = ${userId}::uuid and g.client = ${client}::uuid`
      return [none, sql`(select count(*) from ${openGrant} and ${theirs})`] as const
    }
    case 'client':
      return [none, liveGrants(sql`g.client = ${ending.id}::uuid`)] as const
    case 'all':
      return [liveSessions, liveGrants(sql`true`)] as const
    case 'jti':
      return [none, none] as const
  }
  return ending satisfies never
}

const liveSessions = sql`(
  select count(*) from sessions s join users u on u.id = s.user_id join server v on v.id = 1
  where s.revoked_at is null and u.disabled_at is null and not ${sql.raw(sessionIsDead)})`

const liveGrants = (whose: ReturnType<typeof sql>) => sql`(
  select count(*) from grants g join users u on u.id = g.user_id join clients c on c.id = g.client join server v on v.id = 1
  left join sessions s on s.id = g.session_id and not g.offline
  where g.revoked_at is null and ${whose} and not ${sql.raw(grantIsDead)})`
