import { frameOrder } from './frames.ts'
import type { Mutant } from './mutants.ts'
import {
  type Database,
  idle,
  jump,
  leeway,
  longestTransaction,
  maxStaleness,
  members,
  nothing,
  put,
  type Scene,
  type Snapshot,
  type State,
  type Step,
  snapshotOf,
  startedInstance,
  tokenLife,
} from './state.ts'

/** When an entry may be forgotten: known when its transaction begins. */
export const untilOf = (begunAt: number, mutant: Mutant | undefined): number =>
  begunAt + tokenLife + (mutant === 'until without leeway' ? 0 : leeway)

/** What a draw, or the first look, does to the head of a database that was promoted or restored. */
export function adopted(database: Database, mutant: Mutant | undefined): Database {
  if (database.lineage === database.timeline) return database
  const base = mutant === 'jump forgotten after a failover' ? database.base : database.timeline * jump
  return {
    ...database,
    base,
    head: Math.max(database.head, base),
    lineage: database.timeline,
    epoch: database.epochs,
    epochs: database.epochs + 1,
  }
}

export const withSnapshot = (state: State, database: Database): State => ({
  ...state,
  database,
  history: { ...state.history, snapshots: [...state.history.snapshots, snapshotOf(database)] },
})

/** Endings: begun, drawn, committed or undone. A writer that crashes leaves what a ROLLBACK leaves. */
export function* writing(state: State, scene: Scene, mutant: Mutant | undefined): Generator<Step> {
  const { database, writers, history } = state
  const isLocking = mutant !== 'draw without holding the lock to COMMIT'
  const open = writers.filter((writer) => writer.phase !== 'idle').length
  for (const [index, writer] of writers.entries()) {
    const name = `writer ${index + 1}`
    if (writer.phase === 'idle') {
      // Idle writers are alike: the first of them begins.
      if (history.endings.length + open >= scene.endings || writers.findIndex((one) => one.phase === 'idle') !== index)
        continue
      const begun = { phase: 'begun', begunAt: database.now, position: 0 } as const
      yield { label: `${name} begins`, state: { ...state, writers: put(writers, index, begun) } }
      continue
    }
    const released = database.lockedBy === index ? { ...database, lockedBy: nothing } : database
    const undone = { ...state, database: released, writers: put(writers, index, idle) }
    yield { label: `${name} rolls back, or crashes`, state: undone }
    if (writer.phase === 'begun') {
      if (isLocking && database.lockedBy !== nothing) continue
      const position = Math.max(adopted(database, mutant).head, isLocking ? 0 : database.drawn) + 1
      const drawn = { ...database, ...(isLocking ? { lockedBy: index } : { drawn: position }) }
      yield {
        label: `${name} draws ${position}`,
        state: { ...state, database: drawn, writers: put(writers, index, { ...writer, phase: 'drawn', position }) },
      }
    } else {
      const { position, begunAt } = writer
      const bit = 1 << history.endings.length
      const { space, timeline, now } = database
      const ending = { position, space, timeline, begunAt, committedAt: now, isLost: false }
      const before = adopted(released, mutant)
      const after = {
        ...before,
        head: Math.max(before.head, position),
        entries: before.entries | bit,
        contains: before.contains | bit,
      }
      const committed = { ...state, history: { ...history, endings: [...history.endings, ending] } }
      yield {
        label: `${name} commits ${position}`,
        state: { ...withSnapshot(committed, after), writers: put(writers, index, idle) },
      }
    }
  }
}

