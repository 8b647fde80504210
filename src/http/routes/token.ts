import type { FastifyInstance } from 'fastify'
import { OAuthError } from '../../domain/oauth-error.ts'
import { authenticateClient } from '../../protocol/client-auth/authenticate.ts'
import type { GrantType } from '../../protocol/grant-types/grant-type.ts'
import { grantTypes } from '../../protocol/grant-types/index.ts'
import { authorizationOf } from '../authorization.ts'
import { formOf } from '../form.ts'
import type { HttpTools } from '../tools.ts'

/** POST /token: form -> client -> grant type -> tokens (RFC 6749 §3.2). */
export function tokenRoutes(app: FastifyInstance, tools: HttpTools): void {
  app.post('/token', async (request, reply) => {
    reply.header('cache-control', 'no-store') // RFC 6749 §5.1: a token must never be cached
    const parameters = formOf(request)
    const client = await authenticateClient({ ...authorizationOf(request), parameters }, request.ip, tools)
    const name = parameters.required('grant_type')
    const grantType: GrantType | undefined = Object.hasOwn(grantTypes, name)
      ? grantTypes[name as keyof typeof grantTypes]
      : undefined
    if (!grantType) throw new OAuthError('unsupported_grant_type', 'This grant_type is not supported')
    if (!client.grantTypes.includes(name))
      throw new OAuthError('unauthorized_client', 'This client may not use this grant_type')
    const actor = { id: `client:${client.clientId}`, ip: request.ip, requestId: request.id }
    return grantType({ client, parameters, actor }, tools)
  })
}
