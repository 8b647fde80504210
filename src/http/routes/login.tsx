import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { formTargetsOf } from '../../domain/form-targets.ts'
import { signIn } from '../../login/sign-in.ts'
import { type Answer, decline, goOn, restart, resume } from '../../protocol/authorize/authorize.ts'
import { sendAnswer } from '../answer.tsx'
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
    if (form.get('action') === 'cancel') {
      const declined = await decline(key, tools)
      return declined ? sendAnswer(request, reply, declined, tools) : sendExpired(reply)
    }
    const answer = await resume(key, browserOf(request, tools), tools, form.get('username'))
    if (!answer) return sendExpired(reply)
    if (answer.kind !== 'login') return sendAnswer(request, reply, answer, tools) // finished in another tab, or sent twice
    const fields = new Map(['username', 'password'].map((name) => [name, form.get(name) ?? '']))
    return takeCredentials(request, reply, answer, { fields, remember: form.get('remember_me') === 'on' }, tools)
  })
}

/** What may be told apart from a wrong password. Of the session limit only someone hears who knew the password. */
const refusals: Readonly<Record<string, { status: number; error?: string; locked?: boolean }>> = {
  limit: { status: 429, locked: true },
  session_limit: { status: 403, error: text.login.sessionLimit },
}

async function takeCredentials(
  request: FastifyRequest,
  reply: FastifyReply,
  answer: Answer & { kind: 'login' | 'consent' },
  { fields, remember }: { fields: ReadonlyMap<string, string>; remember: boolean },
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
      remember,
      ...(madeSessionId ? { madeSessionId } : {}),
    },
    tools,
  )
  if ('refused' in result) {
    request.log.info({ reason: result.refused }, 'login refused')
    const { status, ...shown } = refusals[result.refused] ?? { status: 401, error: text.login.wrong }
    reply.status(status)
    return sendLogin(reply, answer, { username: fields.get('username'), remember, ...shown }, tools)
  }
  tools.cookies.writeSession(reply, result.cookie)
  const next = await goOn(answer, result.session, browserOf(request, tools), tools)
  return sendAnswer(request, reply, next, tools)
}

function sendLogin(
  reply: FastifyReply,
  { key, request, client, session, offersRememberMe }: Answer & { kind: 'login' | 'consent' },
  shown: { username?: string | undefined; remember?: boolean; error?: string; locked?: boolean },
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
        mayBeRemembered={offersRememberMe === true && session === undefined}
        {...shown}
        username={shown.username ?? request.loginHint}
      />,
    ),
  )
}
