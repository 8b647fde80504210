/** `[position, kind, key, until, nb]`: key 8 bytes in base64url, until and nb in seconds. What they mean: docs/revocation-feed.md §4. */
export type FeedEntry = readonly [number, string, string, number, number?]

/** Bounds that verifiers are told or can count on, from the settings. */
export interface FeedPolicy {
  /** No verifier accepts a token on older news than this. */
  readonly maxStalenessSeconds: number
  /** Streams that one client may have open at one instance. */
  readonly mostConnections: number
}
