import { clientCredentials } from './client-credentials.mjs'
import { codeExchange } from './code-exchange.mjs'
import { discovery, jwks } from './documents.mjs'
import { introspection, introspectionAgain } from './introspection.mjs'
import { login, loginUnhashed } from './login.mjs'
import { refresh } from './refresh.mjs'
import { revocation } from './revocation.mjs'
import { userinfo } from './userinfo.mjs'

/**
 * Every flow by name. What each server prepares for it stands in that server's seeds, under the same name.
 * @typedef {object} Flow
 * @property {string} title
 * @property {number} states how many states a server prepares before the first round
 * @property {boolean} [spends] each unit of work uses up a state, so that every round needs new ones
 * @property {(target: object) => (send: Function, state: unknown) => Promise<{ next?: unknown, token?: string }>} work one validated unit:
 *   `next` is the state that it leaves, `token` a JWT that may be verified later
 */
export const flows = {
  refresh,
  'code-exchange': codeExchange,
  login,
  'login-unhashed': loginUnhashed,
  'client-credentials': clientCredentials,
  introspection,
  'introspection-again': introspectionAgain,
  revocation,
  userinfo,
  jwks,
  discovery,
}
