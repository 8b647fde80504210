import { setTimeout as sleep } from 'node:timers/promises'
import type { Actors, By } from './actors.ts'
import { authorize, PatientBrowser, type Person } from './people.ts'
import { perform } from './perform.ts'
import type { Random } from './random.ts'
import type { Held } from './wire.ts'

export interface HonestParts {
  readonly name: string
  readonly client: string
  readonly person: Person
  readonly random: Random
  readonly actors: Actors
  readonly issuer: string
  readonly pauseMs: number
  /** Told of every new grant, so that others can attack it. */
  readonly onGrant: (held: Held) => void
  readonly isOver: () => boolean
}

/** An honest client: it sends again what had no answer, and signs in again when it is refused. */
export interface Honest {
  run(): Promise<void>
  /** After the last fault: whether it gets a working token. */
  finish(): Promise<boolean>
}

export function createHonest(parts: HonestParts): Honest {
  const { name, client, person, random, actors, issuer } = parts
  let browser = new PatientBrowser(actors.instances[0] ?? '')
  let held: Held | undefined
  const by = (): By => ({ actor: name, instance: random.below(actors.instances.length), honest: true })

  async function signIn(): Promise<void> {
    const isAnew = random.chance(0.6)
    if (isAnew) browser = new PatientBrowser(actors.instances[0] ?? '')
    const request = { client, person, browser, offline: random.chance(0.3) }
    const [code] = await authorize(request, by(), actors, issuer)
    held = undefined
    if (!code) return
    for (let tries = 0; tries < 3; tries++) {
      const result = await perform({ do: 'exchange', code }, by(), actors)
      held = result.held
      if (result.outcome !== 'info') break
      await sleep(200)
    }
    if (held) parts.onGrant(held)
  }

  /** Retries the same token until there is an answer. A refusal is final: the grant has ended. */
  async function refresh(final = false): Promise<boolean> {
    if (!held) return false
    const presented = held
    let wasInDoubt = false
    for (;;) {
      const { outcome, held: next } = await perform(
        { do: 'refresh', held: presented },
        { ...by(), ...(final ? { final } : {}) },
        actors,
      )
      if (next || outcome === 'fail') {
        // What had no answer may still be on its way: the successor is not used before that is over.
        if (next && wasInDoubt) await sleep(1100)
        held = next
        return next !== undefined
      }
      wasInDoubt = true
      await sleep(150 + random.below(250))
    }
  }

  async function twoTabs(presented: Held): Promise<void> {
    const tab = () => perform({ do: 'refresh', held: presented }, by(), actors)
    const results = await Promise.all([tab(), tab()])
    // Both tabs share one memory: either answer will do, and neither tab goes on before both have one.
    if (results.every((result) => result.outcome === 'ok')) held = results[0].held
    else await refresh()
  }

  async function step(): Promise<void> {
    if (!held) return signIn()
    const what = random.weighted({ refresh: 10, lose: 2, twoTabs: 2, use: 4, leave: 0.3, revoke: 0.3 })
    if (what === 'lose') await perform({ do: 'refresh', held }, by(), actors)
    if (what === 'refresh' || what === 'lose') await refresh()
    if (what === 'twoTabs') await twoTabs(held)
    if (what === 'use') {
      await perform({ do: 'userinfo', held }, by(), actors)
      await perform({ do: 'introspect', held, kind: 'access' }, by(), actors)
    }
    if (what === 'leave') await perform({ do: 'end', ending: 'log out', held }, by(), actors)
    if (what === 'revoke') await perform({ do: 'end', ending: 'revoke refresh token', held }, by(), actors)
  }

  return {
    run: async () => {
      while (!parts.isOver()) {
        await step()
        await sleep(random.below(parts.pauseMs))
      }
    },
    finish: async () => {
      for (let tries = 0; tries < 10; tries++) {
        if (await refresh(true)) return true
        await signIn()
        if (!held) await sleep(300)
      }
      return false
    },
  }
}
