import type { Document } from '../../domain/field.ts'
import { say } from '../columns.ts'
import type { Context, Handler } from '../definition.ts'
import { plain, type Terminal } from '../terminal.ts'
import { exact, span } from '../times.ts'

export const explainSession: Handler = (context) => explainOne(context, '/sessions')
export const explainGrant: Handler = (context) => explainOne(context, '/grants')

async function explainOne(context: Context, path: string): Promise<void> {
  const { args, terminal } = context
  const told = await (await context.api()).get(`${path}/${encodeURIComponent(args[0] ?? '')}/explain`, 'sessions:read')
  await (terminal.isJson ? terminal.json(told) : tell(terminal, told))
}

/** What an `explain` of the admin API says, to be read. */
export async function tell(terminal: Terminal, told: Document): Promise<void> {
  const { style } = terminal
  const mark = told['alive'] === true ? style.green('alive') : style.red('over')
  await terminal.print(`${mark}  ${plain(String(told['summary']))}`)
  if (told['alive'] === false)
    await terminal.print(`      Reason ${words(told['reason'])}, ${since(told)}, by ${by(told['actor'])}.`)
  for (const also of (told['also'] ?? []) as readonly Document[])
    await terminal.print(
      `      It would be over besides: ${words(also['reason'])}, ${since(also)}, by ${by(also['actor'])}.`,
    )
  const session = told['session'] as Document | null | undefined
  if (session)
    await terminal.print(
      `      Its session is ${session['alive'] === true ? 'alive' : `over (${words(session['reason'])})`}.`,
    )
  const refresh = told['refresh'] as Document | undefined
  if (refresh)
    await terminal.print(
      `      It ${refresh['allowed'] === true ? 'can be refreshed' : `cannot be refreshed (${words(refresh['reason'])})`}.`,
    )
  await terminal.print()
  for (const deadline of (told['deadlines'] ?? []) as readonly Document[])
    await terminal.print(decided(terminal, deadline, describeDeadline(deadline)))
  for (const line of (told['lines'] ?? []) as readonly Document[])
    await terminal.print(decided(terminal, line, describeLine(line)))
}

const decided = ({ style }: Terminal, item: Document, text: string): string =>
  item['decides'] === true ? `${style.bold('→')} ${style.bold(text)}` : `  ${text}`

const deadlineNames: Readonly<Record<string, string>> = {
  session_idle: 'nobody uses the session',
  session_max: 'the session may not last longer',
  grant_idle: 'its client does not refresh it',
  grant_max: 'the grant may not last longer',
}

function describeDeadline(deadline: Document): string {
  const name = deadlineNames[String(deadline['name'])] ?? words(deadline['name'])
  const setting = deadline['setting'] === null ? '' : ` ${say(deadline['setting'])}`
  const from = `${span(Number(deadline['seconds']))} by ${words(deadline['set_by'])}${setting}`
  const verb = deadline['passed'] === true ? 'ended' : 'ends'
  const which =
    deadline['decides'] === true
      ? `; ${deadline['passed'] === true ? 'this one ended it' : 'this one comes first'}`
      : ''
  return `${verb} ${exact(String(deadline['at']))}: ${name} (${from})${which}`
}

function describeLine(line: Document): string {
  const { set_at: at, passed } = line
  const drawn = typeof at === 'string' ? exact(at) : 'nobody knows when'
  const state = passed === true ? 'ends it' : 'does not reach it'
  return `${state}: ${words(line['name'])}, drawn ${drawn} by ${by(line['set_by'])}`
}

const words = (value: unknown): string => say(value ?? 'unknown').replaceAll('_', ' ')

const since = ({ since: at }: Document): string =>
  typeof at === 'string' ? `since ${exact(at)}` : 'nobody knows since when'

function by(actor: unknown): string {
  if (actor === null || actor === undefined) return 'nobody knows whom'
  return actor === 'system' ? 'time' : say(actor).replace(':', ' ')
}
