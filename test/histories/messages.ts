import type { ActionResult, Shot } from './action.ts'
import type { Person } from './people.ts'
import type { Profile } from './profiles.ts'
import type { Held } from './wire.ts'

/** What a worker is told at its start. */
export interface Assignment {
  readonly process: number
  readonly processes: number
  readonly seed: number
  readonly file: string
  readonly instances: readonly string[]
  readonly issuer: string
  readonly profile: Profile
  /** One honest client each. */
  readonly honest: readonly { readonly name: string; readonly client: string; readonly person: Person }[]
  readonly people: readonly Person[]
}

/** From the run to a worker. `stop`: no new work; `finish`: the last refresh of the honest clients. */
export type ToWorker =
  | { readonly type: 'start'; readonly assignment: Assignment }
  | { readonly type: 'fire'; readonly volley: string; readonly at: number; readonly shots: readonly NumberedShot[] }
  | { readonly type: 'fired'; readonly volley: string; readonly results: readonly NumberedResult[] }
  | { readonly type: 'prey'; readonly held: Held }
  | { readonly type: 'stop' }
  | { readonly type: 'finish' }

/** From a worker to the run, which passes shots, their results and news of grants on to the other workers. */
export type ToRun =
  | { readonly type: 'fire'; readonly volley: string; readonly at: number; readonly shots: readonly NumberedShot[] }
  | { readonly type: 'fired'; readonly volley: string; readonly results: readonly NumberedResult[] }
  | { readonly type: 'prey'; readonly held: Held }
  | { readonly type: 'counts'; readonly counts: Record<string, number>; readonly scenes: Record<string, number> }
  | { readonly type: 'stopped' }
  | { readonly type: 'finished'; readonly working: number; readonly honest: number }

export type NumberedShot = Shot & { readonly number: number }
export type NumberedResult = ActionResult & { readonly number: number }

/** A volley is named by the process that fires it. */
export const volleyName = (process: number, count: number): string => `${process}:${count}`
export const ownerOf = (volley: string): number => Number(volley.split(':')[0])
