import type { Document } from '../../domain/field.ts'
import { createTable, printDocument } from '../columns.ts'
import { UsageError } from '../command.ts'
import type { Context, Handler } from '../definition.ts'
import { findUserId } from '../find-user.ts'
import { confirm } from '../prompt.ts'
import { plain } from '../terminal.ts'
import { readInstant } from '../times.ts'
import { describeEnforcement } from './receipt.ts'

const instantOf = (seconds: unknown): string | null =>
  typeof seconds === 'number' && seconds > 0 ? new Date(seconds * 1000).toISOString() : null

export const show: Handler = async (context) => {
  const { given, terminal } = context
  const api = await context.api()
  const [user, client] = [given.text('user'), given.text('client')]
  if (user !== undefined && client !== undefined) throw new UsageError('--user and --client were both given')
  const line =
    user === undefined
      ? client === undefined
        ? {}
        : { scope: 'client', id: client }
      : { scope: 'user', id: await findUserId(api, user) }
  const found = await api.get('/not-before', 'not-before:write', line)
  if (terminal.isJson) return terminal.json(found)
  if ('scope' in line) return printDocument(terminal, { ...found, not_before: instantOf(found['not_before']) })
  const clients = Object.entries((found['clients'] ?? {}) as Record<string, number>)
  await createTable(terminal, [
    { title: 'FOR', of: 'name' },
    { title: 'NOT BEFORE', of: 'at' },
  ]).rows([
    { name: 'everybody', at: instantOf(found['server']) },
    ...clients.map(([id, seconds]) => ({ name: id, at: instantOf(seconds) })),
  ])
}

export const set: Handler = async (context) => {
  const { args, given, terminal } = context
  const notBefore = readWhen(args[0] ?? '')
  const waitSeconds = given.number('wait', { min: 1, max: 30 })
  const line = await lineOf(context)
  if (line['scope'] === 'server') await confirm(context, 'This draws the line for everybody.', 'everybody')
  if (line['scope'] === 'client') {
    const id = String(line['id'])
    await confirm(context, `This draws the line for everything of the client ${plain(id)}.`, id)
  }
  const scope = line['scope'] === 'server' ? 'admin' : 'not-before:write'
  const body = { ...line, not_before: notBefore }
  const drawn = await (await context.api()).call('PUT', '/not-before', scope, { body, waitSeconds })
  if (terminal.isJson) return terminal.json(drawn)
  const at = instantOf(drawn['not_before'])
  await terminal.print(`The line is at ${at ?? 'none'}, position ${String(drawn['position'])}.`)
  await describeEnforcement(terminal, drawn)
}

function readWhen(text: string): 'now' | number {
  if (text === 'now') return 'now'
  if (/^\d{9,12}$/.test(text)) return Number(text)
  const instant = readInstant(text)
  if (instant === undefined)
    throw new UsageError(
      '<when> must be now, seconds since 1970, an instant (2026-11-21T12:00:00Z), a day, or a time ago (2h)',
    )
  return Math.floor(Date.parse(instant) / 1000)
}

async function lineOf(context: Context): Promise<Document> {
  const { given } = context
  const named = ['user', 'client', 'server'].filter((name) => given.has(name))
  if (named.length !== 1) throw new UsageError('Name exactly one of --user, --client and --server.')
  const [user, client] = [given.text('user'), given.text('client')]
  if (user !== undefined) return { scope: 'user', id: await findUserId(await context.api(), user) }
  return client === undefined ? { scope: 'server' } : { scope: 'client', id: client }
}
