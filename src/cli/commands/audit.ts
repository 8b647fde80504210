import { setTimeout as sleep } from 'node:timers/promises'
import type { Document } from '../../domain/field.ts'
import type { Query } from '../api.ts'
import { type Column, createTable, say } from '../columns.ts'
import { UsageError } from '../command.ts'
import type { Context, Handler } from '../definition.ts'
import { showList } from '../lists.ts'
import { createPrivateFile } from '../private-file.ts'
import { readInstant } from '../times.ts'
import { whose } from './sessions.ts'

const path = '/audit-events'
const pauseMs = 1000
/** An event has the time at which its transaction began, and can be read when that is committed. */
const overlapMs = 10_000

const columns: readonly Column[] = [
  { title: 'WHEN', of: 'at' },
  { title: 'WHAT', of: 'type' },
  { title: 'WHO', of: 'actor', isFlexible: true },
  { title: 'TO WHOM', of: targetOf, isFlexible: true },
  {
    title: 'WHY',
    of: ({ reason, outcome }) => (outcome === 'failure' ? `failed: ${say(reason)}` : reason),
    isFlexible: true,
  },
]

function targetOf({ target_kind: kind, target_id: id }: Document): string {
  return typeof kind === 'string' && typeof id === 'string' ? `${kind} ${id}` : '-'
}

/** Options whose values the API takes as they are, by its names for them. */
const plainFilters = {
  type: 'type',
  session: 'session_id',
  grant: 'grant_id',
  target: 'target_id',
  actor: 'actor',
  request: 'request_id',
  outcome: 'outcome',
}

async function queryOf(context: Context): Promise<Query> {
  const filters = Object.entries(plainFilters).map(([option, member]) => [member, context.given.text(option)] as const)
  return { ...(await whose(context)), ...Object.fromEntries(filters) }
}

function instantOf({ given }: Context, name: 'from' | 'to'): string | undefined {
  const text = given.text(name)
  const instant = text === undefined ? undefined : readInstant(text)
  if (text !== undefined && instant === undefined)
    throw new UsageError(`--${name} must be an instant (2026-11-21T12:00:00Z), a day, or a time ago (2h, 7d)`)
  return instant
}

const rangeOf = (context: Context) => ({ from: instantOf(context, 'from'), to: instantOf(context, 'to') })

export const list: Handler = async (context) => {
  const range = rangeOf(context)
  const query = { ...(await queryOf(context)), ...range }
  await showList(context, { path, scope: 'audit:read', query, columns, name: 'such events' })
}

export const exportAll: Handler = async (context) => {
  const { given, terminal } = context
  const range = rangeOf(context)
  const api = await context.api()
  const query = { ...(await queryOf(context)), ...range }
  const output = given.text('output')
  const file = output === undefined ? undefined : createPrivateFile(output)
  const write = (text: string) => (file ?? terminal).write(text)
  let count = 0
  for await (const events of api.pages(path, 'audit:read', query, given.number('limit', { min: 1 }))) {
    await write(events.map((event) => `${JSON.stringify(event)}\n`).join(''))
    count += events.length
    // Beside an answer that runs over the same terminal it would only be in the way.
    if (file || !terminal.isTTY) terminal.progress(`${count} events`)
  }
  await file?.close()
  terminal.progress('')
  if (output !== undefined) terminal.note(`${count} events written to ${output}.`)
}

export const tail: Handler = async (context) => {
  const { given, terminal, signal } = context
  const api = await context.api()
  const query = await queryOf(context)
  const table = createTable(terminal, columns)
  const tell = async (events: readonly Document[]): Promise<void> => {
    if (!terminal.isJson) return table.rows(events)
    for (const event of events) await terminal.write(`${JSON.stringify(event)}\n`)
  }
  const count = given.number('limit', { min: 1 }) ?? 20
  const pages = api.pages(path, 'audit:read', query, given.flag('follow') ? undefined : count)
  const known = await collectLatest(pages, count)
  await tell(known.slice(0, count).toReversed())
  let seen = new Map(known.map((event) => [String(event['id']), timeOf(event)]))
  let latest = Math.max(0, ...seen.values())
  while (given.flag('follow')) {
    await sleep(pauseMs, undefined, { signal })
    const since = latest === 0 ? {} : { from: new Date(latest - overlapMs).toISOString() }
    const events: Document[] = []
    for await (const items of api.pages(path, 'audit:read', { ...query, ...since })) events.push(...items)
    await tell(events.filter((event) => !seen.has(String(event['id']))).toReversed())
    latest = Math.max(latest, ...events.map(timeOf))
    // What lies before the overlap is not read again.
    seen = new Map([...seen, ...events.map((event) => [String(event['id']), timeOf(event)] as const)])
    for (const [id, at] of seen) if (at < latest - overlapMs) seen.delete(id)
  }
}

const timeOf = ({ at }: Document): number => Date.parse(String(at))

/** The newest `count`, and whatever else is young enough to be read again. */
async function collectLatest(pages: AsyncIterable<readonly Document[]>, count: number): Promise<readonly Document[]> {
  const all: Document[] = []
  for await (const items of pages) {
    all.push(...items)
    const [newest, oldest] = [all[0], all.at(-1)]
    if (newest && oldest && all.length >= count && timeOf(oldest) < timeOf(newest) - overlapMs) break
  }
  return all
}
