import type { Noun } from '../definition.ts'
import { limit, ofClient, ofUser } from './options.ts'

const sid = { name: 'sid', help: 'the id of the session, as in the claim sid' } as const
const gid = { name: 'gid', help: 'the id of the grant, as in the claim gid' } as const

export const sessionNoun: Noun = {
  title: 'Who is signed in',
  commands: [
    {
      name: 'sessions list',
      summary: 'list the living sessions, the newest first',
      options: { user: ofUser, client: { ...ofClient, help: 'with a grant for this client' }, limit },
      examples: ['falconer sessions list --user alice', 'falconer sessions list --client shop-web --limit 20'],
      scopes: ['sessions:read', 'users:read'],
      load: async () => (await import('../commands/sessions.ts')).listSessions,
    },
    {
      name: 'sessions show',
      summary: 'show a session, also one that is over',
      arguments: [sid],
      examples: ['falconer sessions show 01a1fe9e-c886-79cd-b78b-9abc6782aa77'],
      scopes: ['sessions:read'],
      load: async () => (await import('../commands/sessions.ts')).showSession,
    },
    {
      name: 'sessions revoke',
      summary: 'end a session with its online grants and their tokens',
      arguments: [sid],
      examples: ['falconer sessions revoke 01a1fe9e-c886-79cd-b78b-9abc6782aa77'],
      scopes: ['sessions:revoke'],
      load: async () => (await import('../commands/sessions.ts')).revokeSession,
    },
    {
      name: 'sessions explain',
      summary: 'say whether a session is alive, why not, and what will end it',
      arguments: [sid],
      examples: ['falconer sessions explain 01a1fe9e-c886-79cd-b78b-9abc6782aa77'],
      scopes: ['sessions:read'],
      load: async () => (await import('../commands/explain.ts')).explainSession,
    },
    {
      name: 'grants list',
      summary: 'list the living grants, the newest first',
      options: {
        user: ofUser,
        client: ofClient,
        kind: { type: 'string', choices: ['online', 'offline'], help: 'with a session, or without' },
        limit,
      },
      examples: ['falconer grants list --user alice', 'falconer grants list --client shop-web --kind offline'],
      scopes: ['sessions:read', 'users:read'],
      load: async () => (await import('../commands/sessions.ts')).listGrants,
    },
    {
      name: 'grants show',
      summary: 'show a grant, also one that is over',
      arguments: [gid],
      examples: ['falconer grants show 01a1fe9e-c886-79cd-b78b-9abc6782aa77'],
      scopes: ['sessions:read'],
      load: async () => (await import('../commands/sessions.ts')).showGrant,
    },
    {
      name: 'grants revoke',
      summary: 'end a grant and its tokens',
      arguments: [gid],
      examples: ['falconer grants revoke 01a1fe9e-c886-79cd-b78b-9abc6782aa77'],
      scopes: ['sessions:revoke'],
      load: async () => (await import('../commands/sessions.ts')).revokeGrant,
    },
    {
      name: 'grants explain',
      summary: 'say whether a grant is alive and can be refreshed, why not, and what will end it',
      arguments: [gid],
      examples: ['falconer grants explain 01a1fe9e-c886-79cd-b78b-9abc6782aa77'],
      scopes: ['sessions:read'],
      load: async () => (await import('../commands/explain.ts')).explainGrant,
    },
  ],
}
