import type { AdminScope } from '../domain/admin-scopes.ts'
import type { Query } from './api.ts'
import { type Column, createTable } from './columns.ts'
import type { Context } from './definition.ts'

/** A list of the admin API, and how it is shown. */
interface Listing {
  readonly path: string
  readonly scope: AdminScope
  readonly query?: Query
  readonly columns: readonly Column[]
  /** What there is none of. */
  readonly name: string
}

/** Shows a list page by page while the next ones are read; one JSON array with --json. */
export async function showList(context: Context, { path, scope, query = {}, columns, name }: Listing): Promise<void> {
  const { terminal, given } = context
  const limit = given.number('limit', { min: 1 })
  const pages = (await context.api()).pages(path, scope, query, limit)
  let count = 0
  if (terminal.isJson) {
    for await (const items of pages)
      for (const item of items) await terminal.write(`${count++ === 0 ? '[' : ','}\n${JSON.stringify(item)}`)
    return terminal.write(count === 0 ? '[]\n' : '\n]\n')
  }
  const table = createTable(terminal, columns)
  for await (const items of pages) {
    await table.rows(items)
    count += items.length
  }
  if (count === 0 && terminal.isTTY) terminal.note(`There are no ${name}.`)
}
