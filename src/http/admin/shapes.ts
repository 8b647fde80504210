import { Type } from 'typebox'
import { versionOf } from '../../admin/document.ts'
import type { PageRequest } from '../../admin/page.ts'
import { Problem } from '../../admin/problem.ts'
import type { Document, Fields } from '../../domain/field.ts'

const strict = { additionalProperties: false }

/** The parameters of every list. */
export const pageParameters = {
  limit: Type.Optional(Type.String({ description: 'At most so many items: 1 to 200, 50 by default' })),
  cursor: Type.Optional(Type.String({ maxLength: 2000, description: 'next_cursor of the page before' })),
}

/** The query of a list, with its own filters. */
export const listQuery = <P extends Record<string, ReturnType<typeof optionalText>>>(filters: P) =>
  Type.Object({ ...pageParameters, ...filters }, strict)

export const optionalText = (maxLength = 500) => Type.Optional(Type.String({ minLength: 1, maxLength }))

/** A path with one id. */
export const idParameter = Type.Object({ id: Type.String({ maxLength: 1000 }) }, strict)

/** A document of these members, each of which may be null: null takes it back to its default. */
export const documentOf = (fields: Fields) =>
  Type.Unsafe<Document>({
    type: 'object',
    properties: Object.fromEntries(
      Object.entries(fields).map(([name, field]) => [name, { anyOf: [field.schema, { type: 'null' }] }]),
    ),
    ...strict,
  })

export const object = <P extends Parameters<typeof Type.Object>[0]>(properties: P) => Type.Object(properties, strict)

/** The page that a query asks for. @throws {Problem} invalid_field */
export function pageOf({ limit = '50', cursor }: { limit?: string; cursor?: string }): PageRequest {
  const count = /^[1-9][0-9]{0,2}$/.test(limit) ? Number(limit) : Number.NaN
  if (!(count <= 200)) throw new Problem('invalid_field', 'limit must be a whole number from 1 to 200', ['limit'])
  return cursor === undefined ? { limit: count } : { limit: count, cursor }
}

/** A document with its version as `ETag`, for the next `If-Match`. */
export const versioned = (body: Document) => ({ body, headers: { etag: `"${versionOf(body)}"` } })
