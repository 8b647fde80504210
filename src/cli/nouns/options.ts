import type { OptionDefinition } from '../definition.ts'

/** Options that several commands have. */
export const limit: OptionDefinition = {
  type: 'string',
  short: 'n',
  value: 'N',
  help: 'at most so many; without it all, page by page',
}

export const yes: OptionDefinition = { type: 'boolean', short: 'y', help: 'do not ask' }

export const passwordStdin: OptionDefinition = {
  type: 'boolean',
  help: 'read the password from the standard input; otherwise it is asked for on the terminal',
}

export const wait: OptionDefinition = {
  type: 'string',
  value: 'SECONDS',
  help: 'wait for the verifiers, at most so long (30 at most), and tell where they stood',
}

export const ofUser: OptionDefinition = {
  type: 'string',
  value: 'USER',
  member: 'user_id',
  help: 'of this user: id, user name or e-mail address',
}

export const ofClient: OptionDefinition = { type: 'string', value: 'ID', member: 'client_id', help: 'of this client' }

/** Who is meant: an id needs no search, and no scope for one. */
export const userArgument = { name: 'user', help: 'id, user name or e-mail address' } as const
