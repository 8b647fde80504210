import { versionOf } from '../../admin/document.ts'
import type { PageRequest } from '../../admin/page.ts'
import { Problem } from '../../admin/problem.ts'
import type { Document, Fields } from '../../domain/field.ts'
import type { FurtherScope } from './route.ts'
import { object, type Schema, string } from './schema.ts'

/** The parameters of every list. */
export const pageParameters = {
  limit: string({ maxLength: 20, description: 'At most so many items: 1 to 200, 50 by default' }),
  cursor: string({ maxLength: 2000, description: 'next_cursor of the page before' }),
}

/** The query of a list, with its own filters. */
export const listQuery = <F extends Readonly<Record<string, Schema<string>>>>(filters: F) =>
  object({}, { ...pageParameters, ...filters })

/** A text that says something. */
export const text: Schema<string> = string({ minLength: 1, maxLength: 500 })

/** A path with one id. */
export const idParameter = object({ id: string({ maxLength: 1000 }) }, {})

/** A document of these members, each of which may be null: null takes it back to its default. */
export const documentOf = (fields: Fields): Schema<Document> => ({
  type: 'object',
  properties: Object.fromEntries(
    Object.entries(fields).map(([name, field]) => [name, { anyOf: [field.schema, { type: 'null' }] }]),
  ),
  additionalProperties: false,
})

/** The page that a query asks for. @throws {Problem} invalid_field */
export function pageOf({ limit = '50', cursor }: { limit?: string; cursor?: string }): PageRequest {
  const count = /^[1-9][0-9]{0,2}$/.test(limit) ? Number(limit) : Number.NaN
  if (!(count <= 200)) throw new Problem('invalid_field', 'limit must be a whole number from 1 to 200', ['limit'])
  return cursor === undefined ? { limit: count } : { limit: count, cursor }
}

/** What ends everybody, the caller too, is for administrators of everything only. */
export const adminOnly = (when: string, applies: NonNullable<FurtherScope['onlyIf']>['applies']): FurtherScope => ({
  scope: 'admin',
  onlyIf: { when, applies },
})

/** A document with its version as `ETag`, for the next `If-Match`. */
export const versioned = (body: Document) => ({ body, headers: { etag: `"${versionOf(body)}"` } })
