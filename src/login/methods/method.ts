import type { Limit } from '../../store/limits.ts'
import type { LoginTools } from '../tools.ts'

/** A factor that was proven, and what the session's insert has to find unchanged. */
export interface ProvenFactor {
  readonly userId: string
  /** Feed position of the read that the factor was checked against. */
  readonly authPosition: number
  /** The stored hash that was verified, for a password. */
  readonly passwordHash?: string
  /** What the attempt was counted against: whoever goes on with the factor gives it back, for a success is no guess. */
  readonly counted: readonly Limit[]
}

/** Why a factor was not accepted; for the logs and the audit, while the person reads one text for all of them. */
export type FactorRefusal = {
  readonly refused: 'unknown_user' | 'wrong_password' | 'disabled' | 'limit'
  readonly userId?: string
}

/** One way to prove who someone is. */
export interface LoginMethod {
  /** How the method is named in `amr` (RFC 8176). */
  readonly amr: string
  /** The context class that it reaches by itself. */
  readonly acr: string
  readonly prove: (
    fields: ReadonlyMap<string, string>,
    address: string,
    tools: LoginTools,
  ) => Promise<ProvenFactor | FactorRefusal>
}
