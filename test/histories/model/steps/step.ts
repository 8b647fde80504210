import { type Arbitrary, type AsyncCommand, constant, nat, oneof } from 'fast-check'
import { tryWhatStopped } from '../aftermath.ts'
import { checkInvariants } from '../invariants.ts'
import type { Model } from '../state.ts'
import type { World } from '../world.ts'

export type Command = AsyncCommand<Model, World>

/** What a step would do in a state of the model: in words, and how. */
export interface Plan {
  readonly told: string
  /** Does it for real, moves the model by the rules, and compares. */
  readonly act: (world: World) => Promise<void>
}

/** The real server did something that the rules do not allow. Carries the whole history. */
export class Mismatch extends Error {
  constructor(told: readonly string[], cause: unknown) {
    const steps = told.map((line, i) => `  ${i + 1}. ${line}`).join('\n')
    super(`${cause instanceof Error ? cause.message : String(cause)}\n\nafter\n${steps}`, { cause })
    this.name = 'Mismatch'
  }
}

/** A kind of step: any of it, and the one with these arguments. */
export interface Kind<Arguments> {
  readonly any: Arbitrary<Command>
  readonly of: (given: Arguments) => Command
}

/** Makes a kind of step: `plan` finds what the arguments mean in a state; undefined when they mean nothing there. */
export function step<Arguments>(
  name: string,
  given: Arbitrary<Arguments>,
  plan: (m: Model, given: Arguments) => Plan | undefined,
): Kind<Arguments> {
  const of = (arguments_: Arguments): Command => ({
    check: (m) => plan(m, arguments_) !== undefined,
    run: async (m, world) => {
      const planned = plan(m, arguments_)
      if (!planned) return
      world.told.push(`at ${m.now} s: ${planned.told}`)
      try {
        await planned.act(world)
        await checkInvariants(m, world)
        await tryWhatStopped(m, world)
      } catch (error) {
        throw new Mismatch(world.told, error)
      }
    },
    toString: () => `${name} ${JSON.stringify(arguments_)}`,
  })
  return { any: given.map(of), of }
}

/** Mostly the youngest, sometimes an older one. */
export const pick: Arbitrary<number> = oneof({ weight: 3, arbitrary: constant(0) }, { weight: 2, arbitrary: nat(6) })

export const recent = <Item>(items: readonly Item[], back: number): Item | undefined =>
  items.at(-1 - (back % Math.max(items.length, 1)))

/** The same among those that live, if there are any; a high number may hit a dead one. */
export function recentLiving<Item>(
  items: readonly Item[],
  back: number,
  lives: (item: Item) => boolean,
): Item | undefined {
  const living = items.filter(lives)
  return recent(living.length > 0 && back < 4 ? living : items, back)
}
