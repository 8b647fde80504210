import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ComponentChildren } from 'preact'
import { Problem, problemTypes } from '../../admin/problem.ts'
import type { AdminScope } from '../../domain/admin-scopes.ts'
import type { Parameters } from '../../domain/parameters.ts'
import { freshSeconds } from '../admin/person.ts'
import { requireWellFormed } from '../admin/validation.ts'
import { requireSameOrigin, requireToken } from '../csrf.ts'
import { sendError, sendRefusal } from '../error-page.tsx'
import { formOf, queryOf } from '../form.ts'
import { allowPage } from '../security-headers.ts'
import { ConsolePage, type Section } from '../views/console/console-page.tsx'
import { words } from '../views/console/words.ts'
import { renderPage } from '../views/render.ts'
import { noRole, sendToSignIn } from './sign-in.tsx'
import { type ConsoleTools, type Visitor, whoVisits } from './visitor.ts'

/** A request of somebody who may see the page. */
export interface Visit {
  readonly visitor: Visitor
  readonly params: Readonly<Record<string, string>>
  readonly query: Parameters
  /** For the forms of the page. */
  readonly csrf: string
}

/** A form that was sent from a page of this console by its visitor. */
export interface Sent extends Visit {
  readonly form: Parameters
}

/** A page inside the frame of the console. */
export interface Shown {
  readonly section: Section
  readonly title: string
  readonly body: ComponentChildren
  readonly status?: number
}

/** Where to go after something was done. */
export interface Done {
  readonly goTo: string
}

/** Adds pages. There is none without the scope that its visitor's role must have. */
export interface Pages {
  get(url: string, scope: AdminScope, show: (visit: Visit) => Promise<Shown>): void
  /** A page that asks whether to do something: by now the sign-in must be a fresh one, so that no answer is lost to that. */
  question(url: string, scope: AdminScope, show: (visit: Visit) => Promise<Shown>): void
  post(url: string, scope: AdminScope, act: (sent: Sent) => Promise<Done | Shown>): void
}

const subject = (sessionId: string) => `console:${sessionId}`

export function createPages(app: FastifyInstance, tools: ConsoleTools): Pages {
  const enter = async (request: FastifyRequest, reply: FastifyReply, scope: AdminScope, isFresh: boolean) => {
    const back = request.method === 'GET' ? request.url : cameFrom(request)
    const who = await whoVisits(request, tools)
    if (!who) return sendToSignIn(reply, back, tools)
    const { session, visitor } = who
    if (!visitor) return sendError(request, reply, 403, noRole(session.username))
    visitor.require(scope)
    if (isFresh && visitor.person.authAgeSeconds >= freshSeconds)
      return sendToSignIn(reply, back, tools, { max_age: String(freshSeconds) })
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the routes declare no schema for their parameters
    const params = request.params as Record<string, string>
    requireWellFormed({ params })
    return { visitor, params, query: queryOf(request), csrf: tools.csrf.issue(subject(visitor.sessionId)) }
  }
  const addGet =
    (isFresh: boolean): Pages['get'] =>
    (url, scope, show) => {
      app.get(url, async (request, reply) => {
        const visit = await enter(request, reply, scope, isFresh)
        return 'visitor' in visit ? send(reply, visit, await show(visit)) : visit
      })
    }
  return {
    get: addGet(false),
    question: addGet(true),
    post: (url, scope, act) => {
      app.post(url, async (request, reply) => {
        requireSameOrigin(request, tools.issuer)
        const visit = await enter(request, reply, scope, true)
        if (!('visitor' in visit)) return visit
        const form = formOf(request)
        requireToken(tools.csrf.check(subject(visit.visitor.sessionId), form.get('csrf')))
        const result = await act({ ...visit, form })
        if ('goTo' in result) return reply.header('cache-control', 'no-store').redirect(result.goTo, 303)
        return send(reply, visit, result)
      })
    },
  }
}

function send(reply: FastifyReply, { visitor }: Visit, { section, title, body, status = 200 }: Shown): FastifyReply {
  allowPage(reply)
  const { username, role } = visitor
  const page = (
    <ConsolePage section={section} title={title} username={username} role={role}>
      {body}
    </ConsolePage>
  )
  return reply.status(status).send(renderPage(page))
}

/** The page of the console that a form was on. */
function cameFrom({ headers: { referer = '' } }: FastifyRequest): string {
  const { pathname, search } = URL.canParse(referer) ? new URL(referer) : { pathname: '', search: '' }
  return /^\/admin(?:\/|$)/.test(pathname) ? pathname + search : '/admin'
}

/** Answers the refusals of the procedures as pages for administrators. */
export function speakConsole(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => {
    if (!(error instanceof Problem)) return sendRefusal(error, request, reply)
    request.log.info({ reason: error.message }, 'refused')
    const { status, title } = problemTypes[error.type]
    return sendError(request, reply, status, {
      title: error.type === 'insufficient_scope' ? words.notAllowed : title,
      message: `${error.detail}.`,
      audience: 'administrator',
      action: { href: '/admin', label: words.backToOverview },
    })
  })
}
