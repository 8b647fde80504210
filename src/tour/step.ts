import type { Journey } from './journey.ts'

/** One thing that is shown and checked. It says in a sentence what happened. */
export interface Step {
  readonly title: string
  /** @throws {Mismatch} when something is not as it has to be */
  readonly run: (journey: Journey) => Promise<string>
}
