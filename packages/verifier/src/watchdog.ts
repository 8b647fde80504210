/** Gives something up that has been silent for too long. */
export interface Watchdog {
  readonly signal: AbortSignal
  readonly hasBitten: boolean
  /** There was a sign of life; from now on this much silence is too long. */
  rearm(ms?: number | false): void
  /** Gives it up at once, for another reason. */
  cut(): void
  stop(): void
}

/** @param ms false: it waits for ever */
export function createWatchdog(ms: number | false, closed: AbortSignal): Watchdog {
  const controller = new AbortController()
  const cut = () => controller.abort()
  let silenceMs = ms
  let timer: NodeJS.Timeout | undefined
  let hasBitten = false

  const bite = (): void => {
    hasBitten = true
    cut()
  }
  const rearm: Watchdog['rearm'] = (next = silenceMs) => {
    clearTimeout(timer)
    silenceMs = next
    if (silenceMs === false) return
    timer = setTimeout(bite, silenceMs)
    timer.unref()
  }
  closed.addEventListener('abort', cut)
  if (closed.aborted) cut()
  rearm()

  return {
    signal: controller.signal,
    get hasBitten() {
      return hasBitten
    },
    rearm,
    cut,
    stop: () => {
      clearTimeout(timer)
      closed.removeEventListener('abort', cut)
    },
  }
}
