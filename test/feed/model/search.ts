import { living, operating, writing } from './database.ts'
import { connecting, publishing } from './instances.ts'
import { type Violation, violated } from './invariants.ts'
import { createKeys } from './keys.ts'
import type { Invariant, Mutant } from './mutants.ts'
import { initial, type Scene, type State, type Step } from './state.ts'
import { verifying } from './verifiers.ts'

export interface Result {
  /** States that differ. */
  readonly states: number
  /** Steps of the longest of the shortest ways to a state. */
  readonly depth: number
  /** Nothing is left to be found within the scene. */
  readonly isExhausted: boolean
  /** The first violation, by the shortest way to it. */
  readonly violation?: Violation & { readonly trace: readonly string[] }
}

export interface Bounds {
  readonly mutant?: Mutant
  /** Without: any. */
  readonly invariant?: Invariant
  readonly depth?: number
  readonly states?: number
}

/** Breadth first through everything that can happen, so that what it finds is found by the fewest steps. */
export function search(
  scene: Scene,
  { mutant, invariant, depth: deepest = Infinity, states: most = Infinity }: Bounds = {},
): Result {
  const keyOf = createKeys(scene)
  const start = initial(scene)
  const seen = new Set([keyOf(start)])
  const ways: { parent: number; label: string }[] = [{ parent: -1, label: '' }]
  let level: [State, number][] = [[start, 0]]
  for (let depth = 0; ; depth++) {
    if (level.length === 0) return { states: seen.size, depth: depth - 1, isExhausted: true }
    if (depth === deepest || seen.size > most) return { states: seen.size, depth, isExhausted: false }
    const next: [State, number][] = []
    for (const [state, way] of level) {
      for (const step of steps(state, scene, mutant)) {
        for (const violation of violated(state, step)) {
          if (invariant !== undefined && violation.invariant !== invariant) continue
          const trace = [...traceTo(ways, way), step.label]
          return { states: seen.size, depth: depth + 1, isExhausted: false, violation: { ...violation, trace } }
        }
        const key = keyOf(step.state)
        if (seen.has(key)) continue
        seen.add(key)
        next.push([step.state, ways.push({ parent: way, label: step.label }) - 1])
      }
    }
    level = next
  }
}

function* steps(state: State, scene: Scene, mutant: Mutant | undefined): Generator<Step> {
  // Applying a frame concerns nobody else: whether others move meanwhile or afterwards comes to the same.
  if (state.verifiers.some(({ applying }) => applying)) {
    yield* verifying(state, scene, mutant)
    return
  }
  yield* writing(state, scene, mutant)
  yield* publishing(state, scene, mutant)
  yield* connecting(state, scene, mutant)
  yield* verifying(state, scene, mutant)
  yield* operating(state, scene, mutant)
  yield* living(state, scene, mutant)
}

function traceTo(ways: readonly { parent: number; label: string }[], way: number): string[] {
  const labels: string[] = []
  for (let at = way; at > 0; at = ways[at]!.parent) labels.unshift(ways[at]!.label)
  return labels
}

/** As a person reads it. */
export function story({ violation }: Result): string {
  if (!violation) return 'nothing'
  const lines = violation.trace.map((label, index) => `${String(index + 1).padStart(3)}  ${label}`)
  return [...lines, `  => ${violation.invariant}: ${violation.text}`].join('\n')
}
