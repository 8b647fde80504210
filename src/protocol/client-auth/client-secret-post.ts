import type { Method } from './method.ts'
import { secretMatches } from './secret.ts'

/** Id and secret in the body (RFC 6749 §2.3.1). */
export const clientSecretPost: Method = {
  name: 'client_secret_post',
  read: ({ parameters }) => {
    const secret = parameters.get('client_secret')
    return secret === undefined ? undefined : { clientId: parameters.required('client_id'), secret }
  },
  proves: secretMatches,
}
