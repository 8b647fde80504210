import { grantRole, makeSetupLink, readAdministrators, withdrawRole } from '../../admin/administrators.ts'
import { adminRoleNames } from '../../domain/admin-role.ts'
import { administrator, page, setupLink } from './answers.ts'
import type { AddRoute } from './route.ts'
import { object, value } from './schema.ts'
import { idParameter, listQuery, pageOf } from './shapes.ts'

const role = value(...adminRoleNames)
const listing = {
  operation: 'list_administrators',
  summary: 'Lists the people who may administer',
  querystring: listQuery({}),
  answer: page(administrator),
}
const granting = {
  operation: 'grant_admin_role',
  summary:
    'Lets a user administer; `admin` may do everything, `responder` sees all and ends sessions, `viewer` sees all',
  params: idParameter,
  body: object({ role }, {}),
  answer: administrator,
}
const withdrawal = {
  operation: 'withdraw_admin_role',
  summary: 'Takes the right to administer away, at once',
  params: idParameter,
}
const linking = {
  operation: 'create_setup_link',
  summary: 'Makes a link by which somebody makes an account that may administer: once, within a quarter of an hour',
  body: object({}, { role }),
  answer: setupLink,
  status: 201,
  isOneCommit: true,
} as const

/** People who administer, in place of clients. */
export function administratorRoutes(add: AddRoute): void {
  add('GET', '/administrators', 'users:read', listing, async ({ query }, _, tools) => ({
    body: await readAdministrators(pageOf(query), tools),
  }))
  add('PUT', '/administrators/:id', 'admin', granting, async ({ params, body }, { actor }, tools) => ({
    body: await grantRole(params.id, body.role, actor, tools),
  }))
  add('DELETE', '/administrators/:id', 'admin', withdrawal, async ({ params }, { actor }, tools) => {
    await withdrawRole(params.id, actor, tools)
    return {}
  })
  add('POST', '/setup-links', 'admin', linking, async ({ body }, { actor }, tools) => ({
    body: await makeSetupLink(body.role ?? 'admin', actor, tools),
  }))
}
