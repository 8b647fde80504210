import { adopted, untilOf, withSnapshot } from './database.ts'
import { frameOrder, nameOf } from './frames.ts'
import type { Mutant } from './mutants.ts'
import {
  type Frame,
  type Instance,
  leeway,
  members,
  nothing,
  put,
  type Scene,
  type State,
  type Step,
  tokenLife,
} from './state.ts'

/** What instances do: look at the database, and tell those who listen. */
export function* publishing(state: State, scene: Scene, mutant: Mutant | undefined): Generator<Step> {
  for (const [index, instance] of state.instances.entries()) {
    const name = `instance ${index + 1}`
    const seen = looked(state, index, mutant)
    if (seen && isNews(state, seen, index))
      yield { label: `${name} reads, up to ${seen.instances[index]!.position}`, state: seen }
    if (!instance.isDue || instance.sentTo.every((sent) => sent === nothing)) continue
    const frames = framesOf(state, instance, instance.published, scene, mutant)
    const next = sent(
      { ...state, instances: put(state.instances, index, { ...instance, isDue: false, published: instance.position }) },
      index,
      frames,
      scene,
    )
    if (next) yield { label: `${name} publishes ${frames.map(nameOf).join(', ')}`, ...next }
  }
}

/** A read that shows the same as the last one, at the same time, is no step. */
const isNews = (before: State, after: State, index: number): boolean =>
  before.database !== after.database ||
  (['epoch', 'position', 'log', 'readAt'] as const).some(
    (key) => before.instances[index]![key] !== after.instances[index]![key],
  )

/** Connects a verifier, which tells where it stands; the answer is from a read that begins now. */
export function* connecting(state: State, scene: Scene, mutant: Mutant | undefined): Generator<Step> {
  for (const [index, verifier] of state.verifiers.entries()) {
    if (verifier.applying) continue
    const name = `verifier ${index + 1}`
    if (verifier.instance !== nothing) {
      yield { label: `${name} loses its connection`, state: disconnected(state, index) }
      continue
    }
    for (let at = 0; at < state.instances.length; at++) {
      const seen = looked(state, at, mutant)
      if (!seen) continue
      const instance = seen.instances[at]!
      const label = `${name} connects to instance ${at + 1} with cursor ${verifier.cursor}`
      const isOther = verifier.epoch !== nothing && verifier.epoch !== instance.epoch && mutant !== 'epoch ignored'
      if (isOther || verifier.cursor > instance.position) {
        const verifiers = put(seen.verifiers, index, { ...verifier, epoch: nothing, cursor: 0 })
        yield { label: `${label} and hears of another epoch`, state: { ...seen, verifiers } }
        continue
      }
      const isUnserved = mutant === 'published from above the cursor of a subscriber'
      const frames = isUnserved ? [] : framesOf(seen, instance, verifier.cursor, scene, mutant)
      const listening = { ...instance, sentTo: put(instance.sentTo, index, verifier.cursor) }
      // Its estimate is as good as its first answer; without the mutant the time of sending counts, and there is no error.
      const isLate = mutant === 'the clock of the instance taken when its answer arrives'
      const connected = {
        ...verifier,
        instance: instance.id,
        connectedAt: isLate ? seen.database.now : 0,
        error: isLate ? nothing : 0,
      }
      const joined = {
        ...seen,
        instances: put(seen.instances, at, listening),
        verifiers: put(seen.verifiers, index, connected),
      }
      const next = sent(joined, at, frames, scene, index)
      if (next) yield { label: `${label}, is sent ${frames.map(nameOf).join(', ') || 'nothing'}`, ...next }
    }
  }
}

export function disconnected(state: State, index: number): State {
  const verifier = state.verifiers[index]!
  return {
    ...state,
    verifiers: put(state.verifiers, index, { ...verifier, instance: nothing, connectedAt: 0, error: 0 }),
    instances: state.instances.map((instance) =>
      instance.sentTo[index] === nothing ? instance : { ...instance, sentTo: put(instance.sentTo, index, nothing) },
    ),
  }
}

