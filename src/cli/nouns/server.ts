import type { Noun } from '../definition.ts'

export const serverNoun: Noun = {
  title: 'The server',
  commands: [
    {
      name: 'serve',
      summary: 'start the server, as npm start does',
      loadRaw: async () => (await import('../serve.ts')).command,
    },
    {
      name: 'migrate',
      summary: 'bring the database of DATABASE_URL up to this release, as every start does',
      notes: [
        'Through a transaction pooler, DATABASE_DIRECT_URL names the same database past it. Several may run at once: one works.',
      ],
      examples: ['DATABASE_URL=postgresql://falconer@db.example.com/falconer falconer migrate'],
      load: async () => (await import('../commands/migrate.ts')).migrateDatabase,
    },
    {
      name: 'verify-proxy',
      summary: 'check access tokens for nginx, Envoy and services in any language',
      loadRaw: async () => (await import('../../verify-proxy/command.ts')).command,
    },
  ],
}
