import { expect, formHead, looksLikeJwt, membersOf } from './check.mjs'

/** The refresh_token grant (RFC 6749 §6) with rotation and an ES256 JWT as access token; no ID token. A state is a refresh token. */
export const refresh = {
  title: 'refresh',
  states: 10_000,
  work(target) {
    const head = formHead(target, target.paths.token, target.client)
    return async (send, refreshToken) => {
      const answer = await send(head, `grant_type=refresh_token&refresh_token=${refreshToken}`)
      const members = membersOf(answer)
      const { access_token: token, refresh_token: next } = members
      expect(looksLikeJwt(token) && members.expires_in > 0, 'no access token', answer)
      expect(typeof next === 'string' && next !== refreshToken, 'no new refresh token', answer)
      expect(members.id_token === undefined, 'an ID token that nobody asked for', answer)
      return { next, token }
    }
  },
}
