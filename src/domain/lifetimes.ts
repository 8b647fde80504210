/** Lifetimes in whole seconds; a client may shorten some of them. */
export interface Lifetimes {
  readonly accessTokenSeconds: number
  readonly authorizationCodeSeconds: number
  readonly loginTransactionSeconds: number
  readonly refreshIdleSeconds: number
  readonly refreshMaxSeconds: number
  readonly refreshGraceSeconds: number
  readonly offlineIdleSeconds: number
  readonly offlineMaxSeconds: number
  readonly sessionIdleSeconds: number
  readonly sessionMaxSeconds: number
}

/** What is counted against abuse. */
export type LimitName = 'login_account' | 'login_address' | 'login_transactions' | 'client_auth'
