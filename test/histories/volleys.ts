import { setTimeout as sleep } from 'node:timers/promises'
import type { ActionResult, Shot } from './action.ts'
import type { Actors } from './actors.ts'
import { type NumberedResult, type NumberedShot, type ToRun, volleyName } from './messages.ts'
import { perform } from './perform.ts'
import { now } from './recorder.ts'

/** Time for the shots to reach the other processes before the signal. */
const noticeMicros = 12_000

/** Fires shots from several processes at one instant of the clock they share. */
export interface Volleys {
  fire(shots: readonly Shot[]): Promise<ActionResult[]>
  /** Shots of somebody's volley that this process is to fire. */
  take(volley: string, at: number, shots: readonly NumberedShot[]): Promise<void>
  /** Results that came back for a volley of this process. */
  collect(volley: string, results: readonly NumberedResult[]): void
}

export function createVolleys(process: number, actors: Actors, send: (message: ToRun) => void): Volleys {
  const waiting = new Map<string, { results: ActionResult[]; missing: number; done: (all: ActionResult[]) => void }>()
  let count = 0
  return {
    fire: (shots) =>
      new Promise((done) => {
        const volley = volleyName(process, ++count)
        waiting.set(volley, { results: [], missing: shots.length, done })
        const numbered = shots.map((shot, number) => ({ ...shot, number }))
        send({ type: 'fire', volley, at: now() + noticeMicros, shots: numbered })
      }),
    take: async (volley, at, shots) => {
      const results = await Promise.all(
        shots.map(async ({ number, delayMs, action, actor, instance }) => {
          await sleep(Math.max(0, (at - now()) / 1000 + delayMs))
          return { ...(await perform(action, { actor, instance }, actors)), number }
        }),
      )
      send({ type: 'fired', volley, results })
    },
    collect: (volley, results) => {
      const wait = waiting.get(volley)
      if (!wait) return
      for (const { number, ...result } of results) wait.results[number] = result
      wait.missing -= results.length
      if (wait.missing > 0) return
      waiting.delete(volley)
      wait.done(wait.results)
    },
  }
}
