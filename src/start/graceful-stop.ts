import closeWithGrace from 'close-with-grace'

const longestMs = 10_000
// Node runs into the same crash again and again, at full load and without end, when somebody listens to its signal.
const crashSignals = ['SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV'] as const

/** What a terminal sends to all processes of its group: only one of them knows the order in which they stop. */
export const terminalSignals = ['SIGHUP', 'SIGINT', 'SIGQUIT'] as const

/**
 * Stops in order on Ctrl-C, on SIGTERM, when the terminal is closed, and after an error that nobody caught; a second signal ends it at once.
 * Signals in `ignored` do nothing. Answers how to stop without a signal.
 */
export function stopGracefully(
  stop: () => Promise<void>,
  ignored: readonly (typeof terminalSignals)[number][] = [],
): () => void {
  for (const signal of ignored) process.on(signal, () => {})
  const { close } = closeWithGrace(
    { delay: longestMs, skip: [...crashSignals, ...ignored], onSecondSignal: () => console.error('Stopped by force.') },
    async ({ err }) => {
      if (err) console.error(err)
      await stop()
    },
  )
  return close
}
