import { changeResource, readResource, readResources, registerResource, removeResource } from '../../admin/resources.ts'
import { resourceFields } from '../../domain/resource-definition.ts'
import { page, resource } from './answers.ts'
import type { AddRoute } from './route.ts'
import { documentOf, idParameter, listQuery, pageOf, versioned } from './shapes.ts'

const { identifier: _, ...changeable } = resourceFields

const registration = {
  operation: 'create_resource',
  summary: 'Registers a resource: an API that access tokens are for',
  body: documentOf(resourceFields),
  answer: resource,
  status: 201,
  isOneCommit: true,
} as const
const namedRegistration = {
  ...registration,
  operation: 'create_resource_at',
  summary: 'Registers a resource under the identifier in the path',
  params: idParameter,
}
const listing = {
  operation: 'list_resources',
  summary: 'Lists the resources by their identifiers',
  querystring: listQuery({}),
  answer: page(resource),
}
const one = { params: idParameter, answer: resource, isVersioned: true } as const
const reading = { operation: 'get_resource', summary: 'Reads a resource', ...one }
const change = {
  operation: 'update_resource',
  summary: 'Changes members of a resource',
  body: documentOf(changeable),
  ...one,
}
const removal = {
  operation: 'delete_resource',
  summary: 'Deletes a resource; its access tokens live to their end',
  params: idParameter,
}

/** Resources: the APIs that access tokens are for. `:id` is the identifier, percent-encoded. */
export function resourceRoutes(add: AddRoute): void {
  add('POST', '/resources', 'clients:write', registration, async ({ body }, { actor }, tools) => ({
    body: await registerResource(body, actor, tools),
  }))
  add('POST', '/resources/:id', 'clients:write', namedRegistration, async ({ params, body }, { actor }, tools) => ({
    body: await registerResource({ ...body, identifier: params.id }, actor, tools),
  }))
  add('GET', '/resources', 'clients:read', listing, async ({ query }, _, tools) => ({
    body: await readResources(pageOf(query), tools),
  }))
  add('GET', '/resources/:id', 'clients:read', reading, async ({ params }, _, tools) =>
    versioned(await readResource(params.id, tools)),
  )
  add('PATCH', '/resources/:id', 'clients:write', change, async ({ params, body, ifMatch }, { actor }, tools) =>
    versioned(await changeResource(params.id, body, actor, tools, ifMatch)),
  )
  add('DELETE', '/resources/:id', 'clients:write', removal, async ({ params }, { actor }, tools) => {
    await removeResource(params.id, actor, tools)
    return {}
  })
}