/** What happens to the database as a whole. */
export function* operating(state: State, scene: Scene, mutant: Mutant | undefined): Generator<Step> {
  const { database, history } = state
  const due = [...members(database.entries, history)].sort(([, a], [, b]) => a.position - b.position)
  let entries = database.entries
  for (const [bit, ending] of due) {
    // Only ever from the beginning.
    if (untilOf(ending.begunAt, mutant) >= database.now) break
    entries &= ~bit
  }
  if (entries !== database.entries)
    yield { label: 'the cleanup shortens the feed', state: { ...state, database: { ...database, entries } } }
  if (database.failovers < scene.failovers) {
    const own = history.snapshots.filter(({ space }) => space === database.space)
    for (const [index, snapshot] of own.entries()) {
      const what =
        index === own.length - 1 ? 'a standby is promoted' : `a backup with head ${snapshot.head} is restored`
      yield { label: what, state: restored(state, snapshot) }
    }
  }
  if (database.replacements < scene.replacements)
    yield { label: 'an empty database takes its place', state: replaced(state) }
}

function restored(state: State, snapshot: Snapshot): State {
  const { database, history, writers } = state
  const { head, base, epoch, lineage, contains } = snapshot
  const endings = history.endings.map((ending, index) =>
    ending.space === database.space && (contains & (1 << index)) === 0 ? { ...ending, isLost: true } : ending,
  )
  const timeline = database.timeline + 1
  const failovers = database.failovers + 1
  return {
    ...state,
    // What was cleaned up since the backup is there again.
    database: {
      ...database,
      head,
      base,
      epoch,
      lineage,
      contains,
      entries: contains,
      timeline,
      failovers,
      lockedBy: nothing,
    },
    history: { ...history, endings },
    writers: writers.map(() => idle),
  }
}

function replaced(state: State): State {
  const { database, writers } = state
  const timeline = database.timeline + 1
  const empty = {
    ...database,
    head: 0,
    base: 0,
    entries: 0,
    contains: 0,
    drawn: 0,
    lockedBy: nothing,
    timeline,
    lineage: timeline,
    epoch: database.epochs,
    epochs: database.epochs + 1,
    space: database.space + 1,
    replacements: database.replacements + 1,
  }
  return withSnapshot({ ...state, writers: writers.map(() => idle) }, empty)
}

/** Time, and processes that end and start again. */
export function* living(state: State, scene: Scene, mutant: Mutant | undefined): Generator<Step> {
  const { database, writers, instances, verifiers } = state
  const isHeldUp = writers.some(
    (writer) => writer.phase !== 'idle' && writer.begunAt + longestTransaction <= database.now,
  )
  if (database.now < scene.ticks && !isHeldUp)
    yield { label: `a tick: it is ${database.now + 1}`, state: later(state, mutant) }
  if (database.instanceRestarts >= scene.instanceRestarts) return
  for (const [index, instance] of instances.entries()) {
    if (instance.epoch === nothing) continue
    const restarted = {
      ...database,
      incarnations: database.incarnations + 1,
      instanceRestarts: database.instanceRestarts + 1,
    }
    yield {
      label: `instance ${index + 1} restarts`,
      state: {
        ...state,
        database: restarted,
        instances: put(instances, index, startedInstance(database.incarnations, verifiers.length)),
        verifiers: verifiers.map((verifier) =>
          verifier.instance === instance.id ? { ...verifier, instance: nothing } : verifier,
        ),
      },
    }
  }
}

/** What is too old to make anybody fresh is as good as what is older: states that differ only there are one. */
function later(state: State, mutant: Mutant | undefined): State {
  const now = state.database.now + 1
  const ticked = { ...state, database: { ...state.database, now } }
  // A mutant may judge otherwise.
  if (mutant !== undefined) return ticked
  const oldest = now - maxStaleness
  const aged = <T extends { readonly readAt: number }>(read: T): T =>
    read.readAt === nothing || read.readAt >= oldest ? read : { ...read, readAt: oldest }
  return {
    ...ticked,
    instances: state.instances.map(aged),
    verifiers: state.verifiers.map((verifier) => ({
      ...verifier,
      freshAt: verifier.freshAt <= oldest ? nothing : verifier.freshAt,
      onTheWay: verifier.onTheWay
        .map(aged)
        .sort(frameOrder)
        .filter((frame, at, all) => at === 0 || frameOrder(frame, all[at - 1]!) !== 0),
    })),
  }
}
