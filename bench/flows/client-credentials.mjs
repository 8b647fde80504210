import { expect, formHead, looksLikeJwt, membersOf } from './check.mjs'

/** The client_credentials grant (RFC 6749 §4.4): an ES256 JWT for a resource. Nothing has to be prepared. */
export const clientCredentials = {
  title: 'client credentials',
  states: 64,
  work(target) {
    const head = formHead(target, target.paths.token, target.client)
    const form = `grant_type=client_credentials&scope=api:read&resource=${encodeURIComponent(target.resource)}`
    return async (send, next) => {
      const answer = await send(head, form)
      const members = membersOf(answer)
      expect(looksLikeJwt(members.access_token) && members.expires_in > 0, 'no access token', answer)
      return { next, token: members.access_token }
    }
  },
}
