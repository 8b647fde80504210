import type { Document } from '../../domain/field.ts'
import { userFields } from '../../domain/user-profile.ts'
import { printDocument } from '../columns.ts'
import { UsageError } from '../command.ts'
import type { Context, Handler } from '../definition.ts'
import { changesFrom, membersFrom } from '../fields.ts'
import { findUserId } from '../find-user.ts'
import { profileFields, userOptions } from '../nouns/users.ts'
import { readPassword } from '../prompt.ts'

const showUser = ({ terminal }: Context, user: Document): Promise<void> =>
  terminal.isJson ? terminal.json(user) : printDocument(terminal, user)

export const create: Handler = async (context) => {
  const { args, given } = context
  const profile = { username: args[0], ...membersFrom(given, userOptions, profileFields) }
  if (given.flag('no-password') && given.flag('password-stdin'))
    throw new UsageError('--no-password and --password-stdin were both given')
  const password = given.flag('no-password') ? {} : { password: await readPassword(context) }
  const body = { ...profile, ...password }
  await showUser(context, await (await context.api()).call('POST', '/users', 'users:write', { body }))
}

export const update: Handler = async (context) => {
  const { args, given } = context
  const username = given.text('username')
  const options = { ...userOptions, username: { type: 'string', help: '', member: 'username' } } as const
  const body = changesFrom(given, username === undefined ? userOptions : options, userFields)
  if (Object.keys(body).length === 0)
    throw new UsageError('Nothing to change was named.\nfalconer users update --help lists what there is.')
  const api = await context.api()
  const id = await findUserId(api, args[0] ?? '')
  await showUser(context, await api.call('PATCH', `/users/${id}`, 'users:write', { body }))
}
