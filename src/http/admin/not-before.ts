import { drawLine, readNotBeforeLine, readNotBeforeLines } from '../../admin/not-before.ts'
import type { Document } from '../../domain/field.ts'
import { appliedWait } from '../prefer.ts'
import { drawnLine, notBefore } from './answers.ts'
import type { AddRoute } from './route.ts'
import { either, integer, object, value } from './schema.ts'
import { adminOnly, text } from './shapes.ts'

const scope = value('server', 'client', 'user')
const reading = {
  operation: 'get_not_before',
  summary: 'Reads the line of one scope, or those of the server and of all clients',
  querystring: object({}, { scope, id: text }),
  answer: notBefore,
}
const drawing = {
  operation: 'set_not_before',
  summary: 'Draws a line: what was authenticated before it is dead',
  body: object(
    { scope, not_before: either(value('now'), integer({ minimum: 0, maximum: 253_402_300_799 })) },
    { id: either(text, value(null)) },
  ),
  answer: drawnLine,
  furtherScope: adminOnly('for the server', (body) => body['scope'] === 'server'),
  confirms: (body: Document) => body['scope'] === 'server',
  waits: true,
} as const

/** Not-before: lines before which everything of a scope is dead. */
export function notBeforeRoutes(add: AddRoute): void {
  add('GET', '/not-before', 'not-before:write', reading, async ({ query }, _, tools) => ({
    body: query.scope ? await readNotBeforeLine(query.scope, query.id ?? null, tools) : await readNotBeforeLines(tools),
  }))
  add('PUT', '/not-before', 'not-before:write', drawing, async ({ body, waitSeconds }, { actor }, tools) => {
    const { id, ...request } = body
    const drawn = await drawLine({ ...request, ...(id ? { id } : {}) }, actor, tools, waitSeconds)
    return { body: drawn, headers: appliedWait(waitSeconds) }
  })
}
