import { expect, formHead, looksLikeJwt, membersOf } from './check.mjs'

/** The authorization_code grant with PKCE (RFC 6749 §4.1.3, RFC 7636): JWT, refresh token and ID token. A state is a code with its verifier. */
export const codeExchange = {
  title: 'code exchange',
  states: 8000,
  spends: true,
  work(target) {
    const head = formHead(target, target.paths.token, target.client)
    const redirectUri = encodeURIComponent(target.client.redirectUri)
    return async (send, { code, verifier }) => {
      const form = `grant_type=authorization_code&code=${code}&code_verifier=${verifier}&redirect_uri=${redirectUri}`
      const answer = await send(head, form)
      const { access_token: token, refresh_token: refreshToken, id_token: idToken } = membersOf(answer)
      expect(looksLikeJwt(token), 'no access token', answer)
      expect(typeof refreshToken === 'string', 'no refresh token', answer)
      expect(looksLikeJwt(idToken), 'no ID token', answer)
      return { token }
    }
  },
}
