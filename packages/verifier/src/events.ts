/** What a verifier tells its owner, for logs and alarms. None of it carries a token, a key or a secret. */
export type VerifierEvent =
  | { readonly type: 'connected'; readonly by: 'stream' | 'poll'; readonly instance: string }
  | { readonly type: 'disconnected'; readonly reason: string }
  | { readonly type: 'fresh' }
  | { readonly type: 'stale'; readonly reason: StaleReason }
  | { readonly type: 'gap'; readonly cursor: number }
  | { readonly type: 'epoch' }
  | { readonly type: 'sleep' }
  | { readonly type: 'overflow'; readonly entries: number }
  | { readonly type: 'refused_frame'; readonly reason: string }
  | { readonly type: 'failed'; readonly what: 'metadata' | 'keys' | 'ack' | 'introspection'; readonly reason: string }

/** `starting`: nothing was read yet. `news`: the news is too old. `overflow`: not everything found room. */
export type StaleReason = 'starting' | 'news' | 'overflow'

export type Report = (event: VerifierEvent) => void

/** A listener that fails must not take the verifier with it. */
export function createReport(listener: ((event: VerifierEvent) => void) | undefined): Report {
  return (event) => {
    try {
      listener?.(event)
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error))
    }
  }
}

export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
