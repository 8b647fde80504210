import { sql } from 'kysely'
import type { Ending } from '../domain/ending.ts'
import type { Database } from './database.ts'
import { grantIsDead, sessionIsOver } from './liveness.ts'

/** How many living sessions and grants something takes with it. */
export interface EndingCounts {
  readonly sessions: number
  readonly grants: number
}

/** A count for a client or for all reads every row of theirs, which an ending does not: it may take longer than other statements. */
const patience = sql`set local statement_timeout = '60s'`

/** What an ending would end now: the same counts as it would answer. */
export async function countEnding(db: Database, ending: Ending): Promise<EndingCounts> {
  const [sessions, grants] = subqueries(ending)
  return db.transaction(async (tx) => {
    if (ending.target === 'client' || ending.target === 'all') await patience.execute(tx.kysely)
    const query = sql<EndingCounts>`select ${sessions} as sessions, ${grants} as grants`
    return (await query.execute(tx.kysely)).rows[0] ?? { sessions: 0, grants: 0 }
  })
}

const none = sql`(select 0)`
type Condition = ReturnType<typeof sql>

const sessionsWhere = (whose: Condition) => sql`(
  select count(*) from sessions s left join users u on u.id = s.user_id join server v on v.id = 1
  where s.revoked_at is null and ${whose} and not ${sql.raw(sessionIsOver)})`

const grantsWhere = (whose: Condition) => sql`(
  select count(*) from grants g join users u on u.id = g.user_id join clients c on c.id = g.client join server v on v.id = 1
  left join sessions s on s.id = g.session_id and not g.offline
  where g.revoked_at is null and ${whose} and not ${sql.raw(grantIsDead)})`

function subqueries(ending: Ending): readonly [Condition, Condition] {
  switch (ending.target) {
    case 'session':
      return [
        sessionsWhere(sql`s.id = ${ending.id}::uuid`),
        grantsWhere(sql`g.session_id = ${ending.id}::uuid and not g.offline`),
      ]
    case 'grant':
      return [none, grantsWhere(sql`g.id = ${ending.id}::uuid`)]
    case 'user':
      return [sessionsWhere(sql`s.user_id = ${ending.id}::uuid`), grantsWhere(sql`g.user_id = ${ending.id}::uuid`)]
    case 'user_sessions': {
      const { userId, only, except, withOffline } = ending
      const kept = sql`${except ?? null}::uuid`
      const isOne = (id: Condition) =>
        sql`(${only ?? null}::uuid[] is null or ${id} = any(${only ?? null}::uuid[])) and ${id} is distinct from ${kept}`
      return [
        sessionsWhere(sql`s.user_id = ${userId}::uuid and ${isOne(sql`s.id`)}`),
        grantsWhere(sql`g.user_id = ${userId}::uuid and (case when g.offline
          then ${withOffline}::boolean and g.session_id is distinct from ${kept} else ${isOne(sql`g.session_id`)} end)`),
      ]
    }
    case 'user_client':
      return [none, grantsWhere(sql`g.user_id = ${ending.userId}::uuid and g.client = ${ending.client}::uuid`)]
    case 'client':
      return [none, grantsWhere(sql`g.client = ${ending.id}::uuid`)]
    case 'all':
      return [sessionsWhere(sql`true`), grantsWhere(sql`true`)]
    case 'jti':
    case 'kid':
      return [none, none]
  }
  return ending satisfies never
}
