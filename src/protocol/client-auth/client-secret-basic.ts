import { OAuthError } from '../../domain/oauth-error.ts'
import { isWellFormedText } from '../../domain/well-formed.ts'
import type { Attempt, Method } from './method.ts'
import { secretMatches } from './secret.ts'

/** Id and secret in the Authorization header, each form-urlencoded before they are joined (RFC 6749 §2.3.1, RFC 7617 §2). */
export const clientSecretBasic: Method = {
  name: 'client_secret_basic',
  read: ({ authorization, parameters }) => {
    if (authorization === undefined || !/^basic(\s|$)/i.test(authorization)) return undefined
    const attempt = decode(authorization.slice('basic'.length).trim())
    const inBody = parameters.get('client_id')
    if (!attempt || (inBody !== undefined && inBody !== attempt.clientId))
      throw new OAuthError('invalid_client', 'Client authentication failed', 'malformed_basic')
    return attempt
  },
  proves: secretMatches,
}

const base64 = /^[A-Za-z0-9+/]+={0,2}$/

function decode(credentials: string): Attempt | undefined {
  if (!base64.test(credentials) || credentials.length > 4096) return undefined
  const text = Buffer.from(credentials, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1) return undefined
  const clientId = formDecode(text.slice(0, colon))
  const secret = formDecode(text.slice(colon + 1))
  return clientId === undefined || secret === undefined ? undefined : { clientId, secret }
}

function formDecode(value: string): string | undefined {
  try {
    const decoded = decodeURIComponent(value.replaceAll('+', ' '))
    return isWellFormedText(decoded) ? decoded : undefined
  } catch {
    return undefined
  }
}
