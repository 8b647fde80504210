import type { Document } from '../../domain/field.ts'
import { printDocument } from '../columns.ts'
import type { Context, Handler } from '../definition.ts'
import { findUser, findUserId } from '../find-user.ts'
import { showList } from '../lists.ts'
import { createPrivateFile } from '../private-file.ts'
import { confirm, readPassword } from '../prompt.ts'
import { plain } from '../terminal.ts'
import { describeRevocation } from './receipt.ts'

export const list: Handler = (context) =>
  showList(context, {
    path: '/users',
    scope: 'users:read',
    query: { query: context.args[0] },
    name: 'such people',
    columns: [
      { title: 'ID', of: 'id' },
      { title: 'USER NAME', of: 'username', isFlexible: true },
      { title: 'E-MAIL', of: 'email', isFlexible: true },
      { title: 'STATE', of: ({ disabled }) => (disabled === true ? 'disabled' : 'enabled') },
      { title: 'CREATED', of: 'created_at', isOptional: true },
    ],
  })

export const show: Handler = async (context) =>
  showUser(context, await findUser(await context.api(), context.args[0] ?? ''))

const showUser = ({ terminal }: Context, user: Document): Promise<void> =>
  terminal.isJson ? terminal.json(user) : printDocument(terminal, user)

async function setState(context: Context, verb: 'disable' | 'enable'): Promise<void> {
  const api = await context.api()
  const id = await findUserId(api, context.args[0] ?? '')
  const user = await api.call('POST', `/users/${id}/${verb}`, 'users:write')
  if (context.terminal.isJson) return context.terminal.json(user)
  const name = plain(String(user['username']))
  const what =
    verb === 'disable' ? `${name} is disabled, and everything of theirs has ended.` : `${name} may sign in again.`
  await context.terminal.print(what)
}

export const disable: Handler = (context) => setState(context, 'disable')
export const enable: Handler = (context) => setState(context, 'enable')

export const setPassword: Handler = async (context) => {
  const api = await context.api()
  // First, so that nobody types a password for a person who is not there.
  const user = await findUser(api, context.args[0] ?? '')
  const password = await readPassword(context)
  await api.call('POST', `/users/${String(user['id'])}/password`, 'users:write', { body: { password } })
  const name = plain(String(user['username']))
  context.terminal.note(`${name} has a new password, and whatever was reached with the old one has ended.`)
}

export const revokeSessions: Handler = async (context) => {
  const { args, given, terminal } = context
  const api = await context.api()
  const reason = given.text('reason')
  const waitSeconds = given.number('wait', { min: 1, max: 30 })
  const body = { user_id: await findUserId(api, args[0] ?? ''), ...(reason === undefined ? {} : { reason }) }
  const revoked = await api.call('POST', '/revocations', 'sessions:revoke', { body, waitSeconds })
  await (terminal.isJson ? terminal.json(revoked) : describeRevocation(terminal, revoked))
}

export const exportAll: Handler = async (context) => {
  const { args, given, terminal } = context
  const output = given.text('output')
  const api = await context.api()
  const id = await findUserId(api, args[0] ?? '')
  const kept = await api.get(`/users/${id}/export`, ['users:read', 'audit:read'])
  if (output === undefined) return terminal.json(kept)
  const file = createPrivateFile(output)
  await file.write(`${JSON.stringify(kept, null, 2)}\n`)
  await file.close()
  terminal.note(`Written to ${output}.`)
}

export const erase: Handler = async (context) => {
  const api = await context.api()
  const user = await findUser(api, context.args[0] ?? '')
  const name = String(user['username'])
  await confirm(context, `Everything of ${plain(name)} will end, and the personal data will be removed for good.`, name)
  await api.call('DELETE', `/users/${String(user['id'])}`, 'users:write')
  context.terminal.note(`${plain(name)} is erased.`)
}
