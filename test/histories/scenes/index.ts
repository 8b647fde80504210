import type { Stage } from '../stage.ts'
import * as ending from './ending.ts'
import * as exchanging from './exchanging.ts'
import * as refreshing from './refreshing.ts'

/** Every scene by its name. */
export const scenes = {
  'refresh storm': refreshing.storm,
  'strict storm': refreshing.strictStorm,
  'refresh chains': refreshing.chains,
  'theft in the grace': refreshing.theft,
  'retry after the grace': refreshing.lateRetry,
  stranger: refreshing.stranger,
  'exchange against end of user and client': exchanging.race,
  'exchange against end of session': exchanging.sessionRace,
  'exchange against end of client': exchanging.clientRace,
  'double redemption': exchanging.doubleRedemption,
  'code replay': exchanging.replay,
  'double login': exchanging.doubleLogin,
  'ending among refreshes': ending.race,
  polling: ending.poll,
  'crowd of endings': ending.crowd,
  'end of everything': ending.everything,
} satisfies Record<string, (stage: Stage) => Promise<void>>

export type SceneName = keyof typeof scenes
