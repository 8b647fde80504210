import type { Verifier } from '@falconer/verifier'
import { createRandom } from '../../histories/random.ts'
import { nowMs } from './clock.ts'
import type { Counts, Finding, Numbered, ToProber } from './messages.ts'
import { through } from './routing.ts'

/** A verifier under test, and the port of the way on which it goes out. */
export interface Probed {
  readonly index: number
  readonly port: number
  readonly verifier: Verifier
}

/** Asks verifiers about tokens: often around the end of a token, now and then otherwise. */
export interface Probing {
  tell(message: Extract<ToProber, { type: 'tokens' | 'doomed' | 'dead' | 'spared' }>): void
  /** This verifier has just become fresh: the instant at which it may be wrong. */
  becameFresh(verifier: Probed): void
  /** Asks everyone about every dead token that was not refused yet. Answers whether all were refused. */
  askAll(): Promise<boolean>
  /** Asks again about this many that were refused. */
  askAgain(count: number): Promise<void>
  readonly counts: Counts
  readonly strange: Readonly<Record<string, number>>
  findings(): Finding[]
}

interface Watched extends Numbered {
  phase: 'live' | 'doomed' | 'dead'
  deadAtMs: number
  position: number
  readonly pairs: readonly Pair[]
}

interface Pair {
  readonly probed: Probed
  acceptedAtMs?: number
  refusedAtMs?: number
  dueMs: number
  isAsking: boolean
}

const tickMs = 2
/** How many questions a tick may ask: beyond that they would take the machine from what is tested. */
const mostPerTick = 6

export function createProbing(verifiers: readonly Probed[], boundMs: number, seed: number): Probing {
  const random = createRandom(seed, `probing ${verifiers[0]?.index ?? 0}`)
  const all = new Map<number, Watched>()
  /** Those that are ended or about to be, and that somebody does not refuse yet. */
  const urgent = new Set<Watched>()
  const refused: Watched[] = []
  const counts = { samples: 0, fresh: 0, accepted: 0, revoked: 0, stale: 0, other: 0 }
  const strange: Record<string, number> = {}

  async function ask(watched: Watched, pair: Pair): Promise<void> {
    if (pair.isAsking) return
    pair.isAsking = true
    const { port, verifier } = pair.probed
    // Before the question: whoever accepts has decided later than this.
    const askedAtMs = nowMs()
    const result = await through(port, () => verifier.verify(watched.token))
    pair.isAsking = false
    if (result.ok) {
      counts.accepted++
      pair.acceptedAtMs = Math.max(pair.acceptedAtMs ?? 0, askedAtMs)
    } else if (result.error === 'revoked') {
      counts.revoked++
      pair.refusedAtMs ??= nowMs()
    } else if (result.error === 'stale' || result.error === 'unavailable') counts.stale++
    else {
      counts.other++
      strange[result.error] = (strange[result.error] ?? 0) + 1
    }
  }

  /** How long until the next question about it. */
  function paceMs({ phase, deadAtMs }: Watched, atMs: number): number {
    const age = atMs - deadAtMs
    if (phase === 'doomed' || age < 60) return 6
    return Math.abs(age - boundMs) < 40 ? 6 : 100
  }

  function tick(): void {
    const atMs = nowMs()
    const states = new Map(verifiers.map((one) => [one, one.verifier.state()]))
    for (const { fresh } of states.values()) {
      counts.samples++
      if (fresh) counts.fresh++
    }
    let asked = 0
    for (const watched of urgent) {
      const isPast = watched.phase === 'dead' && atMs > watched.deadAtMs + boundMs
      for (const pair of watched.pairs) {
        if (pair.refusedAtMs !== undefined) continue
        const state = states.get(pair.probed)
        // By what it says of itself it may accept now, and must not: nothing is asked more urgently.
        const isWrong = isPast && state?.fresh === true
        if (!isWrong && (asked >= mostPerTick || atMs < pair.dueMs)) continue
        // One that is stale answers so without looking.
        pair.dueMs = atMs + (state?.fresh === true ? paceMs(watched, atMs) : 200)
        asked++
        void ask(watched, pair)
      }
      if (watched.phase === 'dead' && watched.pairs.every((pair) => pair.refusedAtMs !== undefined)) {
        urgent.delete(watched)
        refused.push(watched)
      }
    }
    setTimeout(tick, tickMs)
  }

  /** One that nobody has ended, and one that was refused long ago. */
  function glance(): void {
    const ids = [...all.keys()]
    for (const watched of [all.get(ids[random.below(ids.length)] ?? -1), refused[random.below(refused.length)]])
      for (const pair of watched?.pairs ?? []) if (watched) void ask(watched, pair)
    setTimeout(glance, 60)
  }
  tick()
  glance()

  return {
    counts,
    strange,
    tell: (message) => {
      if (message.type === 'tokens') {
        for (const { id, token } of message.tokens) {
          const pairs = verifiers.map((probed) => ({ probed, dueMs: 0, isAsking: false }))
          all.set(id, { id, token, phase: 'live', deadAtMs: 0, position: 0, pairs })
        }
        return
      }
      for (const id of message.ids) {
        const watched = all.get(id)
        if (!watched) throw new Error(`token ${id} is not known`)
        if (message.type === 'dead') {
          watched.deadAtMs = message.atMs
          watched.position = message.position
        }
        watched.phase = message.type === 'spared' ? 'live' : message.type
        if (message.type === 'spared') urgent.delete(watched)
        else urgent.add(watched)
      }
    },
    becameFresh: (probed) => {
      for (const watched of urgent)
        for (const pair of watched.pairs)
          if (pair.probed === probed && pair.refusedAtMs === undefined) void ask(watched, pair)
    },
    askAll: async () => {
      const open = [...urgent].flatMap((watched) =>
        watched.pairs.filter((pair) => pair.refusedAtMs === undefined).map((pair) => ({ watched, pair })),
      )
      for (const { watched, pair } of open) await ask(watched, pair)
      return open.every(({ pair }) => pair.refusedAtMs !== undefined)
    },
    askAgain: async (count) => {
      for (let i = 0; i < count && refused.length > 0; i++) {
        const watched = random.pick(refused)
        for (const pair of watched.pairs) await ask(watched, pair)
      }
    },
    findings: () =>
      [...all.values()].flatMap(({ id, pairs }) =>
        pairs.map(({ probed, acceptedAtMs, refusedAtMs }) => ({
          id,
          verifier: probed.index,
          ...(acceptedAtMs === undefined ? {} : { acceptedAtMs }),
          ...(refusedAtMs === undefined ? {} : { refusedAtMs }),
        })),
      ),
  }
}
