import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { formTargetsOf } from '../../domain/form-targets.ts'
import type { Parameters } from '../../domain/parameters.ts'
import { currentSession, type LogoutRequest, logOut, readLogoutRequest } from '../../protocol/logout.ts'
import { requireSameOrigin, requireToken } from '../csrf.ts'
import { bodyOf, formOf, queryOf } from '../form.ts'
import { allowPage } from '../security-headers.ts'
import type { HttpTools } from '../tools.ts'
import { LoggedOutPage, LogoutPage } from '../views/logout.tsx'
import { renderPage } from '../views/render.ts'

const subject = (sessionId: string) => `logout:${sessionId}`
/** What the confirmation page carries on; everything is validated again when it comes back. */
const carried = ['client_id', 'post_logout_redirect_uri', 'state'] as const

/** GET and POST /logout, and the confirmation (OpenID Connect RP-Initiated Logout 1.0 §2). */
export function logoutRoutes(app: FastifyInstance, tools: HttpTools): void {
  app.get('/logout', async (request, reply) => {
    const parameters = queryOf(request)
    const logout = await readLogoutRequest(parameters, tools)
    if (logout.sessionId !== undefined) return endHinted(request, reply, logout, logout.sessionId, tools)
    const cookie = tools.cookies.readSession(request)
    const session = cookie && (await currentSession(cookie, tools))
    if (!session) return leave(reply, logout)
    allowPage(reply, { formTargets: formTargetsOf(logout.returnTo, logout.client) })
    return reply.send(
      renderPage(
        <LogoutPage
          csrf={tools.csrf.issue(subject(session.id))}
          username={session.username}
          clientName={logout.client?.name ?? logout.client?.clientId}
          clientId={parameters.get('client_id')}
          postLogoutRedirectUri={parameters.get('post_logout_redirect_uri')}
          state={parameters.get('state')}
        />,
      ),
    )
  })

  // Without a hint the session cookie has to say whose session it is, and only a GET from this site brings it.
  app.post('/logout', async (request, reply) => {
    const parameters = bodyOf(request)
    const logout = await readLogoutRequest(parameters, tools)
    if (logout.sessionId !== undefined) return endHinted(request, reply, logout, logout.sessionId, tools)
    return reply.redirect(`/logout?${new URLSearchParams(carriedFrom(parameters))}`, 303)
  })

  app.post('/logout/confirm', async (request, reply) => {
    requireSameOrigin(request, tools.issuer)
    const form = formOf(request)
    const logout = await readLogoutRequest(form, tools)
    const cookie = tools.cookies.readSession(request)
    const session = cookie && (await currentSession(cookie, tools))
    if (session) {
      requireToken(tools.csrf.check(subject(session.id), form.get('csrf')))
      await logOut(session.id, { id: `user:${session.userId}`, ip: request.ip, requestId: request.id }, tools)
    }
    tools.cookies.clearSession(reply)
    return leave(reply, logout)
  })
}

/** The holder of the ID token need not be asked; the session that it names ends, with or without its cookie. */
async function endHinted(
  request: FastifyRequest,
  reply: FastifyReply,
  logout: LogoutRequest,
  sessionId: string,
  tools: HttpTools,
): Promise<FastifyReply> {
  const clientId = logout.client?.clientId ?? ''
  await logOut(sessionId, { id: `client:${clientId}`, ip: request.ip, requestId: request.id }, tools)
  if (tools.cookies.readSession(request)?.id === sessionId) tools.cookies.clearSession(reply)
  return leave(reply, logout)
}

function leave(reply: FastifyReply, { returnTo, client }: LogoutRequest): FastifyReply {
  reply.header('cache-control', 'no-store')
  if (returnTo !== undefined) return reply.redirect(returnTo, 303)
  allowPage(reply)
  return reply.send(renderPage(<LoggedOutPage {...(client?.name ? { clientName: client.name } : {})} />))
}

const carriedFrom = (parameters: Parameters): [string, string][] =>
  carried.flatMap((name) => {
    const value = parameters.get(name)
    return value === undefined ? [] : [[name, value] as [string, string]]
  })
