import type { Handler } from '../definition.ts'
import { findUserId } from '../find-user.ts'
import { showList } from '../lists.ts'
import { plain } from '../terminal.ts'
import { exact } from '../times.ts'

export const link: Handler = async (context) => {
  const { terminal, given } = context
  const role = given.text('role')
  const body = role === undefined ? {} : { role }
  const made = await (await context.api()).call('POST', '/setup-links', 'admin', { body })
  if (terminal.isJson) return terminal.json(made)
  await terminal.print(String(made['url']))
  terminal.note(
    `Good once, until ${exact(String(made['expires_at']))}, for an account with the role ${String(made['role'])}.`,
  )
}

export const list: Handler = (context) =>
  showList(context, {
    path: '/administrators',
    scope: 'users:read',
    name: 'people who may administer',
    columns: [
      { title: 'USER', of: 'user_id' },
      { title: 'USER NAME', of: 'username', isFlexible: true },
      { title: 'ROLE', of: 'role' },
      { title: 'SINCE', of: 'granted_at', isOptional: true },
    ],
  })

export const grant: Handler = async (context) => {
  const [user = '', role = ''] = context.args
  const api = await context.api()
  const path = `/administrators/${await findUserId(api, user)}`
  const granted = await api.call('PUT', path, 'admin', { body: { role } })
  if (context.terminal.isJson) return context.terminal.json(granted)
  await context.terminal.print(`${plain(String(granted['username']))} has the role ${String(granted['role'])}.`)
}

export const withdraw: Handler = async (context) => {
  const [user = ''] = context.args
  const api = await context.api()
  await api.call('DELETE', `/administrators/${await findUserId(api, user)}`, 'admin')
  context.terminal.note(`${plain(user)} may not administer.`)
}
