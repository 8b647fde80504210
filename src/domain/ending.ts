/** What can be ended. What each target takes with it stands in docs/revocation.md. `id` and `client` are row ids, `clientId` is the public one. */
export type Ending =
  | { readonly target: 'session'; readonly id: string }
  | { readonly target: 'grant'; readonly id: string }
  | { readonly target: 'user'; readonly id: string }
  | {
      /** Sessions of one user: `only` these, or all `except` one; with the offline grants that did not begin in that one, if asked. */
      readonly target: 'user_sessions'
      readonly userId: string
      readonly only?: readonly string[]
      readonly except?: string
      readonly withOffline: boolean
    }
  | { readonly target: 'client'; readonly id: string; readonly clientId: string }
  | { readonly target: 'user_client'; readonly userId: string; readonly client: string; readonly clientId: string }
  | { readonly target: 'jti'; readonly id: string; readonly expiresAt?: Date }
  /** A signing key that others may have: everything that it has signed. */
  | { readonly target: 'kid'; readonly kid: string }
  | { readonly target: 'all' }

/** Why something ended; written with it, told to the logs and to admins, never to the client. */
export type EndReason =
  | 'logout'
  | 'admin'
  | 'reuse'
  | 'code_replay'
  | 'revoked_by_client'
  | 'limit'
  | 'replaced'
  | 'disabled'
  | 'deleted'
  | 'password_reset'
  | 'password_change'
  | 'consent_withdrawn'
  | 'not_before'

/** Who did it and from where; becomes part of the audit event. */
export interface Actor {
  /** `user:<id>`, `client:<client_id>` or `system`. */
  readonly id: string
  readonly ip?: string
  readonly requestId?: string
}

/** What an ending did. Counts are null for mass targets, whose rows are not touched. */
export interface Ended {
  /** Feed position of the ending: whatever was created before it is dead. */
  readonly position: number
  readonly sessions: number | null
  readonly grants: number | null
}
