/** Sleeps without keeping the process alive; wakes at once when aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const wake = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', wake)
      resolve()
    }
    const timer = setTimeout(wake, ms)
    timer.unref()
    signal.addEventListener('abort', wake)
  })
}

/** Keeps the process alive while somebody waits: no socket and no other timer of this package does. */
export async function held<T>(promise: Promise<T>): Promise<T> {
  const hold = setInterval(() => undefined, 2 ** 30)
  try {
    return await promise
  } finally {
    clearInterval(hold)
  }
}

/** A promise that is settled from outside. */
export interface Gate {
  readonly promise: Promise<void>
  open(this: void): void
  fail(this: void, error: Error): void
}

export function createGate(): Gate {
  let open: () => void = () => undefined
  let fail: (error: Error) => void = () => undefined
  const promise = new Promise<void>((resolve, reject) => {
    open = resolve
    fail = reject
  })
  // Whoever does not wait for it must not hear of it either.
  promise.catch(() => undefined)
  return { promise, open, fail }
}
