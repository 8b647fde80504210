import type { SceneName } from './scenes/index.ts'

/** A mix of actors. */
export interface Profile {
  /** How likely each scene is, relative to the others. */
  readonly scenes: Readonly<Partial<Record<SceneName, number>>>
  /** Scenes that one process plays at the same time. */
  readonly lanes: number
  /** Pause of an honest client between two operations, at most. */
  readonly honestPauseMs: number
  /** Pause of those who end what honest clients hold, at most. */
  readonly assailantPauseMs: number
  /** Pause between two looks of the database oracle. */
  readonly oraclePauseMs: number
}

const usual = { lanes: 3, honestPauseMs: 500, assailantPauseMs: 1600, oraclePauseMs: 150 }
const quiet = { ...usual, honestPauseMs: 1500, assailantPauseMs: 6000 }

export const profiles = {
  mixed: {
    ...usual,
    scenes: {
      'refresh storm': 3,
      'strict storm': 2,
      'refresh chains': 2,
      'theft in the grace': 2,
      'retry after the grace': 2,
      stranger: 1,
      'exchange against end of user and client': 3,
      'exchange against end of session': 2,
      'exchange against end of client': 1,
      'double redemption': 2,
      'code replay': 1,
      'double login': 1,
      'ending among refreshes': 5,
      polling: 2,
      'crowd of endings': 2,
      'end of everything': 0.15,
    },
  },
  refresh: {
    ...quiet,
    scenes: {
      'refresh storm': 4,
      'strict storm': 3,
      'refresh chains': 4,
      'theft in the grace': 3,
      'retry after the grace': 4,
      'ending among refreshes': 1,
    },
  },
  exchange: {
    ...quiet,
    scenes: {
      'exchange against end of user and client': 8,
      'exchange against end of session': 3,
      'exchange against end of client': 1,
      'double redemption': 2,
      'code replay': 1,
    },
  },
  ending: {
    ...quiet,
    oraclePauseMs: 20,
    scenes: {
      'ending among refreshes': 5,
      'crowd of endings': 5,
      'exchange against end of user and client': 1,
      'exchange against end of session': 1,
      'end of everything': 0.1,
    },
  },
  introspection: { ...quiet, scenes: { polling: 6, 'ending among refreshes': 3, 'exchange against end of client': 1 } },
} satisfies Record<string, Profile>

export type ProfileName = keyof typeof profiles
