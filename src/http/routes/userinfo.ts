import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError } from '../../domain/oauth-error.ts'
import { userinfo } from '../../protocol/userinfo.ts'
import { bearerOf } from '../authorization.ts'
import { formOf } from '../form.ts'
import type { HttpTools } from '../tools.ts'

/** GET and POST /userinfo (OpenID Connect Core §5.3). */
export function userinfoRoutes(app: FastifyInstance, tools: HttpTools): void {
  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
    const tokens = [bearerOf(request), request.method === 'POST' ? formOf(request).get('access_token') : undefined]
    const [token, second] = tokens.filter((value) => value !== undefined)
    // RFC 6750 §2: one way of sending the token per request; §3.1: a request without one gets the bare challenge.
    if (second !== undefined) throw new OAuthError('invalid_request', 'Send the access token in one place')
    if (token === undefined)
      return reply.status(401).header('www-authenticate', 'Bearer').header('cache-control', 'no-store').send()
    reply.header('cache-control', 'no-store')
    return userinfo(token, tools)
  }
  app.get('/userinfo', answer)
  app.post('/userinfo', answer)
}
