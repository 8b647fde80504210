/** Something this server depends on is down or full: answered with 503 and `Retry-After`, never with a verdict. */
export class Unavailable extends Error {
  readonly retryAfterSeconds: number

  constructor(message: string, retryAfterSeconds = 1, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Unavailable'
    this.retryAfterSeconds = retryAfterSeconds
  }
}
