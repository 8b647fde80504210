import type { AdminTools } from '../../admin/tools.ts'
import { disableUser, enableUser, removeUser, resetPassword } from '../../admin/user-events.ts'
import { changeUser, readUser, readUsers, registerUser } from '../../admin/users.ts'
import { text as textField } from '../../domain/field.ts'
import { userFields } from '../../domain/user-profile.ts'
import type { AddRoute } from './router.ts'
import { object, string } from './schema.ts'
import { documentOf, idParameter, listQuery, pageOf, text, versioned } from './shapes.ts'

// Its length in bytes and characters is checked where it is hashed.
const password = string({ maxLength: 1024 })

/** Users: the people who sign in. */
export function userRoutes(add: AddRoute, tools: AdminTools): void {
  const registration = documentOf({ ...userFields, password: textField(1024) })
  add('POST', '/users', 'users:write', { body: registration }, async ({ body }, { actor }) => {
    const user = await registerUser(body, actor, tools)
    return { status: 201, body: user, headers: { location: `${tools.issuer}/admin/v1/users/${String(user['id'])}` } }
  })
  add('GET', '/users', 'users:read', { querystring: listQuery({ query: text }) }, async ({ query }) => ({
    body: await readUsers({ ...pageOf(query), ...(query.query === undefined ? {} : { query: query.query }) }, tools),
  }))
  add('GET', '/users/:id', 'users:read', { params: idParameter }, async ({ params }) =>
    versioned(await readUser(params.id, tools)),
  )
  const change = { params: idParameter, body: documentOf(userFields) }
  add('PATCH', '/users/:id', 'users:write', change, async ({ params, body, ifMatch }, { actor }) =>
    versioned(await changeUser(params.id, body, actor, tools, ifMatch)),
  )
  add('DELETE', '/users/:id', 'users:write', { params: idParameter }, async ({ params }, { actor }) => {
    await removeUser(params.id, actor, tools)
    return {}
  })
  const reset = { params: idParameter, body: object({ password }, {}) }
  add('POST', '/users/:id/password', 'users:write', reset, async ({ params, body }, { actor }) => {
    await resetPassword(params.id, body.password, actor, tools)
    return {}
  })
  add('POST', '/users/:id/disable', 'users:write', { params: idParameter }, async ({ params }, { actor }) => ({
    body: await disableUser(params.id, actor, tools),
  }))
  add('POST', '/users/:id/enable', 'users:write', { params: idParameter }, async ({ params }, { actor }) => ({
    body: await enableUser(params.id, actor, tools),
  }))
}
