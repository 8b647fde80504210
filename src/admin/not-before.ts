import type { Actor, Ending } from '../domain/ending.ts'
import { findClientRecord } from '../store/client-records.ts'
import { end } from '../store/end.ts'
import { moveNotBefore, type NotBeforeScope, readClock, readLine, readNotBefore } from '../store/not-before.ts'
import { isId } from './document.ts'
import { deadlinesOf, type Receipt, receiptOf } from './enforcement.ts'
import { badField, notFound } from './problem.ts'
import type { AdminTools } from './tools.ts'

export interface NotBeforeRequest {
  readonly scope: NotBeforeScope
  /** A client_id or the id of a user; none for the server. */
  readonly id?: string
  readonly not_before: 'now' | number
}

/** A line as it stands. `not_before` in seconds; 0 when none was ever drawn. */
export interface NotBeforeLine {
  readonly scope: NotBeforeScope
  readonly id: string | null
  readonly not_before: number
  readonly position: number
}

/** A line that was drawn, and when it is obeyed everywhere. */
export interface DrawnLine extends NotBeforeLine, Partial<Receipt> {
  readonly bound: string
  readonly expired_by: string
}

/**
 * Draws a line: "now" ends everything of the scope, exactly; seconds in the past kill what was authenticated before them. It only moves forward.
 * @throws {Problem} not_found, invalid_field for the future
 */
export async function drawLine(
  request: NotBeforeRequest,
  actor: Actor,
  tools: AdminTools,
  waitSeconds?: number,
): Promise<DrawnLine> {
  const line = await draw(request, actor, tools)
  return { ...line, ...(await deadlinesOf(tools)), ...(await receiptOf(line.position, tools, waitSeconds)) }
}

async function draw(request: NotBeforeRequest, actor: Actor, tools: AdminTools): Promise<NotBeforeLine> {
  const { scope, not_before: wanted } = request
  const id = request.id ?? null
  const ending = await targetOf(scope, id, tools)
  const rowId = 'id' in ending ? ending.id : undefined
  if (wanted === 'now') {
    const ended = await end(tools.db, ending, { reason: 'not_before', actor, feedKey: tools.feedKey })
    const line = await readLine(tools.db, scope, rowId)
    if (!ended || !line) throw notFound(scope)
    const seconds = scope === 'user' ? Math.floor(await readClock(tools.db)) : line.seconds
    return { scope, id, not_before: seconds, position: ended.position }
  }
  if (wanted > (await readClock(tools.db)))
    throw badField({ path: ['not_before'], detail: 'must be "now" or seconds that have passed' })
  const feedKey = keyOf(ending, tools)
  const moved = await moveNotBefore(tools.db, {
    scope,
    ...(rowId === undefined ? {} : { id: rowId }),
    seconds: wanted,
    actor,
    feedKey,
  })
  if (!moved) throw notFound(scope)
  return { scope, id, not_before: Math.floor(moved.notBefore.getTime() / 1000), position: moved.position }
}

/** The line of one scope. @throws {Problem} not_found */
export async function readNotBeforeLine(
  scope: NotBeforeScope,
  id: string | null,
  tools: AdminTools,
): Promise<NotBeforeLine> {
  const ending = await targetOf(scope, id, tools)
  const line = await readLine(tools.db, scope, 'id' in ending ? ending.id : undefined)
  if (!line) throw notFound(scope)
  return { scope, id, not_before: line.seconds, position: line.position }
}

/** The lines of the server and of all clients that have one. Those of users are read one by one. */
export const readNotBeforeLines = (tools: AdminTools) => readNotBefore(tools.db, true)

type Line = Extract<Ending, { target: 'all' | 'client' | 'user' }>

async function targetOf(scope: NotBeforeScope, id: string | null, tools: AdminTools): Promise<Line> {
  if (scope === 'server') {
    if (id !== null) throw badField({ path: ['id'], detail: 'must not be given for the server' })
    return { target: 'all' }
  }
  if (id === null) throw badField({ path: ['id'], detail: `must name a ${scope}` })
  if (scope === 'user') {
    if (!isId(id)) throw notFound('user')
    return { target: 'user', id }
  }
  const client = await findClientRecord(tools.db, id)
  if (!client) throw notFound('client')
  return { target: 'client', id: client.id, clientId: client.clientId }
}

function keyOf(ending: Line, { feedKey }: AdminTools): Buffer {
  if (ending.target === 'client') return feedKey('c', ending.clientId)
  return ending.target === 'user' ? feedKey('u', ending.id) : Buffer.alloc(8)
}
