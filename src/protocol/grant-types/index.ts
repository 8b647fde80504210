import { authorizationCode } from './authorization-code.ts'
import { clientCredentials } from './client-credentials.ts'
import type { GrantType } from './grant-type.ts'
import { refreshToken } from './refresh-token.ts'

/** Every way to get tokens. A new grant type is one file and one line here; discovery reads this table. */
export const grantTypes = {
  authorization_code: authorizationCode, //  RFC 6749 §4.1.3
  refresh_token: refreshToken, //            RFC 6749 §6
  client_credentials: clientCredentials, //  RFC 6749 §4.4
} satisfies Record<string, GrantType>
