/** Least and most of something. */
export type Range = readonly [number, number]

/** How often faults come, and how long they last. */
export interface Profile {
  /** Whether a verifier gives up a silent connection by itself. */
  readonly reconnects: boolean
  /** Faults of the way of one verifier, so many at a time. */
  readonly verifierPaths: {
    readonly lanes: number
    readonly pauseMs: Range
    readonly lastMs: Range
    readonly delayMs: Range
  }
  /** Faults of the way of one instance to its database. */
  readonly databasePaths: { readonly pauseMs: Range; readonly lastMs: Range; readonly delayMs: Range }
  /** All ways at once. */
  readonly everything: { readonly pauseMs: Range; readonly lastMs: Range }
  /** Processes of the server, of PostgreSQL, and of verifiers. */
  readonly processes: { readonly pauseMs: Range; readonly stopMs: Range }
}

export const profiles = {
  normal: {
    reconnects: true,
    verifierPaths: { lanes: 2, pauseMs: [300, 900], lastMs: [200, 2600], delayMs: [20, 800] },
    databasePaths: { pauseMs: [1000, 3000], lastMs: [300, 2600], delayMs: [50, 600] },
    everything: { pauseMs: [8000, 14_000], lastMs: [500, 2500] },
    processes: { pauseMs: [1500, 4000], stopMs: [300, 3000] },
  },
  /** Where a wrong sign of freshness shows: news that is older than the bound still arrives, because nobody gives the connection up. */
  'long-hole': {
    reconnects: false,
    verifierPaths: { lanes: 3, pauseMs: [200, 800], lastMs: [1500, 7000], delayMs: [300, 1900] },
    databasePaths: { pauseMs: [500, 1500], lastMs: [2200, 5500], delayMs: [1050, 1500] },
    everything: { pauseMs: [9000, 15_000], lastMs: [2000, 5000] },
    processes: { pauseMs: [8000, 14_000], stopMs: [1000, 5000] },
  },
} as const satisfies Record<string, Profile>

export type ProfileName = keyof typeof profiles
