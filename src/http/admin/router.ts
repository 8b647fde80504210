import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { FastifyInstance, FastifyReply, FastifyRequest, FastifySchemaCompiler } from 'fastify'
import { Problem } from '../../admin/problem.ts'
import type { AdminTools } from '../../admin/tools.ts'
import type { AdminScope } from '../../domain/admin-scopes.ts'
import { isWellFormedText } from '../../domain/well-formed.ts'
import { preferredWait } from '../prefer.ts'
import { authenticate, type Caller } from './access.ts'
import type { Accepted, Schema } from './schema.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** What a route accepts; everything else is refused. */
interface Shape {
  readonly params?: Schema<object>
  readonly querystring?: Schema<object>
  readonly body?: Schema<object>
}

type Part<S> = S extends Schema<object> ? Accepted<S> : Record<string, never>

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

// What is sent passes or does not: it is not dropped, filled in, or turned into something that passes.
const ajv = new Ajv({ coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false })

/** Compiled when it is needed first: all of them would take a fifth of the start. */
const validatorCompiler: FastifySchemaCompiler<object> = ({ schema }) => {
  let validate: ValidateFunction | undefined
  return (value: unknown) => {
    validate ??= ajv.compile(schema)
    return validate(value) ? { value } : { error: problemOf(validate.errors ?? []) }
  }
}

/** The first thing that a schema does not allow, with the way to it. */
function problemOf([error]: readonly ErrorObject[]): Problem {
  if (!error) return new Problem('invalid_request', 'The request is not valid')
  const { keyword, instancePath, params, message } = error
  const path = instancePath.split('/').slice(1).map(unescape)
  const member: unknown = params['additionalProperty'] ?? params['missingProperty']
  const full = typeof member === 'string' ? [...path, member] : path
  const what = { additionalProperties: 'is not known', required: 'is required' }[keyword] ?? message
  return new Problem('invalid_field', `${full.join('.') || 'The body'} ${what}`, full)
}

const unescape = (step: string): string => step.replaceAll('~1', '/').replaceAll('~0', '~')

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
