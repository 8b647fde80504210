import { userFields } from '../../domain/user-profile.ts'
import type { Noun } from '../definition.ts'
import { optionsFor, unsetOption } from '../fields.ts'
import { limit, passwordStdin, userArgument, wait, yes } from './options.ts'

const { username: _, ...fields } = userFields

/** Every member of a user but the name. */
export const profileFields = fields

export const userOptions = optionsFor(fields, {
  email: { value: 'ADDRESS', help: 'e-mail address; people may sign in with it' },
  email_verified: { help: 'the address was verified' },
  name: { help: 'full name' },
  birthdate: { value: 'YYYY-MM-DD', help: 'the claim of that name' },
  address: { help: 'the claim of that name, as an object' },
  picture: { value: 'URL', help: 'the claim of that name' },
  website: { value: 'URL', help: 'the claim of that name' },
  profile: { value: 'URL', help: 'the claim of that name: a page about the person' },
})

export const userNoun: Noun = {
  title: 'People',
  commands: [
    {
      name: 'users create',
      summary: 'register a person',
      arguments: [{ name: 'username', help: 'what the person signs in with', member: 'username' }],
      options: {
        'password-stdin': passwordStdin,
        'no-password': { type: 'boolean', help: 'none for now, and so no way to sign in with one' },
        ...userOptions,
      },
      examples: [
        'falconer users create alice --email alice@example.com --name "Alice Example"',
        'pass show alice | falconer users create alice --password-stdin',
      ],
      scopes: ['users:write'],
      load: async () => (await import('../commands/user-create.ts')).create,
    },
    {
      name: 'users list',
      summary: 'list people, those whose user name or e-mail address begins with a text',
      arguments: [
        {
          name: 'beginning',
          help: 'of a user name or e-mail address; everybody when it is left out',
          isOptional: true,
        },
      ],
      options: { limit },
      examples: ['falconer users list', 'falconer users list al --limit 20'],
      scopes: ['users:read'],
      load: async () => (await import('../commands/users.ts')).list,
    },
    {
      name: 'users show',
      summary: 'show a person',
      arguments: [userArgument],
      examples: ['falconer users show alice', 'falconer users show alice@example.com --json'],
      scopes: ['users:read'],
      load: async () => (await import('../commands/users.ts')).show,
    },
    {
      name: 'users update',
      summary: 'change the record of a person',
      arguments: [userArgument],
      options: {
        username: { type: 'string', member: 'username', help: 'another user name' },
        ...userOptions,
        unset: unsetOption(fields),
      },
      examples: ['falconer users update alice --email alice@example.org --email-verified'],
      scopes: ['users:read', 'users:write'],
      load: async () => (await import('../commands/user-create.ts')).update,
    },
    {
      name: 'users disable',
      summary: 'keep a person out, and end everything of theirs',
      arguments: [userArgument],
      examples: ['falconer users disable alice'],
      scopes: ['users:read', 'users:write'],
      load: async () => (await import('../commands/users.ts')).disable,
    },
    {
      name: 'users enable',
      summary: 'let a person in again; what was ended stays ended',
      arguments: [userArgument],
      examples: ['falconer users enable alice'],
      scopes: ['users:read', 'users:write'],
      load: async () => (await import('../commands/users.ts')).enable,
    },
    {
      name: 'users set-password',
      summary: 'set a password, and end whatever was reached with the one before',
      arguments: [userArgument],
      options: { 'password-stdin': passwordStdin },
      examples: [
        'falconer users set-password alice',
        'pass show alice | falconer users set-password alice --password-stdin',
      ],
      scopes: ['users:read', 'users:write'],
      load: async () => (await import('../commands/users.ts')).setPassword,
    },
    {
      name: 'users revoke-sessions',
      summary: 'sign a person out everywhere: sessions, grants and tokens',
      arguments: [userArgument],
      options: {
        reason: { type: 'string', member: 'reason', help: 'for the audit trail' },
        wait,
      },
      examples: ['falconer users revoke-sessions alice --reason "lost laptop" --wait 5'],
      scopes: ['users:read', 'sessions:revoke'],
      load: async () => (await import('../commands/users.ts')).revokeSessions,
    },
    {
      name: 'users export',
      summary: 'everything that is kept about a person, as JSON',
      arguments: [userArgument],
      options: { output: { type: 'string', short: 'o', value: 'FILE', help: 'write it into this file (mode 0600)' } },
      examples: ['falconer users export alice --output alice.json'],
      scopes: ['users:read', 'audit:read'],
      load: async () => (await import('../commands/users.ts')).exportAll,
    },
    {
      name: 'users erase',
      summary: 'end everything of a person and remove the personal data',
      arguments: [userArgument],
      options: { yes },
      examples: ['falconer users erase alice'],
      scopes: ['users:read', 'users:write'],
      load: async () => (await import('../commands/users.ts')).erase,
    },
  ],
}
