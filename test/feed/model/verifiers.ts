import { untilOf } from './database.ts'
import { nameOf } from './frames.ts'
import { disconnected } from './instances.ts'
import type { Mutant } from './mutants.ts'
import {
  type Frame,
  maxStaleness,
  members,
  nothing,
  put,
  type Scene,
  type State,
  type Step,
  slowBy,
  startedVerifier,
  type Verifier,
} from './state.ts'

export const isFresh = ({ freshAt }: Verifier, now: number): boolean =>
  freshAt !== nothing && now - freshAt < maxStaleness

/** What the network does with frames, and what verifiers make of them. */
export function* verifying(state: State, scene: Scene, mutant: Mutant | undefined): Generator<Step> {
  const { database, verifiers } = state
  for (const [index, verifier] of verifiers.entries()) {
    const name = `verifier ${index + 1}`
    const become = (next: Verifier): State => ({ ...state, verifiers: put(verifiers, index, next) })
    if (verifier.applying) {
      yield { label: `${name} finishes`, state: become(finished(verifier, verifier.applying, database.now, mutant)) }
      yield {
        label: `${name} stumbles over the rest`,
        state: disconnected(become({ ...verifier, applying: null }), index),
      }
      return
    }
  }
  for (const [index, verifier] of verifiers.entries()) {
    const name = `verifier ${index + 1}`
    const become = (next: Verifier): State => ({ ...state, verifiers: put(verifiers, index, next) })
    for (const [at, frame] of verifier.onTheWay.entries()) {
      const onTheWay = verifier.onTheWay.filter((_, other) => other !== at)
      const text = `${nameOf(frame)} from instance #${frame.instance + 1}`
      yield {
        label: `${name} receives ${text}`,
        state: received(become({ ...verifier, onTheWay }), index, frame, mutant),
      }
      if (database.losses >= scene.losses) continue
      const more = { ...database, losses: database.losses + 1 }
      yield { label: `${text} to ${name} is lost`, state: { ...become({ ...verifier, onTheWay }), database: more } }
      yield {
        label: `${name} receives ${text}, which will come again`,
        state: received({ ...state, database: more }, index, frame, mutant),
      }
    }
    const set = remembered(state, verifier, mutant)
    if (set !== verifier.set) yield { label: `${name} forgets what is over`, state: become({ ...verifier, set }) }
    if (database.verifierRestarts < scene.verifierRestarts && verifier.epoch !== nothing) {
      const counted = { ...database, verifierRestarts: database.verifierRestarts + 1 }
      const restarted = become({ ...startedVerifier, onTheWay: verifier.onTheWay })
      yield { label: `${name} restarts`, state: disconnected({ ...restarted, database: counted }, index) }
    }
  }
}

function received(state: State, index: number, frame: Frame, mutant: Mutant | undefined): State {
  const { now } = state.database
  const verifier = judgingClock(state.verifiers[index]!, now)
  const become = (next: Verifier): State => ({ ...state, verifiers: put(state.verifiers, index, next) })
  const isOther = verifier.epoch !== nothing && verifier.epoch !== frame.epoch
  if (isOther && mutant !== 'epoch ignored')
    return disconnected(become({ ...verifier, epoch: nothing, cursor: 0 }), index)
  if (frame.from > verifier.cursor && mutant !== 'a gap ignored')
    return disconnected(become({ ...verifier, freshAt: nothing }), index)
  const begun =
    mutant === 'cursor advanced before the entries are applied'
      ? advanced(verifier, frame, now, mutant)
      : { ...verifier, set: verifier.set | frame.entries }
  return become({ ...begun, applying: frame })
}

const finished = (verifier: Verifier, frame: Frame, now: number, mutant: Mutant | undefined): Verifier => ({
  ...(mutant === 'cursor advanced before the entries are applied'
    ? { ...verifier, set: verifier.set | frame.entries }
    : advanced(verifier, frame, now, mutant)),
  applying: null,
})

function advanced(verifier: Verifier, frame: Frame, now: number, mutant: Mutant | undefined): Verifier {
  const readAt = judged(verifier, frame, now, mutant)
  return {
    ...verifier,
    epoch: frame.epoch,
    cursor: Math.max(verifier.cursor, frame.to),
    asof: Math.max(verifier.asof, frame.asof),
    freshAt: Math.max(verifier.freshAt, readAt),
  }
}

/** Monotonic clocks of instances begin anywhere. */
const clockOf = (instance: number): number => instance * maxStaleness

/** When the read of a frame began, by the clock of the verifier; nothing if it cannot be told. */
function judged(verifier: Verifier, frame: Frame, now: number, mutant: Mutant | undefined): number {
  if (frame.readAt === nothing) return nothing
  if (mutant === 'freshness from arrival') return now
  const isForeign = frame.instance !== verifier.instance
  if (isForeign && mutant !== 'an anchor judged by the clock of another instance') return nothing
  const origin = isForeign && verifier.instance !== nothing ? clockOf(frame.instance) - clockOf(verifier.instance) : 0
  return Math.min(now, frame.readAt + verifier.error + origin)
}

/** The mutant that learns of the clock too late believes that no time has passed since the answer was sent. */
const judgingClock = (verifier: Verifier, now: number): Verifier =>
  verifier.error === nothing ? { ...verifier, error: now - verifier.connectedAt, connectedAt: 0 } : verifier

/** What is left of its set once it has forgotten all that it may. */
function remembered({ database, history }: State, { set, asof }: Verifier, mutant: Mutant | undefined): number {
  const clock = Math.min(asof, database.now - slowBy)
  let kept = set
  for (const [bit, { begunAt }] of members(set, history)) if (untilOf(begunAt, mutant) < clock) kept &= ~bit
  return kept
}
