import type { Document } from '../../domain/field.ts'
import { webhookFields } from '../../domain/webhook.ts'
import { printDocument } from '../columns.ts'
import { UsageError } from '../command.ts'
import type { Context, Handler } from '../definition.ts'
import { changesFrom, membersFrom } from '../fields.ts'
import { showList } from '../lists.ts'
import { changeOptions, creationOptions } from '../nouns/webhooks.ts'
import { confirm } from '../prompt.ts'
import { plain } from '../terminal.ts'

const pathOf = ([id = '']: readonly string[]): string => `/webhooks/${encodeURIComponent(id)}`

const show = ({ terminal }: Context, document: Document): Promise<void> =>
  terminal.isJson ? terminal.json(document) : printDocument(terminal, document)

export const create: Handler = async (context) => {
  const body = { url: context.args[0], ...membersFrom(context.given, creationOptions, webhookFields) }
  await show(context, await (await context.api()).call('POST', '/webhooks', 'settings:write', { body }))
  context.terminal.note('The secret is not shown again: keep it where the receiver checks its requests.')
}

export const list: Handler = (context) =>
  showList(context, {
    path: '/webhooks',
    scope: 'settings:read',
    name: 'webhooks',
    columns: [
      { title: 'ID', of: 'id' },
      { title: 'URL', of: 'url', isFlexible: true },
      { title: 'EVENTS', of: 'events', isFlexible: true },
      { title: 'DISABLED', of: 'disabled' },
      { title: 'DESCRIPTION', of: 'description', isFlexible: true, isOptional: true },
    ],
  })

export const update: Handler = async (context) => {
  const body = changesFrom(context.given, changeOptions, webhookFields)
  if (Object.keys(body).length === 0)
    throw new UsageError('Nothing to change was named.\nfalconer webhooks update --help lists what there is.')
  await show(context, await (await context.api()).call('PATCH', pathOf(context.args), 'settings:write', { body }))
}

export const rotateSecret: Handler = async (context) =>
  show(context, await (await context.api()).call('POST', `${pathOf(context.args)}/secrets`, 'settings:write'))

export const deliveries: Handler = (context) => {
  const state = context.given.text('state')
  return showList(context, {
    path: `${pathOf(context.args)}/deliveries`,
    scope: 'settings:read',
    query: state === undefined ? {} : { state },
    name: 'deliveries',
    columns: [
      { title: 'EVENT', of: 'event_id' },
      { title: 'TYPE', of: 'type', isFlexible: true },
      { title: 'STATE', of: 'state' },
      { title: 'TRIES', of: 'attempts' },
      { title: 'ANSWER', of: ({ last_status: status, last_error: error }) => status ?? error },
      { title: 'NEXT', of: 'next_attempt_at', isOptional: true },
    ],
  })
}

export const retry: Handler = async (context) => {
  const [, event = ''] = context.args
  const path = `${pathOf(context.args)}/deliveries/${encodeURIComponent(event)}`
  await show(context, await (await context.api()).call('POST', path, 'settings:write'))
}

export const remove: Handler = async (context) => {
  const [id = ''] = context.args
  await confirm(context, `The webhook ${plain(id)} will be deleted, with what it was not told yet.`, id)
  await (await context.api()).call('DELETE', pathOf(context.args), 'settings:write')
  context.terminal.note(`The webhook ${plain(id)} is deleted.`)
}
