import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchemaCompiler } from 'fastify'
import type { Static, TObject, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import { Problem } from '../../admin/problem.ts'
import type { AdminTools } from '../../admin/tools.ts'
import type { AdminScope } from '../../domain/admin-scopes.ts'
import { isWellFormedText } from '../../domain/well-formed.ts'
import { preferredWait } from '../prefer.ts'
import { authenticate, type Caller } from './access.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** What a route accepts; everything else is refused. */
interface Shape {
  readonly params?: TObject
  readonly querystring?: TObject
  readonly body?: TSchema
}

type Part<T> = T extends TSchema ? Static<T> : Record<string, never>

interface AdminRequest<S extends Shape> {
  readonly params: Part<S['params']>
  readonly query: Part<S['querystring']>
  readonly body: Part<S['body']>
  readonly ifMatch: string | undefined
  /** How long the caller would wait for the verifiers; only endings do (RFC 7240 §4.3). */
  readonly waitSeconds: number | undefined
}

interface AdminAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** Adds a route. There is none without the scope that it needs. */
export type AddRoute = <S extends Shape>(
  method: Method,
  url: string,
  scope: AdminScope,
  shape: S,
  answer: (request: AdminRequest<S>, caller: Caller) => Promise<AdminAnswer>,
) => void

/** What the token endpoint remembers for a few seconds. */
const remembered = /^\/(clients|resources)\b/

/** Adds routes that know their caller before they read a body, and check all that they read. */
export function createRouter(app: FastifyInstance, tools: AdminTools): AddRoute {
  const callers = new WeakMap<FastifyRequest, Caller>()
  return (method, url, scope, shape, answer) => {
    const described: Shape = shape
    app.route({
      method,
      url,
      schema: described,
      validatorCompiler,
      onRequest: async (request) => {
        callers.set(request, await authenticate(request, scope, tools))
      },
      preValidation: async (request) => {
        // No body is an empty one: then what it lacks is named.
        if (shape.body) request.body ??= {}
        const { params, query, body } = request
        requireWellFormed({ params, query, body })
      },
      handler: async (request, reply) => {
        const caller = callers.get(request)
        if (!caller) throw new Error('a request came past its authentication')
        const { params, query, body, headers } = request
        // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the schemas were checked
        const known = {
          params,
          query,
          body,
          ifMatch: headers['if-match'],
          waitSeconds: preferredWait(headers['prefer']),
        } as unknown as AdminRequest<typeof shape>
        const answered = await answer(known, caller)
        if (method !== 'GET' && remembered.test(url)) tools.forget()
        return send(reply, answered)
      },
    })
  }
}

function send(reply: FastifyReply, { status, headers = {}, body }: AdminAnswer): FastifyReply {
  reply.headers(headers)
  return body === undefined ? reply.code(status ?? 204).send() : reply.code(status ?? 200).send(body)
}

/** A validator of its own: that of the server may be told to drop or to convert what a schema does not allow. */
const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema }) => {
  const type = Compile(schema)
  return (value: unknown) => {
    if (type.Check(value)) return { value }
    const [error] = type.Errors(value)
    if (!error) return { error: new Problem('invalid_request', 'The request is not valid') }
    const path = error.instancePath.split('/').slice(1).map(unescape)
    const member = memberAtFault(error.params)
    const full = member === undefined ? path : [...path, member]
    const what =
      error.keyword === 'additionalProperties'
        ? 'is not known'
        : error.keyword === 'required'
          ? 'is required'
          : error.message
    return { error: new Problem('invalid_field', `${full.join('.') || 'The body'} ${what}`, full) }
  }
}

const unescape = (step: string): string => step.replaceAll('~1', '/').replaceAll('~0', '~')

function memberAtFault(params: object): string | undefined {
  const names: unknown =
    'additionalProperties' in params
      ? params.additionalProperties
      : 'requiredProperties' in params && params.requiredProperties
  return Array.isArray(names) && typeof names[0] === 'string' ? names[0] : undefined
}

/** PostgreSQL stores no NUL, and half of a surrogate pair comes back as another character. Without recursion: the sender chooses the depth. */
function requireWellFormed(parts: Record<string, unknown>): void {
  const rest: unknown[] = [parts]
  for (let value = rest.pop(); value !== undefined || rest.length > 0; value = rest.pop()) {
    if (typeof value === 'string' && !isWellFormedText(value))
      throw new Problem('invalid_request', 'Texts must not contain NUL or halves of surrogate pairs')
    if (typeof value !== 'object' || value === null) continue
    for (const [name, member] of Object.entries(value)) rest.push(name, member)
  }
}
