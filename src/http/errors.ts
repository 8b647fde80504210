import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError } from '../domain/oauth-error.ts'
import { RateLimited } from '../domain/rate-limited.ts'
import { Unavailable } from '../domain/unavailable.ts'

/** An error in the words of HTTP: what every way of speaking is made from. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly description: string
  readonly retryAfterSeconds?: number
}

/** Turns whatever was thrown into a refusal. Anything that is not known by name is our fault: 500, logged with its stack. */
export function toRefusal(error: unknown, request: FastifyRequest): Refusal {
  if (error instanceof OAuthError) {
    request.log.info({ error: error.code, reason: error.reason }, 'refused')
    return { status: error.status, code: error.code, description: error.description }
  }
  if (error instanceof RateLimited) {
    request.log.info({ reason: 'limit' }, 'refused')
    return {
      status: 429,
      code: 'temporarily_unavailable',
      description: error.message,
      retryAfterSeconds: error.retryAfterSeconds,
    }
  }
  if (error instanceof Unavailable) {
    request.log.error({ err: error, cause: error.cause }, 'unavailable')
    const { retryAfterSeconds } = error
    return { status: 503, code: 'temporarily_unavailable', description: 'Try again in a moment', retryAfterSeconds }
  }
  const status = (error as FastifyError).statusCode ?? 500
  if (status >= 400 && status < 500)
    return { status, code: 'invalid_request', description: 'The request cannot be read' }
  request.log.error({ err: error }, 'failed')
  return { status: 500, code: 'server_error', description: 'Something went wrong here' }
}

/** Answers errors of the protocol endpoints as JSON (RFC 6749 §5.2, RFC 6750 §3). The one place where they become a response. */
export function speakOAuth(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => {
    const { status, code, description, retryAfterSeconds } = toRefusal(error, request)
    if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds)
    challenge(code, description, request, reply)
    return reply
      .status(status)
      .header('cache-control', 'no-store')
      .send({ error: code, error_description: description })
  })
}

/** A client that tried Basic is told so (RFC 6749 §5.2); a bearer learns what is wrong with its token (RFC 6750 §3). */
function challenge(code: string, description: string, request: FastifyRequest, reply: FastifyReply): void {
  const scheme = /^\w+/.exec(request.headers.authorization ?? '')?.[0].toLowerCase()
  if (code === 'invalid_client' && scheme === 'basic')
    reply.header('www-authenticate', 'Basic realm="falconer", charset="UTF-8"')
  if (code === 'invalid_token' || code === 'insufficient_scope')
    reply.header('www-authenticate', `Bearer error="${code}", error_description="${description}"`)
}
