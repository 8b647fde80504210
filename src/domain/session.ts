/** A live SSO session, as read for one request. */
export interface Session {
  /** UUIDv7, the `sid` of tokens. */
  readonly id: string
  readonly userId: string
  readonly username: string
  readonly authTime: Date
  readonly acr: string
  readonly amr: readonly string[]
  /** Seconds since the last authentication, by the database clock. */
  readonly authAgeSeconds: number
  /** False for a cookie that was replaced a moment ago: good for reading, not for sensitive acts. */
  readonly isCurrentSecret: boolean
}

/** Assurance reached by a set of factors, as `acr` values; a later entry is stronger. */
export const acrValues = ['urn:falconer:acr:1fa', 'urn:falconer:acr:2fa', 'phr'] as const

/** True when `reached` is at least as strong as `wanted`; an unknown value is never reached. */
export function acrSatisfies(reached: string, wanted: string): boolean {
  const have = (acrValues as readonly string[]).indexOf(reached)
  const need = (acrValues as readonly string[]).indexOf(wanted)
  return need >= 0 && have >= need
}
