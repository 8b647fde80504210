import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { formTargetsOf } from '../../domain/form-targets.ts'
import { signIn } from '../../login/sign-in.ts'
import { type Answer, cancelled, restart, resume } from '../../protocol/authorize/authorize.ts'
import { sendAnswer, sendResponse } from '../answer.tsx'
import { browserOf, transactionOf } from '../browser.ts'
import { requireSameOrigin, requireToken } from '../csrf.ts'
import { sendExpired } from '../error-page.tsx'
import { formOf, queryOf } from '../form.ts'
import { allowPage } from '../security-headers.ts'
import type { HttpTools } from '../tools.ts'
import { LoginPage } from '../views/login.tsx'
import { renderPage } from '../views/render.ts'
import { text } from '../views/text.ts'

const subject = (handle: string) => `login:${handle}`

/** GET /login shows the sign-in page of a login transaction, POST /login takes the form, /login/again begins an expired one anew. */
export function loginRoutes(app: FastifyInstance, tools: HttpTools): void {
  app.get('/login', async (request, reply) => {
    const key = transactionOf(request, queryOf(request).get('tx'), tools)
    const answer = key && (await resume(key, browserOf(request, tools), tools))
    if (!answer) return sendExpired(reply)
    return answer.kind === 'login' ? sendLogin(reply, answer, {}, tools) : sendAnswer(request, reply, answer, tools)
  })

  app.get('/login/again', async (request, reply) => {
    const key = transactionOf(request, queryOf(request).get('tx'), tools)
    const answer = key && (await restart(key, browserOf(request, tools), tools))
    return answer ? sendAnswer(request, reply, answer, tools) : sendExpired(reply)
  })

  app.post('/login', async (request, reply) => {
    requireSameOrigin(request, tools.issuer)
    const form = formOf(request)
    const key = transactionOf(request, form.get('tx'), tools)
    if (!key) return sendExpired(reply)
    requireToken(tools.csrf.check(subject(key.handle), form.get('csrf')))
    const isCancel = form.get('action') === 'cancel'
    const answer = await resume(key, browserOf(request, tools), tools, isCancel ? undefined : form.get('username'))
    if (!answer) return sendExpired(reply)
    if (answer.kind !== 'login') return sendAnswer(request, reply, answer, tools) // finished in another tab, or sent twice
    if (isCancel) return sendResponse(reply, cancelled(answer.request, tools))
    const fields = new Map(['username', 'password'].map((name) => [name, form.get(name) ?? '']))
    return takeCredentials(request, reply, answer, fields, tools)
  })
}

async function takeCredentials(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: Answer & { kind: 'login' | 'consent' },
  fields: ReadonlyMap<string, string>,
  tools: HttpTools,
): Promise<FastifyReply> {
  const userAgent = request.headers['user-agent']
  const { key, session, madeSessionId } = answer
  const result = await signIn(
    {
      fields,
      address: request.ip,
      userAgent,
      requestId: request.id,
      handle: key.handle,
      session,
      ...(madeSessionId ? { madeSessionId } : {}),
    },
    tools,
  )
  if ('refused' in result) {
    request.log.info({ reason: result.refused }, 'login refused')
    const locked = result.refused === 'limit'
    reply.status(locked ? 429 : 401)
    return sendLogin(
      reply,
      answer,
      { username: fields.get('username'), ...(locked ? { locked } : { error: text.login.wrong }) },
      tools,
    )
  }
  tools.cookies.writeSession(reply, result.cookie)
  const browser = { ...browserOf(request, tools), session: tools.cookies.asRead(result.cookie) }
  const next = await resume(key, browser, tools)
  return next ? sendAnswer(request, reply, next, tools) : sendExpired(reply)
}

function sendLogin(
  reply: FastifyReply,
  { key, request, client }: Answer & { kind: 'login' | 'consent' },
  shown: { username?: string | undefined; error?: string; locked?: boolean },
  tools: HttpTools,
): FastifyReply {
  allowPage(reply, { formTargets: formTargetsOf(request.redirectUri, client) })
  return reply.send(
    renderPage(
      <LoginPage
        clientName={client.name ?? client.clientId}
        clientUri={client.clientUri}
        logoUri={client.logoUri}
        handle={key.handle}
        csrf={tools.csrf.issue(subject(key.handle))}
        {...shown}
        username={shown.username ?? request.loginHint}
      />,
    ),
  )
}
