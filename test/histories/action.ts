import type { EndingName } from './event.ts'
import type { Held } from './wire.ts'

/** A code with what its client needs to redeem it. */
export interface Code {
  readonly client: string
  readonly code: string
  readonly verifier: string
}

/** Something that any process can do to any instance; plain data, because it travels between processes. */
export type Action =
  /** `chain`: refreshes again with what it got, this many times. `as` is another client that presents it. */
  | { readonly do: 'refresh'; readonly held: Held; readonly as?: string; readonly chain?: number }
  | { readonly do: 'exchange'; readonly code: Code }
  /** `times`: in a row, without a pause. */
  | { readonly do: 'introspect'; readonly held: Held; readonly kind: 'access' | 'refresh'; readonly times?: number }
  | { readonly do: 'userinfo'; readonly held: Held }
  | { readonly do: 'end'; readonly ending: EndingName; readonly held: Held }
  | { readonly do: 'revoke foreign token'; readonly held: Held; readonly as: string }
  | { readonly do: 'enable'; readonly sub: string }

/** What an action came to: `unknown` when the last of it has no answer. */
export interface ActionResult {
  readonly outcome: 'ok' | 'fail' | 'info'
  readonly held?: Held
  readonly active?: boolean
}

/** One action of a volley: who does it where, and how long after the signal. */
export interface Shot {
  readonly process: number
  readonly instance: number
  readonly delayMs: number
  readonly actor: string
  readonly action: Action
}
