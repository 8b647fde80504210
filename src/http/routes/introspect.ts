import type { FastifyInstance, FastifyRequest } from 'fastify'
import { OAuthError } from '../../domain/oauth-error.ts'
import type { Parameters } from '../../domain/parameters.ts'
import { authenticateConfidentialClient } from '../../protocol/client-auth/authenticate.ts'
import { type Inspector, introspect } from '../../protocol/introspection.ts'
import { requireAccessToken } from '../../protocol/tokens/verify.ts'
import { authorizationOf, bearerOf } from '../authorization.ts'
import { formOf } from '../form.ts'
import type { HttpTools } from '../tools.ts'

/** POST /introspect (RFC 7662 §2). */
export function introspectRoutes(app: FastifyInstance, tools: HttpTools): void {
  app.post('/introspect', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    const parameters = formOf(request)
    const inspector = await inspectorOf(request, parameters, tools)
    return introspect(parameters.required('token'), inspector, tools)
  })
}

/** A confidential client, or a bearer that may see every token. Bad credentials are an error, never `active: false`. */
async function inspectorOf(request: FastifyRequest, parameters: Parameters, tools: HttpTools): Promise<Inspector> {
  const bearer = bearerOf(request)
  if (bearer === undefined)
    return {
      client: await authenticateConfidentialClient({ ...authorizationOf(request), parameters }, request.ip, tools),
    }
  const { scopes } = await requireAccessToken(bearer, tools, { audience: tools.issuer })
  if (!scopes.includes('introspect:any'))
    throw new OAuthError('insufficient_scope', 'The scope introspect:any is needed')
  return { maySeeAny: true }
}
