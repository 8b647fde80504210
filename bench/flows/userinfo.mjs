import { expect, membersOf } from './check.mjs'

/** The claims of a user (OpenID Connect Core §5.3), read from the database by both. A state is an access token. */
export const userinfo = {
  title: 'userinfo',
  states: 500,
  work(target) {
    const head = `GET ${target.paths.userinfo} HTTP/1.1\r\nHost: ${target.host}\r\nAuthorization: Bearer `
    return async (send, token) => {
      const answer = await send(head + token)
      const { sub, name } = membersOf(answer)
      expect(typeof sub === 'string' && name === 'Some One', 'not the claims of the user', answer)
      return { next: token }
    }
  },
}
