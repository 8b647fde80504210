import { combined, inPlace } from './combiner.ts'
import type { Statement } from './database.ts'
import { issuedAt } from './liveness.ts'

export interface ClientMinting {
  readonly isDisabled: boolean
  readonly rvp: number
  readonly iat: number
}

const read: Statement = {
  name: 'client_credentials',
  text: `
select t.place::int, c.disabled_at is not null as "isDisabled", h.seq as rvp, ${issuedAt('greatest(v.iat_floor, c.iat_floor)')} as iat
from unnest($1::uuid[]) with ordinality as t (client, place) join clients c on c.id = t.client join server v on v.id = 1 join feed_head h on h.id = 1`,
}

/**
 * What a token of the client itself is minted from: one read, for all that ask at the same moment. A line drawn after its snapshot has a position
 * above `rvp`. Undefined: the client is gone.
 */
export const readClientMinting = combined<string, ClientMinting | undefined>({
  concurrency: 2,
  run: async (db, clients) => {
    const rows = await db.run<ClientMinting & { readonly place: number }>(read, [clients])
    return inPlace(rows, clients.length)
  },
})
