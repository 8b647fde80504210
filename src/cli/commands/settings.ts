import type { Document } from '../../domain/field.ts'
import { policyFields } from '../../settings/policy.ts'
import { createTable } from '../columns.ts'
import { UsageError } from '../command.ts'
import type { Context, Handler } from '../definition.ts'
import { changesFrom } from '../fields.ts'
import { settingOptions } from '../nouns/settings.ts'
import { confirm } from '../prompt.ts'
import { plain } from '../terminal.ts'

export const list: Handler = async (context) => {
  const { items } = await (await context.api()).get('/settings', 'settings:read')
  await show(context, items as readonly Document[])
}

export const update: Handler = async (context) => {
  const body = changesFrom(context.given, settingOptions, policyFields)
  if (Object.keys(body).length === 0)
    throw new UsageError('Nothing to change was named.\nfalconer settings update --help lists what there is.')
  await confirm(context, 'This holds for every session and grant at once; what is older than a limit is over.', 'set')
  const { items } = await (await context.api()).call('PATCH', '/settings', 'settings:write', { body })
  await show(
    context,
    (items as readonly Document[]).filter(({ name }) => Object.hasOwn(body, String(name))),
  )
}

async function show({ terminal }: Context, settings: readonly Document[]): Promise<void> {
  if (terminal.isJson) return terminal.json(settings)
  const rows = settings.map((setting) => ({ ...setting, from: origin(setting) }))
  await createTable(terminal, [
    { title: 'SETTING', of: 'name' },
    { title: 'VALUE', of: 'value', isFlexible: true },
    { title: 'FROM', of: 'from', isOptional: true },
  ]).rows(rows)
}

function origin({ overridden, configured }: Document): string {
  const without = configured === null ? 'none' : plain(JSON.stringify(configured))
  return overridden === true ? `set over the environment (${without})` : 'environment'
}
