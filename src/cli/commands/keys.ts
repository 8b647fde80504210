import type { Document } from '../../domain/field.ts'
import type { Api } from '../api.ts'
import { createTable } from '../columns.ts'
import { Failure } from '../command.ts'
import type { Handler } from '../definition.ts'
import { confirm } from '../prompt.ts'
import { Refused } from '../refusal.ts'
import { plain } from '../terminal.ts'
import { exact } from '../times.ts'
import { counted, describeEnforcement } from './receipt.ts'

export const list: Handler = async (context) => {
  const { terminal } = context
  const { items } = await (await context.api()).get('/keys', 'keys:read')
  if (terminal.isJson) return terminal.json(items)
  await createTable(terminal, [
    { title: 'KID', of: 'kid' },
    { title: 'ALG', of: 'alg' },
    { title: 'STATE', of: 'state' },
    { title: 'SIGNS FROM', of: 'activate_at' },
    { title: 'UNTIL', of: 'retire_at', isOptional: true },
    { title: 'GONE', of: 'remove_at', isOptional: true },
  ]).rows(items as readonly Document[])
}

export const rotate: Handler = async (context) => {
  const { terminal } = context
  const made = await (await context.api()).call('POST', '/keys/rotate', 'keys:write')
  if (terminal.isJson) return terminal.json(made)
  for (const key of made['items'] as readonly Document[])
    await terminal.print(
      `${String(key['alg']).padEnd(5)}  ${String(key['kid'])}  signs from ${exact(String(key['activate_at']))}`,
    )
}

export const compromise: Handler = async (context) => {
  const { args, given, terminal } = context
  const [kid = ''] = args
  const api = await context.api()
  const waitSeconds = given.number('wait', { min: 1, max: 30 })
  const { items } = await api.get('/keys', 'keys:read')
  const key = (items as readonly Document[]).find((each) => each['kid'] === kid)
  if (!key) throw new Failure(`There is no key ${plain(kid)}. falconer keys list shows them.`)
  const name = `${String(key['alg'])} key (${String(key['state'])})`
  const what = `Every token that this ${name} has signed will be dead at once; another key signs.`
  if (!given.flag('yes')) await confirm(context, what + (await dryRun(api, kid)), kid)
  const answer = await api.call('POST', `/keys/${encodeURIComponent(kid)}/compromise`, 'keys:write', { waitSeconds })
  if (terminal.isJson) return terminal.json(answer)
  await terminal.print(`What ${kid} has signed is dead from position ${String(answer['position'])} on.`)
  await describeEnforcement(terminal, answer)
}

/** What would end besides tokens. Only `admin` may count, which whoever may say that a key is compromised need not have. */
async function dryRun(api: Api, kid: string): Promise<string> {
  try {
    const { ended } = await api.call('POST', '/revocations', 'admin', { body: { kid, dry_run: true } })
    return `\nBesides, this ends ${counted(ended)}: people stay signed in, and get new tokens at the next refresh.`
  } catch (error) {
    if (error instanceof Failure || error instanceof Refused) return ''
    throw error
  }
}
