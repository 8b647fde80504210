import type { Noun } from '../definition.ts'
import { wait, yes } from './options.ts'

export const revocationNoun: Noun = {
  title: 'Ending things',
  commands: [
    {
      name: 'revoke',
      summary: 'end one thing with everything that hangs on it, exactly one',
      options: {
        session: { type: 'string', value: 'SID', member: 'session_id', help: 'a session with its online grants' },
        grant: { type: 'string', value: 'GID', member: 'grant_id', help: 'a grant' },
        user: {
          type: 'string',
          value: 'USER',
          member: 'user_id',
          help: 'everything of a user (id, user name or e-mail address)',
        },
        client: {
          type: 'string',
          value: 'ID',
          member: 'client_id',
          help: 'everything of a client; with --user, what that one has from this user',
        },
        jti: { type: 'string', value: 'JTI', member: 'jti', help: 'one access token' },
        kid: { type: 'string', value: 'KID', member: 'kid', help: 'everything that a key has signed' },
        all: { type: 'boolean', member: 'all', help: 'everything of everybody' },
        'dry-run': { type: 'boolean', member: 'dry_run', help: 'only count what would end' },
        reason: { type: 'string', member: 'reason', help: 'for the audit trail' },
        wait,
        yes,
      },
      notes: ['What hits many people (--client alone, --kid, --all) is counted first, and asks.'],
      examples: [
        'falconer revoke --user alice --reason "lost laptop" --wait 5',
        'falconer revoke --client shop-web --dry-run',
        'falconer revoke --user alice --client shop-web',
        'falconer revoke --all',
      ],
      scopes: ['sessions:revoke', 'users:read', 'admin'],
      load: async () => (await import('../commands/revoke.ts')).revoke,
    },
    {
      name: 'not-before show',
      summary: 'show the lines before which everything is dead',
      options: {
        user: {
          type: 'string',
          value: 'USER',
          member: 'id',
          help: 'the line of a user (id, user name or e-mail address)',
        },
        client: { type: 'string', value: 'ID', member: 'id', help: 'the line of a client' },
      },
      examples: ['falconer not-before show', 'falconer not-before show --user alice'],
      scopes: ['not-before:write', 'users:read'],
      load: async () => (await import('../commands/not-before.ts')).show,
    },
    {
      name: 'not-before set',
      summary: 'draw a line: what was authenticated before it is dead; it only moves forward',
      arguments: [
        { name: 'when', help: 'now, seconds since 1970, an instant, or a time ago (2h)', member: 'not_before' },
      ],
      options: {
        user: { type: 'string', value: 'USER', member: 'id', help: 'for a user (id, user name or e-mail address)' },
        client: { type: 'string', value: 'ID', member: 'id', help: 'for a client' },
        server: { type: 'boolean', help: 'for everybody' },
        wait,
        yes,
      },
      notes: ['A line for a client or for everybody asks first.'],
      examples: ['falconer not-before set now --client shop-web', 'falconer not-before set 2h --user alice'],
      scopes: ['not-before:write', 'users:read', 'admin'],
      load: async () => (await import('../commands/not-before.ts')).set,
    },
  ],
}
