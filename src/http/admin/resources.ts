import { changeResource, readResource, readResources, registerResource, removeResource } from '../../admin/resources.ts'
import type { AdminTools } from '../../admin/tools.ts'
import { resourceFields } from '../../domain/resource-definition.ts'
import type { AddRoute } from './router.ts'
import { documentOf, idParameter, listQuery, pageOf, versioned } from './shapes.ts'

const { identifier: _, ...changeable } = resourceFields

/** Resources: the APIs that access tokens are for. `:id` is the identifier, percent-encoded. */
export function resourceRoutes(add: AddRoute, tools: AdminTools): void {
  add('POST', '/resources', 'clients:write', { body: documentOf(resourceFields) }, async ({ body }, { actor }) => ({
    status: 201,
    body: await registerResource(body, actor, tools),
  }))
  const named = { params: idParameter, body: documentOf(resourceFields) }
  add('POST', '/resources/:id', 'clients:write', named, async ({ params, body }, { actor }) => ({
    status: 201,
    body: await registerResource({ ...body, identifier: params.id }, actor, tools),
  }))
  add('GET', '/resources', 'clients:read', { querystring: listQuery({}) }, async ({ query }) => ({
    body: await readResources(pageOf(query), tools),
  }))
  add('GET', '/resources/:id', 'clients:read', { params: idParameter }, async ({ params }) =>
    versioned(await readResource(params.id, tools)),
  )
  const change = { params: idParameter, body: documentOf(changeable) }
  add('PATCH', '/resources/:id', 'clients:write', change, async ({ params, body, ifMatch }, { actor }) =>
    versioned(await changeResource(params.id, body, actor, tools, ifMatch)),
  )
  add('DELETE', '/resources/:id', 'clients:write', { params: idParameter }, async ({ params }, { actor }) => {
    await removeResource(params.id, actor, tools)
    return {}
  })
}
