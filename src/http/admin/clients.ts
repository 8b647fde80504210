import { rotateSecret } from '../../admin/client-secrets.ts'
import { changeClient, readClient, readClients, registerClient, removeClient } from '../../admin/clients.ts'
import { clientFields, clientIdField, clientSecretField } from '../../domain/client-metadata.ts'
import { requirePowerOverClient, requireScopesOf } from './access.ts'
import { clientSecret, client as document, page } from './answers.ts'
import type { AddRoute } from './route.ts'
import { integer, object, string } from './schema.ts'
import { documentOf, idParameter, listQuery, pageOf, versioned } from './shapes.ts'

const registration = {
  operation: 'create_client',
  summary: 'Registers a client',
  body: documentOf({ client_id: clientIdField, client_secret: clientSecretField, ...clientFields }),
  answer: document,
  status: 201,
  isOneCommit: true,
} as const
const listing = {
  operation: 'list_clients',
  summary: 'Lists the clients, the oldest first',
  querystring: listQuery({}),
  answer: page(document),
}
const one = { params: idParameter, answer: document, isVersioned: true } as const
const reading = { operation: 'get_client', summary: 'Reads a client', ...one }
const change = {
  operation: 'update_client',
  summary: 'Changes members of a client; disabling it ends everything of it',
  body: documentOf(clientFields),
  ...one,
}
const removal = {
  operation: 'delete_client',
  summary: 'Ends everything of a client and deletes it',
  params: idParameter,
}
const rotation = {
  operation: 'create_client_secret',
  summary: 'Gives a client another secret',
  params: idParameter,
  body: object(
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
  ),
  answer: clientSecret,
  status: 201,
  isOneCommit: true,
} as const

/** Clients: applications that people and services use this server with. */
export function clientRoutes(add: AddRoute): void {
  add('POST', '/clients', 'clients:write', registration, async ({ body }, caller, tools) => {
    requireScopesOf(body['scope'], caller)
    const client = await registerClient(body, caller.actor, tools)
    const location = `${tools.issuer}/admin/v1/clients/${encodeURIComponent(String(client['client_id']))}`
    return { body: client, headers: { location } }
  })
  add('GET', '/clients', 'clients:read', listing, async ({ query }, _, tools) => ({
    body: await readClients(pageOf(query), tools),
  }))
  add('GET', '/clients/:id', 'clients:read', reading, async ({ params }, _, tools) =>
    versioned(await readClient(params.id, tools)),
  )
  add('PATCH', '/clients/:id', 'clients:write', change, async ({ params, body, ifMatch }, caller, tools) => {
    requireScopesOf(body['scope'], caller)
    await requirePowerOverClient(params.id, caller, tools)
    return versioned(await changeClient(params.id, body, caller.actor, tools, ifMatch))
  })
  add('DELETE', '/clients/:id', 'clients:write', removal, async ({ params }, caller, tools) => {
    await requirePowerOverClient(params.id, caller, tools)
    await removeClient(params.id, caller.actor, tools)
    return {}
  })
  add('POST', '/clients/:id/secrets', 'clients:write', rotation, async ({ params, body }, caller, tools) => {
    await requirePowerOverClient(params.id, caller, tools)
    const { client_secret: secret, overlap_seconds: overlapSeconds } = body
    const request = {
      ...(secret === undefined ? {} : { secret }),
      ...(overlapSeconds === undefined ? {} : { overlapSeconds }),
    }
    return { body: await rotateSecret(params.id, request, caller.actor, tools) }
  })
}
