/** What a process of verifiers is told at its start. */
export interface Assignment {
  /** Where the verifier package is. */
  readonly verifierModule: string
  /** Each verifier reaches the issuer through the proxy at its own port. */
  readonly verifiers: readonly { readonly index: number; readonly port: number }[]
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly maxStalenessSeconds: number
  readonly reconnects: boolean
  readonly seed: number
}

/** A token and the number by which the run knows it. */
export interface Numbered {
  readonly id: number
  readonly token: string
}

/** From the run to the verifiers. All instants are milliseconds of the clock that every process of the host shares. */
export type ToProber =
  | { readonly type: 'start'; readonly assignment: Assignment }
  | { readonly type: 'tokens'; readonly tokens: readonly Numbered[] }
  /** An ending of these has been asked for: from now on they may be refused. */
  | { readonly type: 'doomed'; readonly ids: readonly number[] }
  /** It was confirmed at that instant, with that position: soon they must be. */
  | { readonly type: 'dead'; readonly ids: readonly number[]; readonly atMs: number; readonly position: number }
  /** It does not concern these: they were minted after it. */
  | { readonly type: 'spared'; readonly ids: readonly number[] }
  /** Everything is healed: every verifier has to get to this position of this epoch, and to refuse every dead token. */
  | { readonly type: 'conclude'; readonly head: number; readonly epoch: string; readonly withinMs: number }

/** What one verifier said about one token. */
export interface Finding {
  readonly id: number
  readonly verifier: number
  /** When the last acceptance was asked for; the answer came later. */
  readonly acceptedAtMs?: number
  /** When it was first refused as revoked. */
  readonly refusedAtMs?: number
}

export interface Standing {
  readonly verifier: number
  readonly cursor: number
  readonly epoch: string
  readonly entries: number
}

/** Samples of how often the verifiers were fresh, and what they answered. */
export interface Counts {
  readonly samples: number
  readonly fresh: number
  readonly accepted: number
  readonly revoked: number
  readonly stale: number
  readonly other: number
}

export type ToRun =
  | { readonly type: 'ready' }
  | { readonly type: 'counts'; readonly counts: Counts }
  | {
      readonly type: 'concluded'
      readonly findings: readonly Finding[]
      readonly standings: readonly Standing[]
      readonly counts: Counts
      /** Other answers than acceptance, revocation and staleness, with how often they were given. */
      readonly strange: Readonly<Record<string, number>>
    }
