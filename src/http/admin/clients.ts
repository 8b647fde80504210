import { rotateSecret } from '../../admin/client-secrets.ts'
import { changeClient, readClient, readClients, registerClient, removeClient } from '../../admin/clients.ts'
import type { AdminTools } from '../../admin/tools.ts'
import { clientFields, clientIdField, clientSecretField } from '../../domain/client-metadata.ts'
import type { AddRoute } from './router.ts'
import { integer, object, string } from './schema.ts'
import { documentOf, idParameter, listQuery, pageOf, versioned } from './shapes.ts'

const registration = documentOf({ client_id: clientIdField, client_secret: clientSecretField, ...clientFields })
const rotation = object(
  {},
  {
    client_secret: string({ minLength: 32, maxLength: 512 }),
    overlap_seconds: integer({
      minimum: 0,
      maximum: 2_592_000,
      default: 86_400,
      description: 'How long the secrets before it still work',
    }),
  },
)

/** Clients: applications that people and services use this server with. */
export function clientRoutes(add: AddRoute, tools: AdminTools): void {
  add('POST', '/clients', 'clients:write', { body: registration }, async ({ body }, { actor }) => {
    const client = await registerClient(body, actor, tools)
    const location = `${tools.issuer}/admin/v1/clients/${encodeURIComponent(String(client['client_id']))}`
    return { status: 201, body: client, headers: { location } }
  })
  add('GET', '/clients', 'clients:read', { querystring: listQuery({}) }, async ({ query }) => ({
    body: await readClients(pageOf(query), tools),
  }))
  add('GET', '/clients/:id', 'clients:read', { params: idParameter }, async ({ params }) =>
    versioned(await readClient(params.id, tools)),
  )
  const change = { params: idParameter, body: documentOf(clientFields) }
  add('PATCH', '/clients/:id', 'clients:write', change, async ({ params, body, ifMatch }, { actor }) =>
    versioned(await changeClient(params.id, body, actor, tools, ifMatch)),
  )
  add('DELETE', '/clients/:id', 'clients:write', { params: idParameter }, async ({ params }, { actor }) => {
    await removeClient(params.id, actor, tools)
    return {}
  })
  const secrets = { params: idParameter, body: rotation }
  add('POST', '/clients/:id/secrets', 'clients:write', secrets, async ({ params, body }, { actor }) => {
    const { client_secret: secret, overlap_seconds: overlapSeconds } = body
    const request = {
      ...(secret === undefined ? {} : { secret }),
      ...(overlapSeconds === undefined ? {} : { overlapSeconds }),
    }
    return { status: 201, body: await rotateSecret(params.id, request, actor, tools) }
  })
}
