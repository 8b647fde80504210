import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem, type ProblemType, pointerTo, problemTypes } from '../../admin/problem.ts'
import { Unavailable } from '../../domain/unavailable.ts'
import { InsufficientScope } from './access.ts'
import { ConfirmationNeeded } from './person.ts'

/** Answers an error of the admin API as a problem document (RFC 9457). */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = asProblem(error)
  const { status, title } = problemTypes[problem.type]
  if (status === 500) request.log.error({ err: error, request: request.id }, 'an admin request failed')
  else if (error instanceof Unavailable)
    request.log.error({ err: error, cause: error.cause, request: request.id }, 'unavailable')
  else request.log.info({ request: request.id, reason: problem.message }, 'refused')
  if (error instanceof Unavailable) reply.header('retry-after', String(error.retryAfterSeconds))
  if (problem.type === 'idempotency_key_in_use') reply.header('retry-after', '1')
  if (status === 401 || status === 403) reply.header('www-authenticate', challenge(problem, request))
  return reply
    .code(status)
    .type('application/problem+json')
    .serializer(JSON.stringify)
    .send({
      type: problemUrn(problem.type),
      title,
      status,
      detail: problem.detail,
      ...(problem.path === undefined ? {} : { pointer: pointerTo(problem.path) }),
      ...(problem instanceof ConfirmationNeeded ? { confirmation: problem.confirmation } : {}),
      request_id: request.id,
    })
}

/** The stable name of a kind of problem, as documents carry it. */
export const problemUrn = (type: ProblemType): string => `urn:falconer:problem:${type.replaceAll('_', '-')}`

/** A request without a token is told only how to authenticate (RFC 6750 §3.1). */
function challenge(problem: Problem, request: FastifyRequest): string {
  if (request.headers.authorization === undefined) return 'Bearer realm="admin"'
  if (problem.type === 'unauthorized') return 'Bearer realm="admin", error="invalid_token"'
  if (problem.type === 'reauthentication_required')
    return 'Bearer realm="admin", error="insufficient_user_authentication", max_age="300"'
  const scope = problem instanceof InsufficientScope ? `, scope="${problem.scope}"` : ''
  return `Bearer realm="admin", error="insufficient_scope"${scope}`
}

const byStatus: Partial<Record<number, ProblemType>> = {
  400: 'invalid_request',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
}

function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof Unavailable) return new Problem('unavailable', 'Try again in a moment')
  // Fastify's own refusals: a body that is no JSON, too large, of another type. Their texts name no values.
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  const type = typeof status === 'number' ? byStatus[status] : undefined
  return type && error instanceof Error
    ? new Problem(type, error.message)
    : new Problem('internal', 'Try again, or look into the log for this request_id')
}
