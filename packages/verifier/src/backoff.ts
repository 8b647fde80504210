/** How long to wait before the next try: hardly at first, up to five seconds later, never in step with others. */
export interface Backoff {
  nextMs(leastMs?: number): number
  reset(): void
}

const firstMs = 50
const mostMs = 5000
/** No server sends everybody away for longer than this. */
const mostAskedMs = 60_000

export function createBackoff(): Backoff {
  let failures = 0
  return {
    nextMs: (leastMs = 0) => {
      const most = Math.min(mostMs, firstMs * 2 ** failures)
      failures = Math.min(failures + 1, 16)
      return Math.max(Math.min(leastMs, mostAskedMs), most * (0.3 + 0.7 * Math.random()))
    },
    reset: () => {
      failures = 0
    },
  }
}
