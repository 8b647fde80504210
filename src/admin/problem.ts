import type { FieldProblem } from '../domain/field.ts'

/** Every kind of refusal of the admin API: stable names, of which problem documents carry the URN (RFC 9457 §3.1.1). */
export const problemTypes = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  invalid_field: { status: 400, title: 'A member of the request is not valid' },
  invalid_cursor: { status: 400, title: 'The cursor is not one of this list' },
  unauthorized: { status: 401, title: 'A valid access token is needed' },
  reauthentication_required: { status: 401, title: 'The sign-in is too long ago' },
  insufficient_scope: { status: 403, title: 'The access token does not allow this' },
  not_found: { status: 404, title: 'There is no such thing' },
  conflict: { status: 409, title: 'This would contradict what exists' },
  confirmation_required: { status: 409, title: 'This has to be confirmed' },
  idempotency_key_in_use: { status: 409, title: 'The same request is under way' },
  precondition_failed: { status: 412, title: 'It was changed meanwhile' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  unsupported_media_type: { status: 415, title: 'The body must be JSON' },
  idempotency_key_reused: { status: 422, title: 'The Idempotency-Key belongs to another request' },
  internal: { status: 500, title: 'The server failed' },
  unavailable: { status: 503, title: 'The server cannot answer now' },
} as const satisfies Record<string, { status: number; title: string }>

export type ProblemType = keyof typeof problemTypes

/** A refusal by an admin procedure. `path` leads to the member of the request that is to blame. */
export class Problem extends Error {
  readonly type: ProblemType
  readonly detail: string
  readonly path: FieldProblem['path'] | undefined

  constructor(type: ProblemType, detail: string, path?: FieldProblem['path']) {
    super(`${type}: ${detail}`)
    this.name = 'Problem'
    this.type = type
    this.detail = detail
    this.path = path
  }
}

/** A member with a bad value. */
export const badField = ({ path, detail }: FieldProblem): Problem =>
  new Problem('invalid_field', [path.join('.'), detail].filter(Boolean).join(' '), path)

export const notFound = (what: string): Problem => new Problem('not_found', `There is no such ${what}`)

/** A JSON Pointer (RFC 6901). */
export const pointerTo = (path: FieldProblem['path']): string =>
  path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
