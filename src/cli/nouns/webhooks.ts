import { webhookFields } from '../../domain/webhook.ts'
import type { Noun } from '../definition.ts'
import { optionsFor, unsetOption } from '../fields.ts'
import { limit, yes } from './options.ts'

const { url: _, ...described } = webhookFields

const wordings = {
  url: { value: 'URL', help: 'where the events go' },
  events: {
    option: 'event',
    value: 'TYPE',
    help: 'a type of events such as session.created, the beginning of some such as session.*, or *',
  },
  description: { help: 'what it is for' },
  disabled: { help: 'it is told nothing, and nothing of this time later' },
}

export const creationOptions = optionsFor(described, wordings)
export const changeOptions = optionsFor(webhookFields, wordings)

const id = { name: 'id', help: 'the id of the webhook' }

export const webhookNoun: Noun = {
  title: 'Webhooks',
  commands: [
    {
      name: 'webhooks create',
      summary: 'have a server told of events; prints the secret that it checks them with, once',
      arguments: [{ name: 'url', help: 'where the events go, by https', member: 'url' }],
      options: creationOptions,
      notes: [
        'Without --event it hears of sessions, grants, users and keys. Requests are signed as Standard Webhooks (webhook-id, webhook-timestamp, webhook-signature) and are tried again for about a day. The same webhook-id may come twice.',
        'Private addresses are refused unless OUTBOUND_ALLOW of the server names them.',
      ],
      examples: ['falconer webhooks create https://hooks.example.com/falconer --event session.* --event user.disabled'],
      scopes: ['settings:write'],
      load: async () => (await import('../commands/webhooks.ts')).create,
    },
    {
      name: 'webhooks list',
      summary: 'list the webhooks',
      options: { limit },
      examples: ['falconer webhooks list'],
      scopes: ['settings:read'],
      load: async () => (await import('../commands/webhooks.ts')).list,
    },
    {
      name: 'webhooks update',
      summary: 'change a webhook; its types of events are replaced as a whole',
      arguments: [id],
      options: { ...changeOptions, unset: unsetOption(described) },
      examples: ['falconer webhooks update 0197f3c2-8a41-7d60-9c1e-5b7d2f0a4e13 --disabled'],
      scopes: ['settings:write'],
      load: async () => (await import('../commands/webhooks.ts')).update,
    },
    {
      name: 'webhooks rotate-secret',
      summary: 'give a webhook a new secret, at once',
      arguments: [id],
      examples: ['falconer webhooks rotate-secret 0197f3c2-8a41-7d60-9c1e-5b7d2f0a4e13'],
      scopes: ['settings:write'],
      load: async () => (await import('../commands/webhooks.ts')).rotateSecret,
    },
    {
      name: 'webhooks deliveries',
      summary: 'list what a webhook was told, and what it still has to be told',
      arguments: [id],
      options: {
        state: { type: 'string', choices: ['pending', 'delivered', 'failed'], help: 'only these', member: 'state' },
        limit,
      },
      examples: ['falconer webhooks deliveries 0197f3c2-8a41-7d60-9c1e-5b7d2f0a4e13 --state failed'],
      scopes: ['settings:read'],
      load: async () => (await import('../commands/webhooks.ts')).deliveries,
    },
    {
      name: 'webhooks retry',
      summary: 'send an event again',
      arguments: [id, { name: 'event', help: 'the id of the event' }],
      examples: ['falconer webhooks retry 0197f3c2-8a41-7d60-9c1e-5b7d2f0a4e13 0197f3c4-11d0-7b52-8e07-3c6a9d2b5f48'],
      scopes: ['settings:write'],
      load: async () => (await import('../commands/webhooks.ts')).retry,
    },
    {
      name: 'webhooks delete',
      summary: 'delete a webhook with its deliveries',
      arguments: [id],
      options: { yes },
      examples: ['falconer webhooks delete 0197f3c2-8a41-7d60-9c1e-5b7d2f0a4e13'],
      scopes: ['settings:write'],
      load: async () => (await import('../commands/webhooks.ts')).remove,
    },
  ],
}
