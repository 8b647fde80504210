import type { FeedEntry } from '../domain/feed.ts'
import type { Queries, Statement } from './database.ts'

/** One look at the feed: everything in it is of the same snapshot of the database. */
export interface FeedPage {
  readonly epoch: string
  /** The newest position. Every entry up to it is in this page or in those before it, unless `to` is smaller. */
  readonly head: number
  /** The last position that this page covers. */
  readonly to: number
  readonly entries: readonly FeedEntry[]
  /** The clock of the database, in seconds, not after the snapshot. */
  readonly asofSeconds: number
  /** The greatest position that somebody waits for. */
  readonly awaited: number | null
}

interface Row extends Omit<FeedPage, 'to'> {
  readonly isAdopted: boolean
  /** Where counting began anew. */
  readonly bases: readonly number[]
}

/*
 * now() is the start of this statement's transaction, so never after its snapshot. Not clock_now(): how fresh something is has to do with the
 * time that passes, also where a test moves the clock.
 */
const read: Statement = {
  name: 'read_feed',
  text: `
select left(h.epoch::text, 8) as epoch, h.seq as head, to_json(h.bases) as bases, extract(epoch from now())::float8 as "asofSeconds",
  h.lineage is not distinct from current_lineage() as "isAdopted",
  (select max(w.position) from feed_waits w where w.until > now()) as awaited,
  coalesce((
    select json_agg(case when e.nb is null then json_build_array(e.seq, e.kind, e.key, e.until)
                    else json_build_array(e.seq, e.kind, e.key, e.until, e.nb) end order by e.seq)
    from (
      select seq, kind, rtrim(translate(encode(key, 'base64'), '+/', '-_'), '=') as key,
             ceil(extract(epoch from until))::bigint as until, extract(epoch from nb)::float8 as nb
      from feed_entries where seq > $1::bigint and seq <= h.seq order by seq limit $2::int) e), '[]') as entries
from feed_head h where h.id = 1`,
}

const adopt: Statement = { name: 'adopt_lineage', text: 'update feed_head set seq = seq where id = 1' }

/** A hole in the feed: somebody wrote to its tables by hand, or a backup was taken of a part. Nothing may be said from it. */
export class FeedHasHole extends Error {
  override readonly name = 'FeedHasHole'
}

/**
 * The entries after a position, oldest first, at most `limit`. With `after` 0 it begins at whatever is the oldest now; otherwise none is left out.
 * @throws {FeedHasHole}
 */
export async function readFeed(db: Queries, after: number, limit: number): Promise<FeedPage> {
  let row = await readRow(db, after, limit)
  if (!row.isAdopted) {
    // The first to look at a database that was restored or promoted: positions go on beyond all that were ever drawn.
    await db.run(adopt, [])
    row = await readRow(db, after, limit)
  }
  const { isAdopted: _, bases: __, ...page } = row
  return { ...page, to: lastCovered(row, after, limit) }
}

async function readRow(db: Queries, after: number, limit: number): Promise<Row> {
  const [row] = await db.run<Row>(read, [after, limit])
  if (!row) throw new Error('feed_head has no row')
  return row
}

/** Positions are drawn one after the other, so whatever is there has to follow what came before it. */
function lastCovered({ entries, head, bases }: Row, after: number, limit: number): number {
  /** Whether nothing was ever drawn between the two that could be missing. */
  const follows = (position: number, previous: number): boolean =>
    position === previous + 1 || bases.some((base) => previous < base && position === base + 1)
  let previous = after
  for (const [position] of entries) {
    const isFirst = previous === 0
    if (!isFirst && !follows(position, previous)) throw new FeedHasHole(`the feed lacks what comes after ${previous}`)
    previous = position
  }
  if (entries.length === limit) return previous
  const isAtHead = previous === head || follows(head + 1, previous) || (after === 0 && entries.length === 0)
  if (!isAtHead) throw new FeedHasHole(`the feed ends at ${previous}, its head is ${head}`)
  return head
}
