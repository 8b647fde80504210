import type { ComponentChildren } from 'preact'
import { words } from './words.ts'

/** One column: what stands above it, and what a row shows in it. */
export interface Column<Row> {
  readonly name: string
  readonly value: (row: Row) => ComponentChildren
}

interface TableProps<Row> {
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  /** What to say when there are none. */
  empty: string
  caption: string
}

/** A table that becomes a list of cards on a narrow screen: each cell then says which column it is. */
export function Table<Row>({ columns, rows, empty, caption }: TableProps<Row>) {
  if (rows.length === 0) return <p class="nothing">{empty}</p>
  return (
    <table>
      <caption class="unseen">{caption}</caption>
      <thead>
        <tr>
          {columns.map(({ name }) => (
            <th scope="col">{name}</th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr>
            {columns.map(({ name, value }) => (
              <td data-label={name}>{value(row)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  )
}

/** The ways through a list that has more than one page: `query` is what this page was asked with, `next` where it goes on. */
export function Pager({ path, query, next }: { path: string; query: Record<string, string>; next: string | null }) {
  const { cursor, ...filters } = query
  if (cursor === undefined && next === null) return null
  const href = (parameters: Record<string, string>) => `${path}?${new URLSearchParams(parameters)}`
  return (
    <nav class="pager" aria-label={words.pages}>
      {cursor !== undefined && <a href={href(filters)}>{words.firstPage}</a>}
      {next !== null && (
        <a id="next" href={href({ ...filters, cursor: next })}>
          {words.nextPage}
        </a>
      )}
    </nav>
  )
}
