/*
 * The feed as a machine of small steps: everything that may happen next, from any state that can be reached. Time has whole ticks. What the
 * network, a crash or the scheduler may do is a step like any other, so a search through all of them needs no luck.
 */

/** How many of everything, how often something may fail, and how long it goes on. */
export interface Scene {
  readonly writers: number
  readonly instances: number
  readonly verifiers: number
  /** Endings that commit. */
  readonly endings: number
  readonly ticks: number
  /** Frames on the way to one verifier, at most. */
  readonly onTheWay: number
  /** Entries in one frame. */
  readonly pageSize: number
  /** A promoted standby, or a restored backup that has forgotten endings. */
  readonly failovers: number
  /** An empty database in the place of the old one. */
  readonly replacements: number
  readonly instanceRestarts: number
  readonly verifierRestarts: number
  /** Frames that are lost or come twice. */
  readonly losses: number
}

/** Ticks. The longest life of an access token, and for how long after its end a service may still take it. */
export const tokenLife = 1
export const tolerance = 1
/** The clocks of services are this far behind that of the database. */
export const slowBy = 1
/** An ending's transaction, from its beginning (when `until` is set) to its commit: the statement timeouts see to that. */
export const longestTransaction = 1
export const leeway = tolerance + slowBy
/** Y. */
export const maxStaleness = 2
/** Between the beginnings of two timelines: more than can ever be drawn in one. */
export const jump = 16

export const nothing = -1

/** An ending that was committed; its place in the list is its bit in a set of entries. */
export interface Ending {
  readonly position: number
  readonly space: number
  readonly timeline: number
  readonly begunAt: number
  readonly committedAt: number
  /** Forgotten by a restored backup: it was never promised to survive that. */
  readonly isLost: boolean
}

/** The database as statements saw it at some time: whatever is minted from it carries `head` as its rvp. A backup is such a state, too. */
export interface Snapshot {
  readonly head: number
  readonly base: number
  readonly epoch: number
  readonly lineage: number
  readonly space: number
  /** The endings that it contains. */
  readonly contains: number
  /** On which timeline it was taken. */
  readonly timeline: number
}

export interface Database {
  readonly now: number
  readonly head: number
  readonly base: number
  readonly epoch: number
  /** Which timeline has drawn the last position, and which this is. */
  readonly lineage: number
  readonly timeline: number
  /** A number for the database itself: another one knows nothing of the positions, people and keys of this one. */
  readonly space: number
  /** Rows of feed_entries, and all endings that it knows. */
  readonly entries: number
  readonly contains: number
  readonly lockedBy: number
  /** Only for positions that are drawn without the lock. */
  readonly drawn: number
  readonly epochs: number
  readonly incarnations: number
  readonly failovers: number
  readonly replacements: number
  readonly instanceRestarts: number
  readonly verifierRestarts: number
  readonly losses: number
}

export interface History {
  readonly endings: readonly Ending[]
  readonly snapshots: readonly Snapshot[]
}

export interface Writer {
  readonly phase: 'idle' | 'begun' | 'drawn'
  readonly begunAt: number
  readonly position: number
}

export interface Instance {
  /** New with every start, like its clock. */
  readonly id: number
  readonly epoch: number
  readonly position: number
  readonly log: number
  /** When its last read began. */
  readonly readAt: number
  readonly published: number
  /** There is a reading that was not published. */
  readonly isDue: boolean
  /** Of every verifier: up to where it was sent everything on this connection; nothing if it does not listen here. */
  readonly sentTo: readonly number[]
}

export interface Frame {
  readonly instance: number
  readonly epoch: number
  readonly from: number
  readonly to: number
  readonly entries: number
  /** When its read began; nothing in a frame after which there is more. */
  readonly readAt: number
  readonly asof: number
}

export interface Verifier {
  readonly epoch: number
  readonly cursor: number
  readonly set: number
  /** The read of the youngest frame that it has applied, as it judges it. */
  readonly freshAt: number
  readonly asof: number
  /** The instance that it is connected to, and whose clock it knows; how much too young it takes that one's frames to be. */
  readonly instance: number
  readonly connectedAt: number
  readonly error: number
  /** Half applied. */
  readonly applying: Frame | null
  readonly onTheWay: readonly Frame[]
}

export interface State {
  readonly database: Database
  readonly history: History
  readonly writers: readonly Writer[]
  readonly instances: readonly Instance[]
  readonly verifiers: readonly Verifier[]
}

export interface Step {
  readonly label: string
  readonly state: State
  /** A frame that begins above all that its subscriber was sent: it will look like a loss, though nothing was lost. */
  readonly hole?: string
}

export const idle: Writer = { phase: 'idle', begunAt: 0, position: 0 }

export const startedInstance = (id: number, verifiers: number): Instance => ({
  id,
  epoch: nothing,
  position: 0,
  log: 0,
  readAt: nothing,
  published: 0,
  isDue: false,
  sentTo: Array.from({ length: verifiers }, () => nothing),
})

export const startedVerifier: Verifier = {
  epoch: nothing,
  cursor: 0,
  set: 0,
  freshAt: nothing,
  asof: nothing,
  instance: nothing,
  connectedAt: 0,
  error: 0,
  applying: null,
  onTheWay: [],
}

export function initial(scene: Scene): State {
  const database: Database = {
    now: 0,
    head: 0,
    base: 0,
    epoch: 0,
    lineage: 0,
    timeline: 0,
    space: 0,
    entries: 0,
    contains: 0,
    lockedBy: nothing,
    drawn: 0,
    epochs: 1,
    incarnations: scene.instances,
    failovers: 0,
    replacements: 0,
    instanceRestarts: 0,
    verifierRestarts: 0,
    losses: 0,
  }
  return {
    database,
    history: { endings: [], snapshots: [snapshotOf(database)] },
    writers: Array.from({ length: scene.writers }, () => idle),
    instances: Array.from({ length: scene.instances }, (_, id) => startedInstance(id, scene.verifiers)),
    verifiers: Array.from({ length: scene.verifiers }, () => startedVerifier),
  }
}

export const snapshotOf = ({ head, base, epoch, lineage, space, contains, timeline }: Database): Snapshot => ({
  head,
  base,
  epoch,
  lineage,
  space,
  contains,
  timeline,
})

/** The same list with another element at one place. */
export const put = <T>(list: readonly T[], index: number, value: T): readonly T[] => list.with(index, value)

/** The endings in a set, oldest first. */
export function* members(set: number, { endings }: History): Generator<[number, Ending]> {
  for (const [index, ending] of endings.entries()) if ((set & (1 << index)) !== 0) yield [1 << index, ending]
}
