/** What time it is, twice: one that only ever goes forward at an even pace, and that of the calendar. */
export interface Clock {
  monotonicMs(): number
  wallMs(): number
}

/** One look at both. */
export interface Instant {
  readonly monotonicMs: number
  readonly wallMs: number
}

export const systemClock: Clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }

export const instantOf = (clock: Clock): Instant => ({ monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() })

/** A monotonic clock may stand still while the machine sleeps. The one on the wall does not, and by that it is noticed. */
export interface SleepWatch {
  /** Whether the machine has slept since the last look. */
  hasSlept(now: Instant): boolean
}

const jumpMs = 1000
/** How fast an NTP client may slew the wall clock: that much is no sleep, however long it goes on. */
const slewRate = 0.0005

export function createSleepWatch(start: Instant): SleepWatch {
  // [the last look, by how much the wall clock was ahead]: in an array, a number that changes for every token costs no memory.
  const seen = Float64Array.of(start.monotonicMs, start.wallMs - start.monotonicMs)
  return {
    hasSlept: ({ monotonicMs, wallMs }) => {
      const last = seen[0] ?? 0
      const before = seen[1] ?? 0
      const ahead = wallMs - monotonicMs
      // Many short sleeps add up; a wall clock that was set back must not hide the next one.
      const expected = Math.min(ahead, before + Math.max(0, monotonicMs - last) * slewRate)
      const hasSlept = ahead - expected > jumpMs
      seen[0] = monotonicMs
      seen[1] = hasSlept ? ahead : expected
      return hasSlept
    },
  }
}
