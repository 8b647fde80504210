import type { Actor, Ended, Ending } from '../domain/ending.ts'
import { normalizeIdentifier } from '../domain/identifier.ts'
import { insertAuditEvent } from '../store/audit.ts'
import { lockConfiguration } from '../store/configuration-lock.ts'
import type { Queries } from '../store/database.ts'
import { raiseFloor } from '../store/end.ts'
import { countEnding, type EndingCounts } from '../store/ending-preview.ts'
import type { Entries } from './config-schema.ts'
import { prepareUser, requireSeen } from './config-users.ts'
import { makeChanges, named } from './configuration-changes.ts'
import { type Action, type Change, type Prepared, type Step, stepsTo } from './configuration-plan.ts'
import { ChangedMeanwhile, digestOf, lockChanged, readConfigurationState } from './configuration-state.ts'
import { Problem } from './problem.ts'
import type { AdminTools } from './tools.ts'

/** What is declared, with the secrets in it. What it does not name stays, unless it is to be pruned. */
export interface Declaration extends Entries {
  /** Delete the clients and resources that are not named. */
  readonly prune: boolean
  /** Refuse when the state is not the one that a plan with this digest was made against. */
  readonly expected?: string
}

/** What becomes of one thing. */
export interface PlannedEntry {
  readonly section: Step['section']
  readonly id: string
  readonly action: Action
  readonly changes?: Readonly<Record<string, Change>>
  /** The living sessions and grants that it ends. Null for a client that was ended: its rows are not touched, and so not counted. */
  readonly ends?: EndingCounts | null
}

export interface Plan {
  /** Of the state that it was made against. */
  readonly digest: string
  readonly entries: readonly PlannedEntry[]
  readonly counts: Readonly<Record<Action, number>>
}

const attempts = 3

/** The plan was carried out, and everything is taken back. */
class TakenBack extends Error {}

interface Outcome {
  readonly digest: string
  readonly steps: readonly Step[]
  readonly ended: ReadonlyMap<Step, Ended | undefined>
  readonly endings: readonly [Step, Ending][]
}

/**
 * What `applyConfiguration` would do: it does it, and takes it back. So it refuses what that would refuse.
 * @throws {Problem} whose path leads to what is wrong
 */
export async function planConfiguration(declared: Declaration, actor: Actor, tools: AdminTools): Promise<Plan> {
  let outcome: Outcome | undefined
  await carryOut(declared, actor, tools, (reached) => {
    outcome = reached
    throw new TakenBack()
  }).catch((error: unknown) => {
    if (!(error instanceof TakenBack)) throw error
  })
  if (!outcome) throw new Error('a plan came to no end')
  const counts = new Map<Step, EndingCounts>()
  for (const [step, ending] of outcome.endings) counts.set(step, await countEnding(tools.db, ending))
  return planOf(outcome, (step) => counts.get(step))
}

/**
 * Brings in what is declared: everything or nothing, and the second time nothing. An entry that exists is changed in the members that are named
 * and keeps the others.
 * @throws {Problem} whose path leads to what is wrong; conflict when the state is not the one that was expected
 */
export async function applyConfiguration(declared: Declaration, actor: Actor, tools: AdminTools): Promise<Plan> {
  const outcome = await carryOut(declared, actor, tools, () => undefined)
  tools.forget()
  for (const [, ending] of outcome.endings) await raiseFloor(tools.db, ending)
  return planOf(outcome, (step) => {
    const ended = outcome.ended.get(step)
    if (!ended || ended.sessions === null || ended.grants === null) return null
    return { sessions: ended.sessions, grants: ended.grants }
  })
}

async function carryOut(
  declared: Declaration,
  actor: Actor,
  tools: AdminTools,
  beforeCommit: (outcome: Outcome) => void,
): Promise<Outcome> {
  for (let attempt = 1; ; attempt++) {
    const prepared = await prepare(declared, actor, tools)
    try {
      return await tools.db.transaction(async (tx) => {
        const outcome = await carryOutIn(tx, { ...prepared, ...pick(declared.expected) }, actor, tools)
        beforeCommit(outcome)
        return outcome
      })
    } catch (error) {
      if (!(error instanceof ChangedMeanwhile)) throw error
      if (attempt === attempts) throw new Problem('conflict', 'It is being changed by others at this moment')
    }
  }
}

const pick = (expected: string | undefined) => (expected === undefined ? {} : { expected })

async function prepare(declared: Declaration, actor: Actor, tools: AdminTools): Promise<Prepared> {
  const users: Prepared['users'][number][] = []
  for (const [index, entry] of declared.users.entries())
    users.push(await named(['users', index], () => prepareUser(entry, tools)))
  const keptClient = actor.id.startsWith('client:') ? actor.id.slice('client:'.length) : undefined
  const { settings, resources, clients, prune } = declared
  return { settings, resources, clients, users, prune, keptClient }
}

async function carryOutIn(
  tx: Queries,
  declared: Prepared & { readonly expected?: string },
  actor: Actor,
  tools: AdminTools,
): Promise<Outcome> {
  await lockConfiguration(tx)
  const usernames = declared.users.map((user) => user.username)
  const state = await readConfigurationState(tx, usernames)
  const digest = digestOf(state)
  if (declared.expected !== undefined && declared.expected !== digest)
    throw new Problem('conflict', 'The state is not the one that was expected: make a new plan', ['expected'])
  for (const user of declared.users) requireSeen(user, state.users.get(normalizeIdentifier(user.username)))
  const steps = stepsTo(declared, state)
  const changing = steps.filter((step) => step.action !== 'keep')
  const ended = new Map<Step, Ended | undefined>()
  const endings: [Step, Ending][] = []
  if (changing.length === 0) return { digest, steps, ended, endings }
  const namesIn = (section: Step['section']) =>
    changing.filter((step) => step.section === section).map((step) => step.id)
  await lockChanged(tx, state, {
    settings: namesIn('settings'),
    resources: namesIn('resources'),
    clients: namesIn('clients'),
    users: namesIn('users').map(normalizeIdentifier),
  })
  // What is locked cannot change any more: now it has to be what the steps were made from.
  if (digestOf(await readConfigurationState(tx, usernames)) !== digest) throw new ChangedMeanwhile()
  await makeChanges(tx, changing, { state, actor, tools, ended, endings })
  const counts = countsOf(steps)
  await insertAuditEvent(tx, { type: 'configuration.applied', actor, targetKind: 'server', detail: { ...counts } })
  return { digest, steps, ended, endings }
}

function countsOf(steps: readonly Step[]): Plan['counts'] {
  const counts = { create: 0, change: 0, delete: 0, keep: 0 }
  for (const { action } of steps) counts[action]++
  return counts
}

function planOf({ digest, steps }: Outcome, endsOf: (step: Step) => EndingCounts | null | undefined): Plan {
  const entries = steps.map((step): PlannedEntry => {
    const { section, id, action, changes, ends } = step
    const hasChanges = Object.keys(changes).length > 0
    return { section, id, action, ...(hasChanges ? { changes } : {}), ...(ends ? { ends: endsOf(step) ?? null } : {}) }
  })
  return { digest, entries, counts: countsOf(steps) }
}
