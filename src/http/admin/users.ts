import { disableUser, enableUser, removeUser, resetPassword } from '../../admin/user-events.ts'
import { exportUser } from '../../admin/user-export.ts'
import { changeUser, readUser, readUsers, registerUser } from '../../admin/users.ts'
import { text as textField } from '../../domain/field.ts'
import { userFields } from '../../domain/user-profile.ts'
import { requirePowerOver } from './access.ts'
import { page, user, userExport } from './answers.ts'
import type { AddRoute } from './route.ts'
import { object, string } from './schema.ts'
import { documentOf, idParameter, listQuery, pageOf, text, versioned } from './shapes.ts'

const registration = {
  operation: 'create_user',
  summary: 'Makes a user',
  body: documentOf({ ...userFields, password: textField(1024) }),
  answer: user,
  status: 201,
  isOneCommit: true,
} as const
const beginning = { ...text, description: 'The beginning of a user name or an e-mail address' }
const listing = {
  operation: 'list_users',
  summary: 'Lists the users, the oldest first; with a query those whose name or address begins with it, in its order',
  querystring: listQuery({ query: beginning }),
  answer: page(user),
}
const one = { params: idParameter, answer: user, isVersioned: true } as const
const reading = { operation: 'get_user', summary: 'Reads a user', ...one }
const change = { operation: 'update_user', summary: 'Changes members of a user', body: documentOf(userFields), ...one }
const removal = {
  operation: 'delete_user',
  summary: 'Ends everything of a user and erases the personal data',
  params: idParameter,
}
const reset = {
  operation: 'reset_user_password',
  summary: 'Sets the password of a user and ends everything that was reached with the one before',
  params: idParameter,
  // Its length in bytes and characters is checked where it is hashed.
  body: object({ password: string({ maxLength: 1024 }) }, {}),
  isOneCommit: true,
} as const
const turned = { params: idParameter, answer: user, isOneCommit: true } as const
const disabling = {
  operation: 'disable_user',
  summary: 'Ends everything of a user and keeps the user out',
  ...turned,
}
const enabling = { operation: 'enable_user', summary: 'Lets a user in again', ...turned }
const exporting = {
  operation: 'export_user',
  summary: 'Everything that is known about a user',
  params: idParameter,
  answer: userExport,
  furtherScope: { scope: 'audit:read' },
} as const

/** Users: the people who sign in. */
export function userRoutes(add: AddRoute): void {
  add('POST', '/users', 'users:write', registration, async ({ body }, { actor }, tools) => {
    const made = await registerUser(body, actor, tools)
    return { body: made, headers: { location: `${tools.issuer}/admin/v1/users/${String(made['id'])}` } }
  })
  add('GET', '/users', 'users:read', listing, async ({ query }, _, tools) => ({
    body: await readUsers({ ...pageOf(query), ...(query.query === undefined ? {} : { query: query.query }) }, tools),
  }))
  add('GET', '/users/:id', 'users:read', reading, async ({ params }, _, tools) =>
    versioned(await readUser(params.id, tools)),
  )
  add('PATCH', '/users/:id', 'users:write', change, async ({ params, body, ifMatch }, caller, tools) => {
    await requirePowerOver(params.id, caller, tools)
    return versioned(await changeUser(params.id, body, caller.actor, tools, ifMatch))
  })
  add('DELETE', '/users/:id', 'users:write', removal, async ({ params }, caller, tools) => {
    await requirePowerOver(params.id, caller, tools)
    await removeUser(params.id, caller.actor, tools)
    return {}
  })
  add('POST', '/users/:id/password', 'users:write', reset, async ({ params, body }, caller, tools) => {
    await requirePowerOver(params.id, caller, tools)
    await resetPassword(params.id, body.password, caller.actor, tools)
    return {}
  })
  add('POST', '/users/:id/disable', 'users:write', disabling, async ({ params }, caller, tools) => {
    await requirePowerOver(params.id, caller, tools)
    return { body: await disableUser(params.id, caller.actor, tools) }
  })
  add('POST', '/users/:id/enable', 'users:write', enabling, async ({ params }, caller, tools) => {
    await requirePowerOver(params.id, caller, tools)
    return { body: await enableUser(params.id, caller.actor, tools) }
  })
  add('GET', '/users/:id/export', 'users:read', exporting, async ({ params }, { actor }, tools) => ({
    body: await exportUser(params.id, actor, tools),
  }))
}
