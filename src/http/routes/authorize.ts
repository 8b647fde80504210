import type { FastifyInstance } from 'fastify'
import { authorize, setAside } from '../../protocol/authorize/authorize.ts'
import { sendAnswer } from '../answer.tsx'
import { browserOf } from '../browser.ts'
import { bodyOf, queryOf } from '../form.ts'
import type { HttpTools } from '../tools.ts'

/** GET and POST /authorize (RFC 6749 §3.1, OpenID Connect Core §3.1.2). */
export function authorizeRoutes(app: FastifyInstance, tools: HttpTools): void {
  app.get('/authorize', async (request, reply) => {
    const answer = await authorize(queryOf(request), browserOf(request, tools), tools)
    return sendAnswer(request, reply, answer, tools)
  })

  // The browser keeps SameSite=Lax cookies back from a POST of another site, so the request is set aside and taken up by a GET.
  app.post('/authorize', async (request, reply) => {
    const answer = await setAside(bodyOf(request), browserOf(request, tools), tools)
    return sendAnswer(request, reply, answer, tools)
  })
}
