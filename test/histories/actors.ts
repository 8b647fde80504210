import type { Admin } from './admin.ts'
import type { Recorder } from './recorder.ts'

/** What every actor of a process works with. */
export interface Actors {
  readonly instances: readonly string[]
  readonly recorder: Recorder
  readonly admin: Admin
}

export interface By {
  readonly actor: string
  readonly instance: number
  readonly honest?: boolean
  readonly final?: boolean
}

export const urlOf = ({ instance }: By, { instances }: Actors): string => instances[instance] ?? ''
