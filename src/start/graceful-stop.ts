import closeWithGrace from 'close-with-grace'

const longestMs = 10_000
// Node runs into the same crash again and again, at full load and without end, when somebody listens to its signal.
const crashSignals = ['SIGILL', 'SIGTRAP', 'SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGSEGV'] as const

/** Stops in order on Ctrl-C, on SIGTERM, when the terminal is closed, and after an error that nobody caught; a second signal ends it at once. */
export function stopGracefully(stop: () => Promise<void>): void {
  closeWithGrace(
    { delay: longestMs, skip: [...crashSignals], onSecondSignal: () => console.error('Stopped by force.') },
    async ({ err }) => {
      if (err) console.error(err)
      await stop()
    },
  )
}
