import { setTimeout as sleep } from 'node:timers/promises'
import type { Actors } from './actors.ts'
import { strangeClient } from './clients.ts'
import type { EndingName } from './event.ts'
import { perform } from './perform.ts'
import type { Random } from './random.ts'
import type { Held } from './wire.ts'

export interface AssailantParts {
  readonly name: string
  readonly random: Random
  readonly actors: Actors
  /** What honest clients of all processes were given lately. */
  readonly prey: readonly Held[]
  readonly pauseMs: number
  readonly isOver: () => boolean
}

const endings: Readonly<Partial<Record<EndingName, number>>> = {
  'end session': 3,
  'end grant': 3,
  'end user': 2,
  'end user and client': 3,
  'end token': 2,
  'disable user': 1,
  'reset password': 1,
  'not-before of user': 1,
  'log out': 1,
  'revoke refresh token': 1,
  'revoke access token': 1,
  'end client': 0.1,
  'not-before of client': 0.1,
}

/** Admins, thieves and strangers, who do to honest clients of other processes what they can. */
export async function assail({ name, random, actors, prey, pauseMs, isOver }: AssailantParts): Promise<void> {
  while (!isOver()) {
    await sleep(random.below(pauseMs))
    if (prey.length === 0) continue
    const held = random.pick(prey)
    const by = () => ({ actor: name, instance: random.below(actors.instances.length) })
    const what = random.weighted({ end: 6, steal: 2, stranger: 2 })
    // The first token of the grant: by now it is generations old.
    if (what === 'steal') await perform({ do: 'refresh', held }, by(), actors)
    if (what === 'stranger') await perform({ do: 'refresh', held, as: strangeClient.id }, by(), actors)
    if (what !== 'end') continue
    const ending = random.weighted(endings)
    await perform({ do: 'end', ending, held }, by(), actors)
    if (ending !== 'disable user') continue
    const enable = () => perform({ do: 'enable', sub: held.facts.sub }, by(), actors)
    await sleep(300)
    while ((await enable()).outcome !== 'ok') await sleep(200)
  }
}

/** Asks about few tokens, on one instance after the other. */
export async function observe({ name, random, actors, prey, isOver }: AssailantParts): Promise<void> {
  while (!isOver()) {
    await sleep(20 + random.below(120))
    const held = prey.at(-1 - random.below(6))
    if (!held) continue
    const kind = random.pick(['access', 'access', 'refresh'] as const)
    for (let instance = 0; instance < actors.instances.length; instance++)
      await perform({ do: 'introspect', held, kind }, { actor: name, instance }, actors)
  }
}
