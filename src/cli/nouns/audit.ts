import type { Noun, Options } from '../definition.ts'
import { limit, ofClient, ofUser } from './options.ts'

const filters: Options = {
  user: ofUser,
  client: ofClient,
  type: { type: 'string', member: 'type', help: 'of this type, such as client.created, or of some, such as login.*' },
  session: { type: 'string', value: 'SID', member: 'session_id', help: 'about this session' },
  grant: { type: 'string', value: 'GID', member: 'grant_id', help: 'about this grant' },
  target: { type: 'string', value: 'ID', member: 'target_id', help: 'about this thing, whatever it is' },
  actor: { type: 'string', value: 'WHO', member: 'actor', help: 'done by user:ID, client:ID or system' },
  request: { type: 'string', value: 'ID', member: 'request_id', help: 'of this request, which the log names too' },
  outcome: { type: 'string', choices: ['success', 'failure'], member: 'outcome', help: 'only these' },
  from: {
    type: 'string',
    value: 'WHEN',
    member: 'from',
    help: 'from then on: an instant (RFC 3339), a day, or a time ago (2h, 7d)',
  },
  to: { type: 'string', value: 'WHEN', member: 'to', help: 'before then' },
}

const { from: _, to: __, ...withoutTimes } = filters

export const auditNoun: Noun = {
  title: 'What happened',
  commands: [
    {
      name: 'audit tail',
      summary: 'show the latest audit events, the newest last; with --follow also what comes',
      options: {
        ...withoutTimes,
        limit: { ...limit, help: 'so many to begin with (20)' },
        follow: { type: 'boolean', short: 'f', help: 'go on until Ctrl-C' },
      },
      examples: ['falconer audit tail --follow', 'falconer audit tail --user alice --json | jq .type'],
      scopes: ['audit:read', 'users:read'],
      load: async () => (await import('../commands/audit.ts')).tail,
    },
    {
      name: 'audit list',
      summary: 'list audit events, the newest first',
      options: { ...filters, limit },
      examples: [
        'falconer audit list --from 7d --type user.disabled',
        'falconer audit list --client shop-web --limit 100',
      ],
      scopes: ['audit:read', 'users:read'],
      load: async () => (await import('../commands/audit.ts')).list,
    },
    {
      name: 'audit export',
      summary: 'write audit events as JSON, one on each line, the newest first',
      options: {
        ...filters,
        limit,
        output: { type: 'string', short: 'o', value: 'FILE', help: 'into this file (mode 0600)' },
      },
      examples: ['falconer audit export --from 2026-11-01 --to 2026-12-01 --output november.ndjson'],
      scopes: ['audit:read', 'users:read'],
      load: async () => (await import('../commands/audit.ts')).exportAll,
    },
    {
      name: 'audit verify',
      summary: 'check that the audit trail is as it was sealed; note the head that it prints somewhere else',
      options: {
        since: {
          type: 'string',
          value: 'HEAD',
          member: 'since',
          help: 'begin behind a head that was noted, if it is still there',
        },
      },
      notes: [
        'Without a noted head nobody can tell whether the end of the trail was cut off. Exit code 1 when something is missing or was changed.',
      ],
      examples: ['falconer audit verify', 'falconer audit verify --since "$(cat head.txt)"'],
      scopes: ['audit:read'],
      load: async () => (await import('../commands/audit-verify.ts')).verify,
    },
  ],
}
