import { adminRoleNames } from '../../domain/admin-role.ts'
import type { Noun } from '../definition.ts'
import { limit, userArgument } from './options.ts'

const role = { choices: adminRoleNames, member: 'role' } as const
const notes = ['admin may do everything, responder sees all and ends sessions, viewer sees all.']

export const administratorNoun: Noun = {
  title: 'Administrators',
  commands: [
    {
      name: 'admin link',
      summary: 'make a link by which somebody makes an account that may administer, once',
      options: {
        role: { type: 'string', value: 'ROLE', ...role, help: 'what the account may do; admin unless given' },
      },
      notes: [...notes, 'The link is good for a quarter of an hour. Whoever has it first makes the account.'],
      examples: ['falconer admin link', 'falconer admin link --role viewer'],
      scopes: ['admin'],
      load: async () => (await import('../commands/administrators.ts')).link,
    },
    {
      name: 'admin list',
      summary: 'list the people who may administer',
      options: { limit },
      examples: ['falconer admin list'],
      scopes: ['users:read'],
      load: async () => (await import('../commands/administrators.ts')).list,
    },
    {
      name: 'admin grant',
      summary: 'let a user administer',
      arguments: [userArgument, { name: 'role', help: 'what they may do', ...role }],
      notes,
      examples: ['falconer admin grant alice responder'],
      scopes: ['admin', 'users:read'],
      load: async () => (await import('../commands/administrators.ts')).grant,
    },
    {
      name: 'admin withdraw',
      summary: 'take the right to administer away, at once',
      arguments: [userArgument],
      examples: ['falconer admin withdraw alice'],
      scopes: ['admin', 'users:read'],
      load: async () => (await import('../commands/administrators.ts')).withdraw,
    },
  ],
}
