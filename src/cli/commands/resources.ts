import type { Document } from '../../domain/field.ts'
import { printDocument } from '../columns.ts'
import { UsageError } from '../command.ts'
import type { Context, Handler } from '../definition.ts'
import { changesFrom, membersFrom } from '../fields.ts'
import { showList } from '../lists.ts'
import { changeableFields, resourceOptions } from '../nouns/resources.ts'
import { confirm } from '../prompt.ts'
import { plain } from '../terminal.ts'

const pathOf = ([identifier = '']: readonly string[]): string => `/resources/${encodeURIComponent(identifier)}`

const showResource = ({ terminal }: Context, resource: Document): Promise<void> =>
  terminal.isJson ? terminal.json(resource) : printDocument(terminal, resource)

export const create: Handler = async (context) => {
  const body = { identifier: context.args[0], ...membersFrom(context.given, resourceOptions, changeableFields) }
  await showResource(context, await (await context.api()).call('POST', '/resources', 'clients:write', { body }))
}

export const list: Handler = (context) =>
  showList(context, {
    path: '/resources',
    scope: 'clients:read',
    name: 'APIs',
    columns: [
      { title: 'IDENTIFIER', of: 'identifier' },
      { title: 'NAME', of: 'name', isFlexible: true },
      { title: 'SCOPES', of: 'scopes', isFlexible: true },
      { title: 'ALG', of: 'signing_alg', isOptional: true },
    ],
  })

export const show: Handler = async (context) =>
  showResource(context, await (await context.api()).get(pathOf(context.args), 'clients:read'))

export const update: Handler = async (context) => {
  const body = changesFrom(context.given, resourceOptions, changeableFields)
  if (Object.keys(body).length === 0)
    throw new UsageError('Nothing to change was named.\nfalconer resources update --help lists what there is.')
  await showResource(
    context,
    await (await context.api()).call('PATCH', pathOf(context.args), 'clients:write', { body }),
  )
}

export const remove: Handler = async (context) => {
  const [identifier = ''] = context.args
  await confirm(context, `The API ${plain(identifier)} will be deleted: no more tokens for it.`, identifier)
  await (await context.api()).call('DELETE', pathOf(context.args), 'clients:write')
  context.terminal.note(`The API ${plain(identifier)} is deleted.`)
}