/** The state after an instance has read; undefined while it would have to wait for the head's lock. */
function looked(state: State, index: number, mutant: Mutant | undefined): State | undefined {
  const isForeign = state.database.lineage !== state.database.timeline
  if (isForeign && state.database.lockedBy !== nothing) return undefined
  let next = isForeign ? withSnapshot(state, adopted(state.database, mutant)) : state
  const { database, history } = next
  let instance = next.instances[index]!
  const isOther = instance.epoch !== database.epoch
  if (isOther) {
    // Whoever listens hears nothing more, and comes again.
    for (const [verifier, sentTo] of instance.sentTo.entries())
      if (sentTo !== nothing) next = disconnected(next, verifier)
    instance = { ...next.instances[index]!, epoch: database.epoch, position: 0, log: 0, published: database.head }
  }
  let log = instance.log
  for (const [bit, { position }] of members(database.entries, history))
    if (position > instance.position && position <= database.head) log |= bit
  for (const [bit, { begunAt }] of members(log, history)) if (untilOf(begunAt, mutant) < database.now) log &= ~bit
  const isListenedTo = instance.sentTo.some((sentTo) => sentTo !== nothing)
  const read = {
    ...instance,
    log,
    position: database.head,
    readAt: database.now,
    isDue: isListenedTo,
    published: isListenedTo ? instance.published : database.head,
  }
  return { ...next, instances: put(next.instances, index, read) }
}

/** All after a position, in frames of a page each. */
function framesOf(
  { history, database }: State,
  instance: Instance,
  from: number,
  { pageSize, ticks }: Scene,
  mutant: Mutant | undefined,
): Frame[] {
  const isLate = mutant === 'the anchor taken when the frame is sent'
  const readAt = isLate ? database.now : instance.readAt
  const due = [...members(instance.log, history)]
    .filter(([, { position }]) => position > from)
    .sort(([, a], [, b]) => a.position - b.position)
  const frames: Frame[] = []
  let start = from
  do {
    const page = due.splice(0, pageSize)
    const hasMore = due.length > 0
    const to = hasMore ? page.at(-1)![1].position : instance.position
    const isAnchored = !hasMore || mutant === 'a frame with more to come makes fresh'
    frames.push({
      instance: instance.id,
      epoch: instance.epoch,
      from: start,
      to,
      entries: page.reduce((set, [bit]) => set | bit, 0),
      readAt: isAnchored ? readAt : nothing,
      // Only forgetting depends on it.
      asof: ticks > tokenLife + leeway ? instance.readAt : 0,
    })
    start = to
  } while (due.length > 0)
  return frames
}

/** The frames on their way to one verifier or to all who listen; undefined if there are more than the scene allows. */
function sent(
  state: State,
  index: number,
  frames: readonly Frame[],
  scene: Scene,
  only?: number,
): Omit<Step, 'label'> | undefined {
  const instance = state.instances[index]!
  const sentTo = [...instance.sentTo]
  let hole: string | undefined
  const verifiers = state.verifiers.map((verifier, at) => {
    if (instance.sentTo[at] === nothing || (only !== undefined && only !== at)) return verifier
    const news = frames.filter((frame) => !verifier.onTheWay.some((other) => frameOrder(frame, other) === 0))
    for (const { from, to } of frames) {
      if (from > sentTo[at]!)
        hole ??= `verifier ${at + 1} was sent everything up to ${sentTo[at]}, and now a frame from ${from}`
      sentTo[at] = Math.max(sentTo[at]!, to)
    }
    return { ...verifier, onTheWay: [...verifier.onTheWay, ...news].sort(frameOrder) }
  })
  if (verifiers.some(({ onTheWay }) => onTheWay.length > scene.onTheWay)) return undefined
  const next = { ...state, instances: put(state.instances, index, { ...instance, sentTo }), verifiers }
  return { state: next, ...(hole === undefined ? {} : { hole }) }
}
