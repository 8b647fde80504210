import type { Document } from '../../domain/field.ts'
import { createTable } from '../columns.ts'
import type { Handler } from '../definition.ts'

export const list: Handler = async (context) => {
  const { terminal } = context
  const { items } = await (await context.api()).get('/settings', 'settings:read')
  if (terminal.isJson) return terminal.json(items)
  await createTable(terminal, [
    { title: 'SETTING', of: 'name' },
    { title: 'VALUE', of: 'value', isFlexible: true },
    { title: 'FROM', of: 'source', isOptional: true },
  ]).rows(items as readonly Document[])
}
