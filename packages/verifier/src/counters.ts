/** What has happened since the verifier was made. */
export interface Counters {
  verified: number
  revoked: number
  refused: number
  /** Tokens that came while stale, by what was done with them. */
  stale: { strict: number; introspect: number; grace: number; open: number }
  introspections: number
  frames: number
  refusedFrames: number
  bytes: number
  reconnects: number
  gaps: number
  epochs: number
}

export const createCounters = (): Counters => ({
  verified: 0,
  revoked: 0,
  refused: 0,
  stale: { strict: 0, introspect: 0, grace: 0, open: 0 },
  introspections: 0,
  frames: 0,
  refusedFrames: 0,
  bytes: 0,
  reconnects: 0,
  gaps: 0,
  epochs: 0,
})
