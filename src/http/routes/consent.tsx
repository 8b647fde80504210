import type { FastifyInstance, FastifyReply } from 'fastify'
import { formTargetsOf } from '../../domain/form-targets.ts'
import { type Answer, approve, decline, resume } from '../../protocol/authorize/authorize.ts'
import { sendAnswer, sendResponse } from '../answer.tsx'
import { browserOf, transactionOf } from '../browser.ts'
import { requireSameOrigin, requireToken } from '../csrf.ts'
import { sendExpired } from '../error-page.tsx'
import { formOf, queryOf } from '../form.ts'
import { allowPage } from '../security-headers.ts'
import type { HttpTools } from '../tools.ts'
import { ConsentPage } from '../views/consent.tsx'
import { renderPage } from '../views/render.ts'
import { scopeDescriptions } from '../views/text.ts'

type Asked = Answer & { kind: 'login' | 'consent' }

/** The form belongs to one transaction and one session: a consent page of someone who signed out is worth nothing. */
const subject = (handle: string, sessionId: string | undefined) => `consent:${handle}:${sessionId ?? ''}`

/** GET /consent asks, POST /consent takes the answer (OpenID Connect Core §3.1.2.4). */
export function consentRoutes(app: FastifyInstance, tools: HttpTools): void {
  app.get('/consent', async (request, reply) => {
    const key = transactionOf(request, queryOf(request).get('tx'), tools)
    const answer = key && (await resume(key, browserOf(request, tools), tools))
    if (!answer) return sendExpired(reply)
    return answer.kind === 'consent' ? sendConsent(reply, answer, tools) : sendAnswer(request, reply, answer, tools)
  })

  app.post('/consent', async (request, reply) => {
    requireSameOrigin(request, tools.issuer)
    const form = formOf(request)
    const key = transactionOf(request, form.get('tx'), tools)
    if (!key) return sendExpired(reply)
    const browser = browserOf(request, tools)
    const isTheirs = tools.csrf.check(subject(key.handle, browser.session?.id), form.get('csrf'))
    const decision = form.get('decision')
    const actor = { ip: request.ip, requestId: request.id }
    const answer = await (isTheirs && decision === 'deny'
      ? decline(key, tools, { session: browser.session, actor })
      : resume(key, browser, tools))
    if (!answer) return sendExpired(reply)
    // Signed out in another tab, or too late: the page was still right to be sent.
    if (answer.kind === 'login' || answer.kind === 'expired') return sendAnswer(request, reply, answer, tools)
    // Also where nothing is left to ask: whoever signed in meanwhile must not get a code by somebody else's yes.
    requireToken(isTheirs)
    if (answer.kind === 'response') return sendAnswer(request, reply, answer, tools)
    if (decision !== 'approve') return sendConsent(reply, answer, tools)
    const response = await approve({ ...answer, kind: 'consent' }, actor, tools)
    return response ? sendResponse(reply, response) : sendExpired(reply)
  })
}

function sendConsent(reply: FastifyReply, answer: Asked, tools: HttpTools): FastifyReply {
  const { client, request, key, session } = answer
  const scopes = request.scopes
    .filter((name) => name !== 'offline_access')
    .map((name) => ({
      name,
      description: Object.hasOwn(scopeDescriptions, name) ? (scopeDescriptions[name] ?? '') : '',
    }))
  allowPage(reply, { formTargets: formTargetsOf(request.redirectUri, client) })
  return reply.send(
    renderPage(
      <ConsentPage
        clientName={client.name ?? client.clientId}
        clientUri={client.clientUri}
        logoUri={client.logoUri}
        policyUri={client.policyUri}
        tosUri={client.tosUri}
        username={session?.username ?? ''}
        handle={key.handle}
        csrf={tools.csrf.issue(subject(key.handle, session?.id))}
        scopes={scopes}
        offline={request.offline}
      />,
    ),
  )
}
