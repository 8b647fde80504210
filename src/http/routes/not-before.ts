import type { FastifyInstance, FastifyRequest } from 'fastify'
import { parseParameters } from '../../domain/parameters.ts'
import { authenticateConfidentialClient } from '../../protocol/client-auth/authenticate.ts'
import { requireFeedToken } from '../../protocol/feed/access.ts'
import { notBefore } from '../../protocol/not-before.ts'
import { authorizationOf, bearerOf } from '../authorization.ts'
import type { HttpTools } from '../tools.ts'
import { documentOf, sendDocument } from './documents.ts'

/** GET /not-before: the lines that were drawn, for services that compare `iat`. Public, but for the lines of clients. */
export function notBeforeRoutes(app: FastifyInstance, tools: HttpTools): void {
  app.get('/not-before', async (request, reply) => {
    const isKnown = await mayReadClients(request, tools)
    const document = await notBefore(isKnown, tools)
    reply.header('vary', 'Authorization')
    return sendDocument(request, reply, documentOf(document), 'max-age=1', isKnown ? 'private' : 'public')
  })
}

async function mayReadClients(request: FastifyRequest, tools: HttpTools): Promise<boolean> {
  const { authorization } = authorizationOf(request)
  if (authorization === undefined) return false
  const bearer = bearerOf(request)
  if (bearer === undefined)
    await authenticateConfidentialClient({ authorization, parameters: parseParameters('') }, request.ip, tools)
  else await requireFeedToken(bearer, tools)
  return true
}
