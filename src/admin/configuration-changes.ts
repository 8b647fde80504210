import type { Actor, Ended, Ending } from '../domain/ending.ts'
import { normalizeIdentifier } from '../domain/identifier.ts'
import { lockRowsOfUsers } from '../store/configuration-state.ts'
import type { Queries } from '../store/database.ts'
import { ensureSecretIn } from './client-secrets.ts'
import { changeClientIn, registerClientIn, removeClientIn } from './clients.ts'
import type { Path } from './config-schema.ts'
import { applyPassword, applyProfile } from './config-users.ts'
import { lifted, type Step } from './configuration-plan.ts'
import type { ConfigurationState } from './configuration-state.ts'
import { Problem } from './problem.ts'
import { changeResourceIn, registerResourceIn, removeResourceIn } from './resources.ts'
import { changeHeld } from './settings.ts'
import type { AdminTools } from './tools.ts'

export interface Work {
  readonly state: ConfigurationState
  readonly actor: Actor
  readonly tools: AdminTools
  readonly ended: Map<Step, Ended | undefined>
  readonly endings: [Step, Ending][]
}

/** What ends something comes last: the first of it takes the head, and nobody else can end anything until the COMMIT. */
export async function makeChanges(tx: Queries, steps: readonly Step[], work: Work): Promise<void> {
  const { state, actor, tools, ended, endings } = work
  const isOf = (section: Step['section']) => (step: Step) => step.section === section
  const storedUser = (step: Step) => state.users.get(normalizeIdentifier(step.id))
  const kept = steps.filter((step) => step.action !== 'delete')
  const gone = steps.filter((step) => step.action === 'delete')
  const clients = kept.filter(isOf('clients'))
  const users = kept.filter(isOf('users'))

  for (const step of kept.filter(isOf('settings'))) await changeHeld(tx, state.settings, step.entry, actor)
  for (const step of kept.filter(isOf('resources'))) await namedBy(step, () => applyResource(tx, step, actor, tools))
  for (const step of clients.filter(({ ends }) => !ends)) await namedBy(step, () => applyClient(tx, step, actor, tools))
  for (const step of users) await namedBy(step, () => applyProfile(tx, step, storedUser(step), actor, tools))

  const resets = users.flatMap((step) => {
    const id = storedUser(step)?.record.id
    return step.ends && step.newHash !== undefined && id !== undefined ? [{ step, id, hash: step.newHash }] : []
  })
  if (resets.length > 0)
    await lockRowsOfUsers(
      tx,
      resets.map(({ id }) => id),
    )
  for (const { step, id, hash } of resets) {
    ended.set(step, await applyPassword(tx, hash, id, actor, tools))
    endings.push([step, { target: 'user', id }])
  }
  for (const step of clients.filter(({ ends }) => ends)) {
    const made = await namedBy(step, () => applyClient(tx, step, actor, tools))
    for (const ending of made) endings.push([step, ending])
  }
  for (const step of gone.filter(isOf('clients'))) {
    const record = state.clients.get(step.id)
    if (!record) continue
    await removeClientIn(tx, step.id, actor, tools)
    endings.push([step, { target: 'client', id: record.id, clientId: step.id }])
  }
  for (const step of gone.filter(isOf('resources'))) await removeUnused(tx, step, actor)
}

async function applyResource(tx: Queries, { action, id, entry }: Step, actor: Actor, tools: AdminTools): Promise<void> {
  const { identifier: _, ...patch } = entry
  if (action === 'create') await registerResourceIn(tx, entry, actor, tools)
  else await changeResourceIn(tx, id, patch, actor)
}

async function applyClient(tx: Queries, step: Step, actor: Actor, tools: AdminTools): Promise<readonly Ending[]> {
  const { action, id, entry, secret } = step
  if (action === 'create') {
    await registerClientIn(tx, secret === undefined ? entry : { ...entry, client_secret: secret }, actor)
    return []
  }
  const { client_id: _, ...patch } = entry
  const { endings } = await changeClientIn(tx, id, patch, actor, tools)
  if (secret !== undefined) await ensureSecretIn(tx, id, { secret }, actor)
  return endings
}

async function removeUnused(tx: Queries, { id }: Step, actor: Actor): Promise<void> {
  try {
    await removeResourceIn(tx, id, actor)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    throw new Problem(error.type, `The resource ${id} cannot be pruned: it is the default_resource of a client`)
  }
}

const namedBy = <T>({ section, index = 0 }: Step, work: () => Promise<T>) => named([section, index], work)

/** Says of a problem with an entry where that stands. */
export async function named<T>(where: Path, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw lifted(where, error)
  }
}
