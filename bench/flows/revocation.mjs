import { expectStatus, formHead } from './check.mjs'

/** RFC 7009 for refresh tokens, each with its whole grant. A state is a refresh token. */
export const revocation = {
  title: 'revocation of a refresh token',
  states: 8000,
  spends: true,
  work(target) {
    const head = formHead(target, target.paths.revocation, target.client)
    return async (send, token) => {
      expectStatus(await send(head, `token_type_hint=refresh_token&token=${token}`), 200)
      return {}
    }
  },
}
