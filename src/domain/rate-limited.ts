/** Too many attempts: come back later (RFC 6585 §4). */
export class RateLimited extends Error {
  readonly retryAfterSeconds: number

  constructor(retryAfterSeconds: number) {
    super('Too many attempts')
    this.name = 'RateLimited'
    this.retryAfterSeconds = retryAfterSeconds
  }
}
