import { clientFields } from '../../domain/client-metadata.ts'
import type { Document } from '../../domain/field.ts'
import { printDocument } from '../columns.ts'
import { UsageError } from '../command.ts'
import type { Context, Handler } from '../definition.ts'
import { writeEnvFile } from '../env-file.ts'
import { changesFrom } from '../fields.ts'
import { showList } from '../lists.ts'
import { clientOptions } from '../nouns/clients.ts'
import { confirm } from '../prompt.ts'
import { plain } from '../terminal.ts'

const pathOf = ([id = '']: readonly string[]): string => `/clients/${encodeURIComponent(id)}`

export const list: Handler = (context) =>
  showList(context, {
    path: '/clients',
    scope: 'clients:read',
    name: 'applications',
    columns: [
      { title: 'CLIENT', of: 'client_id' },
      { title: 'NAME', of: 'client_name', isFlexible: true },
      { title: 'KIND', of: kindOf },
      { title: 'GRANT TYPES', of: 'grant_types', isFlexible: true, isOptional: true },
      { title: 'CREATED', of: 'created_at', isOptional: true },
    ],
  })

function kindOf({ disabled, token_endpoint_auth_method: method }: Document): string {
  const kind = method === 'none' ? 'public' : 'confidential'
  return disabled === true ? `${kind}, disabled` : kind
}

export const show: Handler = async (context) => {
  const client = await (await context.api()).get(pathOf(context.args), 'clients:read')
  await showClient(context, client)
}

const showClient = ({ terminal }: Context, client: Document): Promise<void> =>
  terminal.isJson ? terminal.json(client) : printDocument(terminal, client)

export const update: Handler = async (context) => {
  const { given, args } = context
  const api = await context.api()
  const changes = changesFrom(given, clientOptions, clientFields)
  const added = given.list('add-scope')
  if (added.length > 0 && 'scope' in changes) throw new UsageError('--scope and --add-scope were both given')
  if (added.length === 0 && Object.keys(changes).length === 0)
    throw new UsageError('Nothing to change was named.\nfalconer clients update --help lists what there is.')
  if (added.length === 0)
    return showClient(context, await api.call('PATCH', pathOf(args), 'clients:write', { body: changes }))
  // What is added to has to be what it was read as.
  const { document, etag } = await api.getVersioned(pathOf(args), 'clients:read')
  const scopes = new Set(
    [...(typeof document['scope'] === 'string' ? document['scope'] : '').split(' '), ...added].filter(Boolean),
  )
  const body = { ...changes, scope: [...scopes].join(' ') }
  await showClient(context, await api.call('PATCH', pathOf(args), 'clients:write', { body, ifMatch: etag }))
}

export const remove: Handler = async (context) => {
  const { args, terminal } = context
  const [id = ''] = args
  const api = await context.api()
  // Deleting what is not there is no error to the server; to a person it is a typing mistake.
  if (!context.given.flag('yes')) await api.get(pathOf(args), 'clients:read')
  await confirm(context, `Everything of the client ${plain(id)} will end, and it will be deleted.`, id)
  await api.call('DELETE', pathOf(args), 'clients:write')
  terminal.note(`The client ${plain(id)} is deleted.`)
}

export const rotateSecret: Handler = async (context) => {
  const { args, given, terminal } = context
  const overlap = given.number('overlap', { max: 2_592_000 })
  const file = given.text('write-env')
  const name = given.text('env-name') ?? 'CLIENT_SECRET'
  const target = file === undefined ? undefined : writeEnvFile(file, { mayReplace: given.flag('force') })
  // Before there is a secret that could be lost.
  target?.check([name])
  const body = overlap === undefined ? {} : { overlap_seconds: overlap }
  const rotated = await (await context.api()).call('POST', `${pathOf(args)}/secrets`, 'clients:write', { body })
  const { client_secret: secret, ...rest } = rotated
  target?.write({ [name]: String(secret) })
  if (terminal.isJson) return terminal.json(target ? rest : rotated)
  if (target) terminal.note(`The new secret is in ${file} as ${name}.`)
  await printDocument(terminal, target ? rest : rotated)
  if (!target) terminal.note('The secret is shown this once.')
}
