import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { doOnce, readIdempotencyKey } from '../../admin/idempotency.ts'
import type { AdminTools } from '../../admin/tools.ts'
import { preferredWait } from '../prefer.ts'
import { authenticate, type Caller } from './access.ts'
import { requireConfirmation, requireFresh } from './person.ts'
import type { AddRoute, AdminAnswer, AdminRequest, Route, Shape } from './route.ts'
import { object } from './schema.ts'
import { requireWellFormed, validatorCompiler } from './validation.ts'

/** What the token endpoint remembers for a few seconds. */
const remembered = /^\/(clients|resources)\b/

const noParameters = object({}, {})

/** Adds routes that know their caller before they read a body, and check all that they read; remembers what was declared. */
export function createRouter(app: FastifyInstance, tools: AdminTools): { add: AddRoute; routes: readonly Route[] } {
  const callers = new WeakMap<FastifyRequest, Caller>()
  const routes: Route[] = []
  const add: AddRoute = (method, url, scope, shape, answer) => {
    const declared: Shape = shape
    const { params, querystring = noParameters, body, bodyBytes, furtherScope: further } = declared
    routes.push({ method, url, scope, shape })
    app.route({
      method,
      url,
      ...(bodyBytes !== undefined && { bodyLimit: bodyBytes }),
      schema: { querystring, ...(params && { params }), ...(body && { body }) },
      validatorCompiler,
      onRequest: async (request) => {
        const caller = await authenticate(request, scope, tools)
        if (further && !further.onlyIf) caller.require(further.scope)
        callers.set(request, caller)
      },
      preValidation: async (request) => {
        // No body is an empty one: then what it lacks is named.
        if (body) request.body ??= {}
        requireWellFormed({ params: request.params, query: request.query, body: request.body })
      },
      handler: async (request, reply) => {
        const caller = callers.get(request)
        if (!caller) throw new Error('a request came past its authentication')
        const known = knownPart<typeof shape>(request)
        if (further?.onlyIf?.applies({ ...known.body }) === true) caller.require(further.scope)
        const whole = [method, request.url, request.body ?? null]
        if (caller.person) {
          if (method !== 'GET' || declared.furtherScope) requireFresh(caller.person)
          if (declared.confirms?.({ ...known.body }) === true)
            requireConfirmation(caller.person, whole, request.headers['confirmation'], tools.seal)
        }
        const act = (at: AdminTools) => answer(known, caller, at)
        const key = method === 'POST' ? readIdempotencyKey(request.headers['idempotency-key']) : undefined
        const answered =
          key === undefined
            ? await act(tools)
            : await doOnce(
                { caller: caller.actor.id, key, request: whole },
                { tools, act, isOneCommit: declared.isOneCommit === true },
              )
        if (method !== 'GET' && remembered.test(url)) tools.forget()
        return send(request, reply, answered, declared)
      },
    })
  }
  return { add, routes }
}

function knownPart<S extends Shape>({ params, query, body, headers }: FastifyRequest): AdminRequest<S> {
  const ifMatch = headers['if-match']
  const waitSeconds = preferredWait(headers['prefer'])
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the schemas were checked
  return { params, query, body, ifMatch, waitSeconds } as unknown as AdminRequest<S>
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  { headers = {}, body }: AdminAnswer,
  shape: Shape,
): FastifyReply {
  const next = nextPage(request.url, body)
  if (next !== undefined) reply.header('link', `<${next}>; rel="next"`)
  reply.headers(headers)
  return shape.answer ? reply.code(shape.status ?? 200).send(body) : reply.code(204).send()
}

/** Where a list goes on (RFC 8288 §3), relative to this request: behind a proxy nobody else knows where that was sent. */
function nextPage(url: string, body: unknown): string | undefined {
  const { next_cursor: cursor } = (body ?? {}) as { next_cursor?: unknown }
  if (typeof cursor !== 'string') return undefined
  const { pathname, searchParams } = new URL(url, 'http://list')
  searchParams.set('cursor', cursor)
  return `${pathname}?${searchParams}`
}
