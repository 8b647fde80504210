import { createHmac } from 'node:crypto'
import type { Returned } from '../../histories/event.ts'
import { withClient } from '../../histories/oracle.ts'
import { basic } from '../../support/tokens.ts'

/** What the database says when all is over. */
export interface Truth {
  readonly head: number
  readonly epoch: string
  /** How many different things are ended: what the set of a verifier has to hold. */
  readonly distinct: number
  /** Positions that are missing below the head. */
  readonly holes: number
  readonly entries: readonly TrueEntry[]
}

interface TrueEntry {
  readonly seq: number
  readonly kind: string
  readonly key: string
}

export const readTruth = (url: string): Promise<Truth> =>
  withClient(url, async (client) => {
    const { rows } = await client.query<{ head: number; epoch: string }>(
      `select seq::float8 as head, left(epoch::text, 8) as epoch from feed_head`,
    )
    const entries = await client.query<TrueEntry>(
      `select seq::float8 as seq, kind::text as kind, rtrim(translate(encode(key, 'base64'), '+/', '-_'), '=') as key
       from feed_entries where until > now() order by seq`,
    )
    const { head = 0, epoch = '' } = rows[0] ?? {}
    return {
      head,
      epoch,
      distinct: new Set(entries.rows.map(({ kind, key }) => `${kind} ${key}`)).size,
      holes: countHoles([...entries.rows.map(({ seq }) => seq), head + 1]),
      entries: entries.rows,
    }
  })

/** Another lineage goes this much further, at the least. */
const jump = 2 ** 20

function countHoles(positions: readonly number[]): number {
  const steps = positions.slice(1).map((position, i) => position - (positions[i] ?? 0))
  return steps.filter((step) => step < jump).reduce((sum, step) => sum + step - 1, 0)
}

/** The key that hides user and client ids, as a verifier gets it. */
export async function fetchFeedKey(instance: string, clientId: string, clientSecret: string): Promise<Buffer> {
  const response = await fetch(`${instance}/revocations/snapshot`, { headers: basic(clientId, clientSecret) })
  const { key } = (await response.json()) as { key?: string }
  if (key === undefined) throw new Error(`the snapshot has no key (${response.status})`)
  return Buffer.from(key, 'base64url')
}

/**
 * Whether some entry of the database ends a token, found without the verifier. What was asked for twice, because the first answer was lost, may
 * have been done twice, and the second time after a new sign-in.
 */
export function createJudgement(
  entries: readonly TrueEntry[],
  feedKey: Buffer,
): (facts: Pick<Returned, 'sid' | 'gid' | 'jti' | 'sub' | 'client' | 'rvp'>) => boolean {
  const latest = new Map<string, number>()
  for (const { kind, key, seq } of entries)
    latest.set(`${kind} ${key}`, Math.max(seq, latest.get(`${kind} ${key}`) ?? 0))
  const tail = (id: string) => Buffer.from(id.replaceAll('-', ''), 'hex').subarray(8).toString('base64url')
  const hashed = (kind: string, id: string) =>
    createHmac('sha256', feedKey).update(`${kind}${id}`).digest().subarray(0, 8).toString('base64url')
  return ({ sid, gid, jti, sub, client, rvp }) => {
    const of = (kind: string, key: string) => latest.get(`${kind} ${key}`) ?? -1
    const highest = Math.max(
      of('s', tail(sid)),
      of('g', tail(gid)),
      of('u', hashed('u', sub)),
      of('c', hashed('c', client)),
    )
    return rvp < highest || of('j', tail(jti)) >= 0
  }
}
