import type { FastifyReply, FastifyRequest } from 'fastify'
import { originOf } from '../domain/redirect-uri.ts'
import type { Answer } from '../protocol/authorize/authorize.ts'
import { type AuthorizationResponse, toLocation } from '../protocol/authorize/response.ts'
import { sendExpired } from './error-page.tsx'
import { allowPage } from './security-headers.ts'
import type { HttpTools } from './tools.ts'
import { FormPostPage } from './views/form-post.tsx'
import { renderPage } from './views/render.ts'

/** Beyond the end of a login transaction: whoever comes back late may begin the same request anew. */
const keptSeconds = 3600

/** Sends the browser where an authorization request leads next. 303: a POST with a password must never be repeated there (RFC 9700 §4.12). */
export function sendAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: Answer,
  tools: HttpTools,
): FastifyReply {
  if (answer.kind === 'response') return sendResponse(reply, answer.response)
  if (answer.kind === 'expired') return sendExpired(reply, answer)
  const { key, kind } = answer
  if (tools.cookies.readBinding(request, key.handle) === undefined)
    tools.cookies.writeBinding(request, reply, key, tools.lifetimes.loginTransactionSeconds + keptSeconds)
  return reply.header('cache-control', 'no-store').redirect(`/${kind}?${new URLSearchParams({ tx: key.handle })}`, 303)
}

/** Sends an authorization response in the mode that the client asked for. */
export function sendResponse(reply: FastifyReply, response: AuthorizationResponse): FastifyReply {
  if (response.responseMode !== 'form_post')
    return reply.header('cache-control', 'no-store').redirect(toLocation(response), 303)
  // Nobody types anything here, so wherever the application redirects on to with its own scheme may follow.
  const { redirectUri } = response
  const scheme = redirectUri.slice(0, redirectUri.indexOf(':') + 1).toLowerCase()
  allowPage(reply, { formTargets: [originOf(redirectUri), scheme], script: 'formPost' })
  return reply.send(renderPage(<FormPostPage action={response.redirectUri} fields={response.parameters} />))
}
