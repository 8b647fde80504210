import type { Returned } from '../../histories/event.ts'
import { nowMs } from './clock.ts'
import type { Numbered, ToProber } from './messages.ts'

/** What an ending names. */
export interface Target {
  readonly kind: 'session' | 'grant' | 'jti' | 'user' | 'client'
  readonly id: string
}

/** An ending that was asked for; `doneAtMs` and `position` once it was confirmed. */
export interface Ending {
  readonly target: Target
  readonly askedAtMs: number
  doneAtMs?: number
  position?: number
}

/** A token that was issued, and what is known of its end. */
export interface Known {
  readonly id: number
  readonly facts: Returned
  /** The first ending of it was asked for. */
  doomedAtMs?: number
  /** The first ending of it was confirmed. */
  deadAtMs?: number
  /** A receipt said that everybody obeys. */
  obeyedAtMs?: number
}

/** Every token of the run, and every ending; tells the verifiers' processes what they have to watch. */
export interface Registry {
  readonly tokens: readonly Known[]
  readonly endings: readonly Ending[]
  add(token: string, facts: Returned): void
  /** About to be asked for. */
  open(target: Target): Ending
  /** Confirmed; `isObeyed`: with the receipt that every verifier has it. */
  close(ending: Ending, position: number, isObeyed: boolean): void
}

export function createRegistry(tell: (message: ToProber) => void): Registry {
  const tokens: Known[] = []
  const endings: Ending[] = []
  const open = new Set<Ending>()
  let fresh: Numbered[] = []
  const flush = () => {
    if (fresh.length > 0) tell({ type: 'tokens', tokens: fresh })
    fresh = []
  }

  return {
    tokens,
    endings,
    add: (token, facts) => {
      const known: Known = { id: tokens.length, facts }
      tokens.push(known)
      fresh.push({ id: known.id, token })
      flush()
      // It was on its way while something ended.
      const ended = endings.find((ending) => ending.doneAtMs !== undefined && isEndedBy(facts, ending))
      const asked = ended ?? [...open].find(({ target }) => covers(target, facts))
      if (!asked) return
      known.doomedAtMs = asked.askedAtMs
      tell({ type: 'doomed', ids: [known.id] })
      if (ended?.doneAtMs === undefined) return
      known.deadAtMs = ended.doneAtMs
      tell({ type: 'dead', ids: [known.id], atMs: ended.doneAtMs, position: ended.position ?? 0 })
    },
    open: (target) => {
      const ending: Ending = { target, askedAtMs: nowMs() }
      endings.push(ending)
      open.add(ending)
      const doomed = tokens.filter((known) => known.doomedAtMs === undefined && covers(target, known.facts))
      for (const known of doomed) known.doomedAtMs = ending.askedAtMs
      tell({ type: 'doomed', ids: doomed.map(({ id }) => id) })
      return ending
    },
    close: (ending, position, isObeyed) => {
      const atMs = nowMs()
      open.delete(ending)
      Object.assign(ending, { doneAtMs: atMs, position })
      const covered = tokens.filter(({ facts }) => covers(ending.target, facts))
      const dead = covered.filter(({ facts }) => isEndedBy(facts, ending))
      if (isObeyed) for (const known of dead) known.obeyedAtMs ??= atMs
      const first = dead.filter(({ deadAtMs }) => deadAtMs === undefined)
      for (const known of first) known.deadAtMs = atMs
      tell({ type: 'dead', ids: first.map(({ id }) => id), atMs, position })
      const isStillOpen = (known: Known) => [...open].some(({ target }) => covers(target, known.facts))
      const spared = covered.filter((known) => known.deadAtMs === undefined && !isStillOpen(known))
      for (const known of spared) delete known.doomedAtMs
      tell({ type: 'spared', ids: spared.map(({ id }) => id) })
    },
  }
}

function covers({ kind, id }: Target, facts: Returned): boolean {
  switch (kind) {
    case 'session':
      return facts.sid === id
    case 'grant':
      return facts.gid === id
    case 'jti':
      return facts.jti === id
    case 'user':
      return facts.sub === id
    case 'client':
      return facts.client === id
  }
  return kind satisfies never
}

/** By position where the token could have been minted after it (docs/revocation-feed.md §4). */
const isEndedBy = (facts: Returned, { target, position = 0 }: Ending): boolean =>
  covers(target, facts) && (target.kind === 'jti' || facts.rvp < position)
