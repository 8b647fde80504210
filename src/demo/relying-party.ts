import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  buildEndSessionUrl,
  ClientSecretBasic,
  type Configuration,
  calculatePKCECodeChallenge,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  refreshTokenGrant,
  type TokenEndpointResponse,
  tokenRevocation,
} from 'openid-client'
import { recordingFetch } from './exchange.ts'
import { names } from './seed.ts'

/** What has to be remembered between the redirect to the issuer and the way back. */
export interface PendingLogin {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  /** Whether access beyond the session was asked for. */
  readonly offline: boolean
}

/** What the app holds after a login. */
export interface HeldTokens {
  readonly accessToken: string
  readonly refreshToken: string
  readonly idToken: string
}

export interface Person {
  readonly sub: string
  readonly name?: string
  readonly email?: string
}

/** The client side of OpenID Connect: everything that a web app does with its issuer, by a library that anyone can install. */
export interface RelyingParty {
  begin(options: { offline: boolean }): Promise<{ url: URL; pending: PendingLogin }>
  /** @throws when the issuer refused, or when the answer does not belong to this login */
  finish(callback: URL, pending: PendingLogin): Promise<{ tokens: HeldTokens; person: Person; offline: boolean }>
  refresh(held: HeldTokens): Promise<HeldTokens>
  revoke(token: string): Promise<void>
  logoutUrl(held: HeldTokens, returnTo: string): Promise<URL>
}

/** Reads the metadata of an issuer for one of its clients. Plain http is for an issuer on this machine. */
export function discover(issuer: string, clientId: string, secret: string): Promise<Configuration> {
  const url = new URL(issuer)
  return discovery(url, clientId, undefined, ClientSecretBasic(secret), {
    [customFetch]: recordingFetch,
    timeout: 10,
    execute: [enableNonRepudiationChecks, ...(url.protocol === 'http:' ? [allowInsecureRequests] : [])],
  })
}

/** A relying party of `configuration`, which is asked for at each use. */
export function createRelyingParty(configuration: () => Promise<Configuration>, redirectUri: string): RelyingParty {
  return {
    begin: async ({ offline }) => {
      const pending = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier(), offline }
      const url = buildAuthorizationUrl(await configuration(), {
        redirect_uri: redirectUri,
        scope: `openid profile email ${names.scope}${offline ? ' offline_access' : ''}`,
        resource: names.api,
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await calculatePKCECodeChallenge(pending.verifier),
        code_challenge_method: 'S256',
      })
      return { url, pending }
    },
    finish: async (callback, { state, nonce, verifier, offline }) => {
      const config = await configuration()
      const answer = await authorizationCodeGrant(config, callback, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      })
      const tokens = held(answer)
      const { sub, name, email } = await fetchUserInfo(config, tokens.accessToken, answer.claims()?.sub ?? '')
      const person = { sub, ...(name === undefined ? {} : { name }), ...(email === undefined ? {} : { email }) }
      return { tokens, person, offline }
    },
    refresh: async (before) => held(await refreshTokenGrant(await configuration(), before.refreshToken), before),
    revoke: async (token) => tokenRevocation(await configuration(), token),
    logoutUrl: async ({ idToken }, returnTo) =>
      buildEndSessionUrl(await configuration(), { id_token_hint: idToken, post_logout_redirect_uri: returnTo }),
  }
}

/** An answer of the token endpoint; what it leaves out stays as it was (RFC 6749 §6). */
const held = (answer: TokenEndpointResponse, before?: HeldTokens): HeldTokens => ({
  accessToken: answer.access_token,
  refreshToken: answer.refresh_token ?? before?.refreshToken ?? '',
  idToken: answer.id_token ?? before?.idToken ?? '',
})
