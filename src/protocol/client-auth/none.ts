import type { Method } from './method.ts'

/** A public client only says who it is (RFC 6749 §3.2.1); what it may do hangs on PKCE and on what it presents. */
export const none: Method = {
  name: 'none',
  read: ({ authorization, parameters }) => {
    const clientId = parameters.get('client_id')
    if (clientId === undefined || authorization !== undefined || parameters.get('client_secret') !== undefined)
      return undefined
    return { clientId }
  },
  proves: () => true,
}
