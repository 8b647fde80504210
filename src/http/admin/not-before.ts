import { drawLine, readNotBeforeLine, readNotBeforeLines } from '../../admin/not-before.ts'
import type { AdminTools } from '../../admin/tools.ts'
import { appliedWait } from '../prefer.ts'
import type { AddRoute } from './router.ts'
import { either, integer, object, value } from './schema.ts'
import { text } from './shapes.ts'

const scope = value('server', 'client', 'user')
const line = object(
  { scope, not_before: either(value('now'), integer({ minimum: 0, maximum: 253_402_300_799 })) },
  { id: either(text, value(null)) },
)

/** Not-before: lines before which everything of a scope is dead. */
export function notBeforeRoutes(add: AddRoute, tools: AdminTools): void {
  const query = object({}, { scope, id: text })
  add('GET', '/not-before', 'not-before:write', { querystring: query }, async ({ query }) => ({
    body: query.scope ? await readNotBeforeLine(query.scope, query.id ?? null, tools) : await readNotBeforeLines(tools),
  }))
  add('PUT', '/not-before', 'not-before:write', { body: line }, async ({ body, waitSeconds }, caller) => {
    // The line of the server ends everybody, the caller too.
    if (body.scope === 'server') caller.require('admin')
    const { id, ...request } = body
    const drawn = await drawLine({ ...request, ...(id ? { id } : {}) }, caller.actor, tools, waitSeconds)
    return { body: drawn, headers: appliedWait(waitSeconds) }
  })
}
