import { endingSteps } from './ending-steps.ts'
import { type Destination, planJourney } from './journey.ts'
import { loginSteps } from './login-steps.ts'
import type { Step } from './step.ts'

/** How one step went. */
export type StepResult =
  | { readonly title: string; readonly ms: number; readonly says: string }
  | { readonly title: string; readonly ms: number; readonly error: unknown }

const steps: readonly Step[] = [...loginSteps, ...endingSteps]

/** Tours a server, over real HTTP, up to the first step that does not hold. True: every step held. */
export async function tour(destination: Destination, tell: (result: StepResult) => void): Promise<boolean> {
  const journey = planJourney(destination)
  try {
    for (const { title, run } of steps) {
      const began = performance.now()
      const elapsed = () => Math.round(performance.now() - began)
      try {
        const says = await run(journey)
        tell({ title, ms: elapsed(), says })
      } catch (error) {
        tell({ title, ms: elapsed(), error })
        return false
      }
    }
    return true
  } finally {
    await journey.protectedApi?.close()
  }
}
