import type { Invariant } from './mutants.ts'
import {
  type Ending,
  maxStaleness,
  members,
  nothing,
  type State,
  type Step,
  slowBy,
  tokenLife,
  tolerance,
  type Verifier,
} from './state.ts'
import { isFresh } from './verifiers.ts'

export interface Violation {
  readonly invariant: Invariant
  readonly text: string
}

/** What a step has broken, if anything. */
export function* violated(before: State, { state: after, hole }: Step): Generator<Violation> {
  if (hole !== undefined) yield { invariant: 'connection', text: hole }
  for (const [index, verifier] of after.verifiers.entries()) {
    const old = before.verifiers[index] ?? verifier
    for (const broken of [covers(verifier, after), isRightlyFresh(verifier, after), onlyAdvances(old, verifier)])
      if (broken) yield { ...broken, text: `verifier ${index + 1} ${broken.text}` }
  }
  if (before.history === after.history) return
  for (const broken of [drawsNoneTwice(before, after), isExact(after)]) if (broken) yield broken
}

/** A service with that clock may still take a token that the ending was to end. */
const matters = ({ committedAt }: Ending, now: number): boolean => now - slowBy < committedAt + tokenLife + tolerance

/** Every ending of this database that it lacks, that was not lost with a backup, and that still matters. */
function* lacking({ set }: Verifier, { database, history }: State): Generator<Ending> {
  for (const [, ending] of members(~set, history))
    if (!ending.isLost && ending.space === database.space && matters(ending, database.now)) yield ending
}

/** T3: a verifier has everything up to its cursor. */
function covers(verifier: Verifier, state: State): Violation | undefined {
  if (verifier.epoch !== state.database.epoch) return undefined
  for (const { position } of lacking(verifier, state))
    if (position <= verifier.cursor)
      return { invariant: 'coverage', text: `has cursor ${verifier.cursor} and lacks the ending at ${position}` }
  return undefined
}

/** T2: whoever is fresh has everything that was committed Y ago or earlier. */
function isRightlyFresh(verifier: Verifier, state: State): Violation | undefined {
  const { now } = state.database
  if (!isFresh(verifier, now)) return undefined
  for (const { position, committedAt } of lacking(verifier, state))
    if (committedAt <= now - maxStaleness)
      return {
        invariant: 'freshness',
        text: `is fresh at ${now} and lacks the ending at ${position}, committed at ${committedAt}`,
      }
  return undefined
}

function onlyAdvances(before: Verifier, after: Verifier): Violation | undefined {
  if (after.epoch === nothing || before.epoch !== after.epoch || after.cursor >= before.cursor) return undefined
  return { invariant: 'cursor', text: `goes back from ${before.cursor} to ${after.cursor} within an epoch` }
}

/** A database that forgot something never draws again what was visible once, or what a token carries. */
function drawsNoneTwice(before: State, { history, database }: State): Violation | undefined {
  const drawn = history.endings.at(-1)
  if (!drawn || history.endings.length === before.history.endings.length) return undefined
  for (const { space, timeline, head } of before.history.snapshots)
    if (space === drawn.space && timeline < database.timeline && head >= drawn.position)
      return { invariant: 'positions', text: `${drawn.position} is drawn, and ${head} was visible before the failover` }
  return undefined
}

/**
 * T4, for every token that can ever have been minted: one from a state without an ending is refused by whoever has applied that, one from a
 * state with it is not. An ending that a backup has forgotten refuses nothing that was minted from the restored database once somebody has
 * looked at it.
 */
function isExact({ history }: State): Violation | undefined {
  for (const { head: rvp, contains, ...snapshot } of history.snapshots) {
    for (const [index, { position, isLost, ...ending }] of history.endings.entries()) {
      if (ending.space !== snapshot.space) continue
      const isRefused = rvp < position
      const isOfBefore = (contains & (1 << index)) === 0
      const name = `a token minted at ${rvp}`
      if (isOfBefore && !isRefused && !isLost)
        return { invariant: 'exactness', text: `${name} without the ending at ${position} is accepted after it` }
      if (!isOfBefore && isRefused)
        return { invariant: 'exactness', text: `${name} after the ending at ${position} is refused by it` }
      if (isLost && isRefused && snapshot.lineage > ending.timeline)
        return { invariant: 'exactness', text: `${name} is refused by the ending at ${position}, which was lost` }
    }
  }
  return undefined
}
