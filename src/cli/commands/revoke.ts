import type { Document } from '../../domain/field.ts'
import type { Api } from '../api.ts'
import { UsageError } from '../command.ts'
import type { Context, Handler } from '../definition.ts'
import { findUserId } from '../find-user.ts'
import { confirm } from '../prompt.ts'
import { plain } from '../terminal.ts'
import { counted, describeRevocation } from './receipt.ts'

export const revoke: Handler = async (context) => {
  const { given, terminal } = context
  requireOneTarget(context)
  const waitSeconds = given.number('wait', { min: 1, max: 30 })
  const isDryRun = given.flag('dry-run')
  const api = await context.api()
  const target = await targetOf(context, api)
  const scope = target['all'] === true || target['kid'] !== undefined ? 'admin' : 'sessions:revoke'
  const post = (more: Document) =>
    api.call('POST', '/revocations', scope, {
      body: { ...target, ...more },
      waitSeconds: isDryRun ? undefined : waitSeconds,
    })

  if (!isDryRun && !given.flag('yes')) await confirmMany(context, target, () => post({ dry_run: true }))
  const reason = given.text('reason')
  const answer = await post({ ...(isDryRun && { dry_run: true }), ...(reason !== undefined && { reason }) })
  await (terminal.isJson ? terminal.json(answer) : describeRevocation(terminal, answer))
}

const targets = ['session', 'grant', 'user', 'client', 'jti', 'kid', 'all'] as const

function requireOneTarget({ given }: Context): void {
  const named = targets.filter((name) => given.has(name))
  const isPair = named.length === 2 && named.includes('user') && named.includes('client')
  if (named.length === 1 || isPair) return
  const what = named.length === 0 ? 'Nothing to end was named' : `Several targets were named (--${named.join(', --')})`
  throw new UsageError(
    `${what}. Name exactly one of ${targets.map((name) => `--${name}`).join(', ')}; --user and --client together are one.`,
  )
}

async function targetOf({ given }: Context, api: Api): Promise<Document> {
  const members = { session: 'session_id', grant: 'grant_id', client: 'client_id', jti: 'jti', kid: 'kid' } as const
  const target: Record<string, unknown> = given.flag('all') ? { all: true } : {}
  for (const [name, member] of Object.entries(members)) {
    const value = given.text(name)
    if (value !== undefined) target[member] = value
  }
  const user = given.text('user')
  return user === undefined ? target : { ...target, user_id: await findUserId(api, user) }
}

/** Counts first what hits many people, and asks. */
async function confirmMany(context: Context, target: Document, dryRun: () => Promise<Document>): Promise<void> {
  const { all, kid, client_id: clientId, user_id: userId } = target
  if (all === true) {
    const what = `This ends everything of everybody: ${counted((await dryRun())['ended'])}, and every token.`
    return confirm(context, what, 'everybody')
  }
  if (typeof kid === 'string')
    return confirm(context, `Every token that the key ${plain(kid)} has signed will be dead; another key signs.`, kid)
  if (typeof clientId !== 'string' || userId !== undefined) return
  const what = `This ends everything of the client ${plain(clientId)}: ${counted((await dryRun())['ended'])}.`
  await confirm(context, what, clientId)
}
