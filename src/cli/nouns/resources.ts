import { resourceFields } from '../../domain/resource-definition.ts'
import type { Noun } from '../definition.ts'
import { optionsFor, unsetOption } from '../fields.ts'
import { limit, yes } from './options.ts'

const { identifier: _, ...fields } = resourceFields

/** Every member of a resource but its identifier. */
export const changeableFields = fields

export const resourceOptions = optionsFor(fields, {
  name: { help: 'what people are shown' },
  scopes: { option: 'scope', value: 'SCOPE', help: 'a scope of this API' },
  access_token_ttl_seconds: { option: 'access-token-ttl', value: 'SECONDS', help: 'how long tokens for it live' },
  signing_alg: { help: 'how tokens for it are signed' },
})

const identifier = {
  name: 'identifier',
  help: 'the aud of its tokens, such as https://api.example.com',
  member: 'identifier',
}

export const resourceNoun: Noun = {
  title: 'APIs',
  commands: [
    {
      name: 'resources create',
      summary: 'register an API that access tokens are for',
      arguments: [identifier],
      options: resourceOptions,
      examples: ['falconer resources create https://api.example.com --scope orders:read --scope orders:write'],
      scopes: ['clients:write'],
      load: async () => (await import('../commands/resources.ts')).create,
    },
    {
      name: 'resources list',
      summary: 'list the APIs',
      options: { limit },
      examples: ['falconer resources list'],
      scopes: ['clients:read'],
      load: async () => (await import('../commands/resources.ts')).list,
    },
    {
      name: 'resources show',
      summary: 'show an API',
      arguments: [identifier],
      examples: ['falconer resources show https://api.example.com'],
      scopes: ['clients:read'],
      load: async () => (await import('../commands/resources.ts')).show,
    },
    {
      name: 'resources update',
      summary: 'change an API; its scopes are replaced as a whole',
      arguments: [identifier],
      options: { ...resourceOptions, unset: unsetOption(fields) },
      examples: ['falconer resources update https://api.example.com --access-token-ttl 120'],
      scopes: ['clients:write'],
      load: async () => (await import('../commands/resources.ts')).update,
    },
    {
      name: 'resources delete',
      summary: 'delete an API; no more tokens are issued for it',
      arguments: [identifier],
      options: { yes },
      examples: ['falconer resources delete https://api.example.com'],
      scopes: ['clients:write'],
      load: async () => (await import('../commands/resources.ts')).remove,
    },
  ],
}
