import type { Queries, Statement } from './database.ts'
import { issuedAt } from './liveness.ts'

export interface ClientMinting {
  readonly isDisabled: boolean
  readonly rvp: number
  readonly iat: number
  readonly jti: string
}

const read: Statement = {
  name: 'client_credentials',
  text: `
select c.disabled_at is not null as "isDisabled", h.seq as rvp, ${issuedAt('greatest(v.iat_floor, c.iat_floor)')} as iat, new_id() as jti
from clients c join server v on v.id = 1 join feed_head h on h.id = 1 where c.id = $1::uuid`,
}

/** What a token of the client itself is minted from: one read. A line drawn after its snapshot has a position above `rvp`. */
export async function readClientMinting(db: Queries, client: string): Promise<ClientMinting | undefined> {
  const rows = await db.run<ClientMinting>(read, [client])
  return rows[0]
}
