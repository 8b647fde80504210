import { setTimeout as sleep } from 'node:timers/promises'
import type { Action, ActionResult, Code, Shot } from './action.ts'
import type { Actors } from './actors.ts'
import type { EndingName } from './event.ts'
import { authorize, PatientBrowser, type Person } from './people.ts'
import { perform } from './perform.ts'
import type { Random } from './random.ts'
import type { Held } from './wire.ts'

/** The scene cannot go on: something it builds on was ended by others, or killed. */
export class Abandoned extends Error {}

/** Someone who is signed in at a client. */
export interface SignedIn {
  readonly person: Person
  readonly browser: PatientBrowser
  readonly held: Held
}

/** Where a scene plays: a person, instances at random, and the other processes for a volley. */
export interface Stage {
  readonly random: Random
  /** Signs a person in, with a new session. */
  signIn(client: string, options?: { offline?: boolean; submits?: number }): Promise<SignedIn>
  /** A further code from the session that the browser has. */
  code(signedIn: SignedIn, client: string, offline?: boolean): Promise<Code>
  redeem(code: Code): Promise<Held>
  do(action: Action, instance?: number): Promise<ActionResult>
  /** Refreshes honestly: what has no answer is sent again. */
  rotate(held: Held): Promise<Held>
  /** All at once, from all processes, each within so many milliseconds after the signal. */
  volley(actions: readonly Action[], withinMs: number): Promise<ActionResult[]>
  /** Looks at tokens on every instance, and refreshes them once. */
  examine(held: readonly Held[]): Promise<void>
  /** The same in a hurry: one question and one refresh for each. */
  glance(held: readonly Held[]): Promise<void>
  /** Lets the person in again when an ending keeps the person out. */
  restore(ending: EndingName, held: Held): Promise<void>
}

export interface StageParts {
  readonly actor: string
  readonly random: Random
  readonly people: readonly Person[]
  readonly actors: Actors
  readonly issuer: string
  readonly processes: number
  readonly fire: (shots: readonly Shot[]) => Promise<ActionResult[]>
}

export function createStage({ actor, random, people, actors, issuer, processes, fire }: StageParts): Stage {
  const anywhere = () => random.below(actors.instances.length)
  const by = (instance = anywhere()) => ({ actor, instance })

  const stage: Stage = {
    random,
    do: (action, instance) => perform(action, by(instance), actors),
    signIn: async (client, options = {}) => {
      const person = random.pick(people)
      const browser = new PatientBrowser(actors.instances[0] ?? '')
      const codes = await authorize({ client, person, browser, ...options }, by(), actors, issuer)
      const results = await Promise.all(codes.map((code) => stage.do({ do: 'exchange', code })))
      const held = results.find((result) => result.held)?.held
      if (!held) throw new Abandoned()
      return { person, browser, held }
    },
    code: async ({ person, browser, held }, client, offline = false) => {
      const request = { client, person, browser, offline, sid: held.facts.sid }
      const [code] = await authorize(request, by(), actors, issuer)
      if (!code) throw new Abandoned()
      return code
    },
    redeem: async (code) => {
      const { held } = await stage.do({ do: 'exchange', code })
      if (!held) throw new Abandoned()
      return held
    },
    rotate: async (held) => {
      for (let tries = 0; tries < 5; tries++) {
        const { outcome, held: next } = await stage.do({ do: 'refresh', held })
        if (next) return next
        if (outcome === 'fail') break
      }
      throw new Abandoned()
    },
    volley: (actions, withinMs) =>
      fire(
        actions.map((action, i) => ({
          process: i % processes,
          instance: anywhere(),
          delayMs: random.next() * withinMs,
          actor,
          action,
        })),
      ),
    examine: async (held) => {
      for (const one of held) {
        await Promise.all([
          ...actors.instances.map((_, i) => stage.do({ do: 'introspect', held: one, kind: 'access' }, i)),
          stage.do({ do: 'userinfo', held: one }),
          stage.do({ do: 'introspect', held: one, kind: 'refresh' }),
        ])
        const { held: next } = await stage.do({ do: 'refresh', held: one })
        if (next) await stage.do({ do: 'introspect', held: next, kind: 'access' })
      }
    },
    glance: async (held) => {
      await Promise.all(
        held.flatMap((one) => [
          stage.do({ do: 'introspect', held: one, kind: 'access' }),
          stage.do({ do: 'refresh', held: one }),
        ]),
      )
    },
    restore: async (ending, { facts: { sub } }) => {
      if (ending !== 'disable user') return
      while ((await stage.do({ do: 'enable', sub })).outcome !== 'ok') await sleep(200)
    },
  }
  return stage
}
