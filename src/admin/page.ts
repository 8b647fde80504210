import type { Document } from '../domain/field.ts'
import { Problem } from './problem.ts'
import type { AdminTools } from './tools.ts'

export interface PageRequest {
  readonly limit: number
  readonly cursor?: string
}

export interface Page<Item = Document> {
  readonly items: readonly Item[]
  readonly next_cursor: string | null
}

/**
 * One page of a list. `read` answers the rows behind a position, in order; `positionOf` names a row's own.
 * @throws {Problem} invalid_cursor
 */
export async function readPage<Row, Item extends Document>(
  list: string,
  { limit, cursor }: PageRequest,
  tools: AdminTools,
  how: {
    read: (limit: number, after: readonly string[] | undefined) => Promise<Row[]>
    positionOf: (row: Row) => readonly string[]
    show: (row: Row) => Item
  },
): Promise<Page<Item>> {
  const after = cursor === undefined ? undefined : tools.cursors.read(list, cursor)
  if (cursor !== undefined && after === undefined)
    throw new Problem('invalid_cursor', 'Begin the list again', ['cursor'])
  // One more than asked for tells whether there is a next page.
  const rows = await how.read(limit + 1, after)
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const hasMore = rows.length > limit && last !== undefined
  return {
    items: shown.map(how.show),
    next_cursor: hasMore ? tools.cursors.write(list, how.positionOf(last)) : null,
  }
}
