/**
 * How long sessions and grants live and how many there may be. The statements read it from the database, and hold what is alive already
 * to what is tightened. Times in whole seconds.
 */
export interface Policy {
  readonly sessionIdleSeconds: number
  readonly sessionMaxSeconds: number
  /** For people who ask to be remembered; absent where nobody may be. */
  readonly remember?: { readonly idleSeconds: number; readonly maxSeconds: number }
  /** Of online grants; absent: as long as the session. */
  readonly refreshIdleSeconds?: number
  readonly refreshMaxSeconds?: number
  /** How long the predecessor of a refresh token gets the same successor, for clients without a time of their own. */
  readonly refreshGraceSeconds: number
  readonly refreshCountsAsActivity: boolean
  readonly offlineIdleSeconds: number
  readonly offlineMaxSeconds: number
  /** Live sessions of one user; 0 for any number. */
  readonly maxSessionsPerUser: number
  readonly atSessionLimit: 'deny_new' | 'end_oldest'
}
