import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem } from '../admin/problem.ts'
import type { Client } from '../domain/client.ts'
import { OAuthError } from '../domain/oauth-error.ts'
import { sendProblem } from './admin/problems.ts'
import { toRefusal } from './errors.ts'
import { allowPage, writeSecurityHeaders } from './security-headers.ts'
import { ErrorPage, type ErrorPageProps, ExpiredPage } from './views/error.tsx'
import { renderPage } from './views/render.ts'
import { text } from './views/text.ts'

/** Answers errors as a page for a person: what happened, who can mend it, and a reference that the log has too. */
export function speakPages(app: FastifyInstance): void {
  app.setErrorHandler(sendRefusal)
}

/** Answers whatever was thrown as such a page. */
export function sendRefusal(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, description, retryAfterSeconds } = toRefusal(error, request)
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds)
  const { failed, busy, refused } = text.errorTitles
  const isOurs = status >= 500 || status === 429
  const audience = error instanceof OAuthError && error.code !== 'access_denied' ? 'developer' : 'user'
  const title = status === 503 || status === 429 ? busy : status >= 500 ? failed : refused
  return sendError(request, reply, status, { title, message: `${description}.`, audience: isOurs ? 'user' : audience })
}

/** Sends an error page with the request's own id as the reference. */
export function sendError(
  request: FastifyRequest,
  reply: FastifyReply,
  status: number,
  page: Omit<ErrorPageProps, 'reference' | 'detail'>,
): FastifyReply {
  allowPage(reply)
  return reply.status(status).send(renderPage(<ErrorPage {...page} reference={request.id} />))
}

/** Answers an address that cannot be decoded. Fastify runs no hooks for it, and its own answer would repeat the address. */
export function sendUnreadable(request: FastifyRequest, reply: FastifyReply, isHttps: boolean): void {
  const { refused, unreadable } = text.errorTitles
  writeSecurityHeaders(reply, isHttps)
  if (request.url.startsWith('/admin/v1/'))
    return void sendProblem(
      new Problem('invalid_request', unreadable),
      request,
      reply.header('cache-control', 'no-store'),
    )
  request.log.info({ reason: 'bad_url' }, 'refused')
  void sendError(request, reply, 400, { title: refused, message: unreadable, audience: 'developer' })
}

/** The page for a login or consent form that came too late, or from another browser. With its transaction it offers to begin anew. */
export function sendExpired(reply: FastifyReply, late?: { key: { handle: string }; client: Client }): FastifyReply {
  allowPage(reply)
  const again = late && {
    clientName: late.client.name ?? late.client.clientId,
    href: `/login/again?${new URLSearchParams({ tx: late.key.handle })}`,
  }
  return reply.status(400).send(renderPage(<ExpiredPage {...again} />))
}
