import type { Event } from '../event.ts'
import type { History } from '../history.ts'

/** A promise that a history breaks. */
export interface Violation {
  readonly property: string
  readonly message: string
  /** The grant, session or token that it is about. */
  readonly about: string
  /** The events that contradict each other. */
  readonly events: readonly Event[]
}

export interface Verdict {
  readonly property: string
  readonly title: string
  /** How many cases the history had for it. */
  readonly checked: number
  readonly violations: readonly Violation[]
}

/** Counts the cases and collects what is wrong. */
export interface Finding {
  checked(count?: number): void
  violated(about: string, message: string, events: readonly (Event | undefined)[]): void
}

/** One promise: linear in the history, and pure. */
export interface Property {
  readonly name: string
  readonly title: string
  check(history: History): Verdict
}

export function property(name: string, title: string, look: (history: History, finding: Finding) => void): Property {
  return {
    name,
    title,
    check: (history) => {
      let checked = 0
      const violations: Violation[] = []
      look(history, {
        checked: (count = 1) => {
          checked += count
        },
        violated: (about, message, events) =>
          violations.push({
            property: name,
            message,
            about,
            events: events.filter((event) => event !== undefined).sort((a, b) => a.tInvoke - b.tInvoke),
          }),
      })
      return { property: name, title, checked, violations }
    },
  }
}
