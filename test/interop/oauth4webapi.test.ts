import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser } from '../support/browser.ts'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { signInAt, wayOut } from './sign-in.ts'

const loggedOut = 'https://app.example.com/bye'
const insecure = { [oauth.allowInsecureRequests]: true }

let server: TestServer
let user: { id: string; username: string }

beforeAll(async () => {
  server = await startServer()
  user = await server.createUser({ email: 'ann@example.com', name: 'Ann Example' })
})
afterAll(() => server.close())

interface Relation {
  readonly as: oauth.AuthorizationServer
  readonly app: TestClient
  readonly client: oauth.Client
  readonly authentication: oauth.ClientAuth
}

async function connect(metadata: Record<string, string> = {}): Promise<Relation> {
  const app = await server.createClient({ post_logout_redirect_uris: [loggedOut], ...metadata })
  const issuer = new URL(server.url)
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const secret = app.secret ?? ''
  const method = metadata['token_endpoint_auth_method'] ?? 'client_secret_basic'
  const authentication =
    method === 'none'
      ? oauth.None()
      : method === 'client_secret_post'
        ? oauth.ClientSecretPost(secret)
        : oauth.ClientSecretBasic(secret)
  const client = {
    client_id: app.clientId,
    id_token_signed_response_alg: metadata['id_token_signed_response_alg'] ?? 'RS256',
  }
  return { as, app, client, authentication }
}

async function logIn(
  { as, app, client, authentication }: Relation,
  browser: Browser,
): Promise<oauth.TokenEndpointResponse> {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()
  const url = new URL(as.authorization_endpoint ?? '')
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: app.redirectUri,
    response_type: 'code',
    scope: 'openid profile offline_access',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  }).toString()
  const callback = wayOut(await signInAt(browser, url, user.username))
  const parameters = oauth.validateAuthResponse(as, client, callback, state)
  const answer = await oauth.authorizationCodeGrantRequest(
    as,
    client,
    authentication,
    parameters,
    app.redirectUri,
    verifier,
    insecure,
  )
  const options = { expectedNonce: nonce, requireIdToken: true }
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, answer, options)
  await oauth.validateApplicationLevelSignature(as, answer, insecure)
  return tokens
}

const kinds: { name: string; metadata: Record<string, string> }[] = [
  { name: 'with client_secret_basic', metadata: {} },
  { name: 'with client_secret_post', metadata: { token_endpoint_auth_method: 'client_secret_post' } },
  { name: 'as a public client', metadata: { token_endpoint_auth_method: 'none' } },
  { name: 'with ES256 ID tokens', metadata: { id_token_signed_response_alg: 'ES256' } },
]

describe.each(kinds)('oauth4webapi $name', ({ metadata }) => {
  it('logs in, reads userinfo, refreshes, revokes and logs out', async () => {
    const relation = await connect(metadata)
    const { as, app, client, authentication } = relation
    const browser = server.browser()
    const tokens = await logIn(relation, browser)
    expect(oauth.getValidatedIdTokenClaims(tokens)).toMatchObject({ sub: user.id, aud: app.clientId })

    const info = await oauth.userInfoRequest(as, client, tokens.access_token, insecure)
    expect(await oauth.processUserInfoResponse(as, client, user.id, info)).toMatchObject({ name: 'Ann Example' })

    const answer = await oauth.refreshTokenGrantRequest(
      as,
      client,
      authentication,
      tokens.refresh_token ?? '',
      insecure,
    )
    const refreshed = await oauth.processRefreshTokenResponse(as, client, answer)
    expect(oauth.getValidatedIdTokenClaims(refreshed)?.sub).toBe(user.id)

    const revocation = await oauth.revocationRequest(
      as,
      client,
      authentication,
      refreshed.refresh_token ?? '',
      insecure,
    )
    await oauth.processRevocationResponse(revocation)
    const late = await oauth.userInfoRequest(as, client, refreshed.access_token, insecure)
    await expect(oauth.processUserInfoResponse(as, client, user.id, late)).rejects.toMatchObject({
      cause: [{ scheme: 'bearer', parameters: { error: 'invalid_token' } }],
    })

    const url = new URL(as.end_session_endpoint ?? '')
    url.search = new URLSearchParams({
      id_token_hint: refreshed.id_token ?? '',
      post_logout_redirect_uri: loggedOut,
    }).toString()
    expect(wayOut(await browser.open(url.href)).href).toBe(loggedOut)
  })
})

describe('oauth4webapi', () => {
  it('finds the same server through the metadata of RFC 8414', async () => {
    const issuer = new URL(server.url)
    const answer = await oauth.discoveryRequest(issuer, { ...insecure, algorithm: 'oauth2' })
    expect((await oauth.processDiscoveryResponse(issuer, answer)).token_endpoint).toBe(`${server.url}/token`)
  })

  it('introspects what it holds', async () => {
    const relation = await connect()
    const { as, client, authentication } = relation
    const tokens = await logIn(relation, server.browser())
    const answer = await oauth.introspectionRequest(as, client, authentication, tokens.access_token, insecure)
    expect(await oauth.processIntrospectionResponse(as, client, answer)).toMatchObject({ active: true, sub: user.id })
  })

  it('turns down a response whose iss is not the server that was asked', async () => {
    const { as, client } = await connect()
    const callback = new URL('https://app.example.com/callback?code=c&state=s&iss=https://other.example.com')
    expect(() => oauth.validateAuthResponse(as, client, callback, 's')).toThrow(/iss/)
  })
})
