export type { Clock } from './clock.ts'
export type { Counters } from './counters.ts'
export type { StaleReason, VerifierEvent } from './events.ts'
export type { StalePolicy, VerifierOptions } from './options.ts'
export type { Accepted, AccessTokenClaims, RefusalReason, Refused, VerifyResult } from './result.ts'
export {
  createVerifier,
  type Verifier,
  type VerifierMetrics,
  type VerifierState,
  type VerifyOptions,
} from './verifier.ts'
