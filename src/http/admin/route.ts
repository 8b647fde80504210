import type { AdminTools } from '../../admin/tools.ts'
import type { AdminScope } from '../../domain/admin-scopes.ts'
import type { Document } from '../../domain/field.ts'
import type { Caller } from './access.ts'
import type { Accepted, Schema } from './schema.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** A second scope that a route needs: always, or for some bodies. */
export interface FurtherScope {
  readonly scope: AdminScope
  readonly onlyIf?: {
    /** The rest of "needed …", for whoever reads the document. */
    readonly when: string
    readonly applies: (body: Document) => boolean
  }
}

/** What a route does, accepts and answers. It refuses everything else; its documentation is made from this. */
export interface Shape {
  /** Its stable name, snake_case: what generated clients call it. */
  readonly operation: string
  /** One line, as a sentence without its end. */
  readonly summary: string
  readonly params?: Schema<object>
  readonly querystring?: Schema<object>
  readonly body?: Schema<object>
  /** The most that a body may have, where that is more than elsewhere. */
  readonly bodyBytes?: number
  /** What success answers; without it that is 204. */
  readonly answer?: Schema<object>
  /** 200 unless given. */
  readonly status?: 201
  readonly furtherScope?: FurtherScope
  /** A person has to confirm it with a second request: it ends more than one person can take back. */
  readonly confirms?: (body: Document) => boolean
  /** Answers with `ETag`; a PATCH obeys `If-Match`. */
  readonly isVersioned?: true
  /** Obeys `Prefer: wait`. */
  readonly waits?: true
  /**
   * Of a POST: the handler does all of its work with the tools that it is given, and nothing that has to come after a COMMIT. With an
   * `Idempotency-Key` the effect and the answer are then stored together.
   */
  readonly isOneCommit?: true
}

type Part<S> = S extends Schema<object> ? Accepted<S> : Record<string, never>

export interface AdminRequest<S extends Shape> {
  readonly params: Part<S['params']>
  readonly query: Part<S['querystring']>
  readonly body: Part<S['body']>
  readonly ifMatch: string | undefined
  /** How long the caller would wait for the verifiers; only endings do (RFC 7240 §4.3). */
  readonly waitSeconds: number | undefined
}

export interface AdminAnswer {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** Adds a route. There is none without the scope that it needs. */
export type AddRoute = <S extends Shape>(
  method: Method,
  url: string,
  scope: AdminScope,
  shape: S,
  answer: (request: AdminRequest<S>, caller: Caller, tools: AdminTools) => Promise<AdminAnswer>,
) => void

/** A route as it was declared. */
export interface Route {
  readonly method: Method
  /** With `:name` for a parameter. */
  readonly url: string
  readonly scope: AdminScope
  readonly shape: Shape
}
