import type { Queries, Statement } from './database.ts'
import { sessionIsDead, sessionLastUsed } from './liveness.ts'
import { lockUser } from './users.ts'

const read: Statement = {
  name: 'read_session_limit',
  text: `
select v.max_sessions as "limit", v.ends_oldest as "endsOldest",
  coalesce(array_agg(s.id order by ${sessionLastUsed}, s.id) filter (where s.id is not null), '{}') as live
from server v join users u on u.id = $1::uuid
left join sessions s on s.user_id = u.id and s.revoked_at is null and not ${sessionIsDead}
where v.id = 1 group by v.id`,
}

/** How many sessions a user may have, what happens beyond that, and the live ones, the one that was used longest ago first. */
export interface SessionLimit {
  /** 0: any number. */
  readonly limit: number
  readonly endsOldest: boolean
  readonly live: readonly string[]
}

/** Counts under the user's lock: of two logins at once the second one counts the first. */
export async function lockSessionLimit(tx: Queries, userId: string): Promise<SessionLimit> {
  await tx.run(lockUser, [userId])
  const [row] = await tx.run<SessionLimit>(read, [userId])
  return row ?? { limit: 0, endsOldest: true, live: [] }
}
