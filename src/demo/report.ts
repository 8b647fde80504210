import {
  AuthorizationResponseError,
  ClientError,
  ResponseBodyError,
  WWWAuthenticateChallengeError,
} from 'openid-client'
import type { Exchange } from './exchange.ts'

/** What a button did, for the page: a verdict, a sentence, and what went over the wire. */
export interface Report {
  readonly tone: 'good' | 'refused' | 'failed'
  readonly title: string
  readonly says: string
  readonly exchanges: readonly Exchange[]
}

/** What went wrong, in words. */
export interface Trouble {
  readonly title: string
  readonly says: string
  /** The `error` of the protocol, or a code of the library. */
  readonly code?: string
}

/** Explains an error of the issuer, of the library, or of the network to the person at the screen. */
export function explain(error: unknown, issuer: string): Trouble {
  if (error instanceof AuthorizationResponseError) {
    const { error: code, error_description: says } = error
    if (code === 'access_denied')
      return { title: 'Not signed in', says: says ?? 'The issuer was told not to allow it.', code }
    return { title: 'The issuer refused the login', says: says ?? 'It gave no reason.', code }
  }
  if (error instanceof ResponseBodyError) {
    const { error: code, error_description: says, status } = error
    return { title: `The issuer answered ${status}`, says: says ?? 'It gave no reason.', code }
  }
  if (error instanceof WWWAuthenticateChallengeError) {
    const { scheme, parameters } = error.cause[0] ?? { scheme: '', parameters: {} }
    const isAboutClient = scheme === 'basic'
    const says = isAboutClient ? 'It does not take the id and secret of this app.' : parameters.error_description
    const code = isAboutClient ? 'invalid_client' : parameters.error
    const title = `The issuer answered ${error.status}`
    return { title, says: says ?? 'It gave no reason.', ...(code === undefined ? {} : { code }) }
  }
  if (isUnreachable(error))
    return { title: 'The issuer does not answer', says: `There is nobody at ${issuer}. Is the server still running?` }
  if (error instanceof ClientError)
    return {
      title: 'The answer of the issuer was not accepted',
      says: messageOf(error),
      ...(error.code === undefined ? {} : { code: error.code }),
    }
  return { title: 'Something went wrong in the demo', says: messageOf(error) }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** `fetch` says only that it failed; why stands in the cause, which openid-client may wrap once more. */
function isUnreachable(error: unknown): boolean {
  for (let cause: unknown = error, depth = 0; cause instanceof Error && depth < 4; cause = cause.cause, depth++) {
    const { code, name } = cause as Error & { code?: unknown }
    if (name === 'TimeoutError' || /^(ECONN|ENOTFOUND|EAI_|ETIMEDOUT|UND_ERR)/.test(String(code))) return true
  }
  return false
}
