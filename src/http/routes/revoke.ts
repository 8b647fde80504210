import type { FastifyInstance } from 'fastify'
import { authenticateClient } from '../../protocol/client-auth/authenticate.ts'
import { revoke } from '../../protocol/revocation.ts'
import { authorizationOf } from '../authorization.ts'
import { formOf } from '../form.ts'
import type { HttpTools } from '../tools.ts'

/** POST /revoke (RFC 7009 §2). */
export function revokeRoutes(app: FastifyInstance, tools: HttpTools): void {
  app.post('/revoke', async (request, reply) => {
    const parameters = formOf(request)
    const client = await authenticateClient({ ...authorizationOf(request), parameters }, request.ip, tools)
    const actor = { id: `client:${client.clientId}`, ip: request.ip, requestId: request.id }
    await revoke(parameters.required('token'), client, actor, tools)
    return reply.header('cache-control', 'no-store').status(200).send()
  })
}
