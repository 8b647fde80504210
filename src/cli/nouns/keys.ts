import type { Noun } from '../definition.ts'
import { wait, yes } from './options.ts'

export const keyNoun: Noun = {
  title: 'Keys and tokens',
  commands: [
    {
      name: 'keys list',
      summary: 'list the signing keys with what they are for now',
      examples: ['falconer keys list'],
      scopes: ['keys:read'],
      load: async () => (await import('../commands/keys.ts')).list,
    },
    {
      name: 'keys rotate',
      summary: 'publish new signing keys now; they sign once everybody can know them',
      examples: ['falconer keys rotate'],
      scopes: ['keys:write'],
      load: async () => (await import('../commands/keys.ts')).rotate,
    },
    {
      name: 'keys compromise',
      summary: 'a key is in other hands: end everything that it has signed, at once',
      arguments: [{ name: 'kid', help: 'the id of the key', member: 'kid' }],
      options: { wait, yes },
      notes: [
        'Another key signs from then on. Sessions and grants go on: whoever has one gets new tokens at the next refresh.',
      ],
      examples: ['falconer keys compromise q2nYkLc8gP1wJm3Zf0sT5vXr7bDhEoUaIiKtWz9CxNQ --wait 5'],
      scopes: ['keys:read', 'keys:write', 'admin'],
      load: async () => (await import('../commands/keys.ts')).compromise,
    },
    {
      name: 'tokens inspect',
      summary: 'say what a token or a secret of this server is, and whether it is good',
      arguments: [
        { name: 'token', help: 'the token, or - for the standard input, where it stays out of the shell history' },
      ],
      options: {
        jwks: { type: 'string', value: 'FILE', help: 'check the signature with this JWK Set, without any connection' },
      },
      notes: [
        'The signature is checked with the keys of the server that is set, never of one that the token names. With credentials it also asks whether the token was revoked.',
        'Exit code 1 for what is not one of our tokens or has no good signature.',
      ],
      examples: ['falconer tokens inspect - < token.txt', 'pbpaste | falconer tokens inspect - --jwks jwks.json'],
      scopes: ['sessions:read'],
      load: async () => (await import('../tokens/inspect.ts')).inspect,
    },
  ],
}
