/** Lifetimes of what is never looked up again when it changes, in whole seconds. Those of sessions and grants are policy. */
export interface Lifetimes {
  readonly accessTokenSeconds: number
  readonly authorizationCodeSeconds: number
  readonly loginTransactionSeconds: number
}

/** What is counted against abuse. */
export type LimitName = 'login_account' | 'login_address' | 'login_transactions' | 'client_auth'
