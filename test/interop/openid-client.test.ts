import * as client from 'openid-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from '../support/html.ts'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { signInAt, wayOut } from './sign-in.ts'

const loggedOut = 'https://app.example.com/bye'
const api = 'https://orders.example.com'
const forms = { 'content-type': 'application/x-www-form-urlencoded' }

let server: TestServer
let user: { id: string; username: string }

beforeAll(async () => {
  server = await startServer()
  user = await server.createUser({ email: 'ann@example.com', email_verified: true, name: 'Ann Example' })
  await server.admin('POST', '/resources', { identifier: api, scopes: ['orders:read', 'orders:write'] })
})
afterAll(() => server.close())

const authenticationOf: Record<string, (secret: string) => client.ClientAuth> = {
  client_secret_basic: (secret) => client.ClientSecretBasic(secret),
  client_secret_post: (secret) => client.ClientSecretPost(secret),
  none: () => client.None(),
}

/** Registers a client and configures the library from discovery alone; signatures of ID tokens are verified as well. */
async function connect(
  metadata: Record<string, unknown> = {},
): Promise<{ app: TestClient; config: client.Configuration }> {
  const app = await server.createClient({ post_logout_redirect_uris: [loggedOut], ...metadata })
  const { token_endpoint_auth_method: method = 'client_secret_basic', id_token_signed_response_alg: alg = 'RS256' } =
    metadata as Record<string, string>
  const config = await client.discovery(
    new URL(server.url),
    app.clientId,
    { id_token_signed_response_alg: alg },
    authenticationOf[method]?.(app.secret ?? ''),
    { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] },
  )
  return { app, config }
}

async function authorizationUrl(config: client.Configuration, app: TestClient, extra: Record<string, string> = {}) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedState = client.randomState()
  const expectedNonce = client.randomNonce()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: app.redirectUri,
    scope: 'openid profile email',
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
    ...extra,
  })
  return { url, checks: { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true } }
}

async function logIn(config: client.Configuration, app: TestClient, extra: Record<string, string> = {}) {
  const browser = server.browser()
  const { url, checks } = await authorizationUrl(config, app, extra)
  const callback = wayOut(await signInAt(browser, url, user.username))
  const tokens = await client.authorizationCodeGrant(config, callback, checks)
  return { browser, tokens, checks, callback }
}

const kinds = [
  { name: 'with client_secret_basic', metadata: {} },
  { name: 'with client_secret_post', metadata: { token_endpoint_auth_method: 'client_secret_post' } },
  { name: 'as a public client', metadata: { token_endpoint_auth_method: 'none' } },
  { name: 'with ES256 ID tokens', metadata: { id_token_signed_response_alg: 'ES256' } },
  { name: 'with EdDSA ID tokens', metadata: { id_token_signed_response_alg: 'EdDSA' } },
]

describe.each(kinds)('openid-client $name', ({ metadata }) => {
  it('logs in, reads userinfo, refreshes, revokes and logs out', async () => {
    const { app, config } = await connect(metadata)
    const { browser, tokens } = await logIn(config, app)
    expect(tokens.claims()).toMatchObject({ iss: server.url, aud: app.clientId, sub: user.id, amr: ['pwd'] })
    expect(tokens.expiresIn()).toBeGreaterThan(0)

    const info = await client.fetchUserInfo(config, tokens.access_token, user.id)
    expect(info).toMatchObject({ sub: user.id, name: 'Ann Example', email: 'ann@example.com', email_verified: true })

    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '')
    expect(refreshed.claims()?.sub).toBe(user.id)
    expect(refreshed.access_token).not.toBe(tokens.access_token)
    expect(refreshed.refresh_token).not.toBe(tokens.refresh_token)

    await client.tokenRevocation(config, refreshed.access_token)
    await expect(client.fetchUserInfo(config, refreshed.access_token, user.id)).rejects.toMatchObject({ status: 401 })

    const url = client.buildEndSessionUrl(config, {
      id_token_hint: refreshed.id_token ?? '',
      post_logout_redirect_uri: loggedOut,
      state: 'left',
    })
    const out = wayOut(await browser.open(url.href))
    expect(out.href).toBe(`${loggedOut}?state=left`)
    await expect(client.refreshTokenGrant(config, refreshed.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    const again = await authorizationUrl(config, app)
    expect((await browser.open(again.url.href)).body).toContain('id="password"')
  })
})

describe('openid-client', () => {
  it('introspects a refresh token and an access token until the refresh token is revoked', async () => {
    const { app, config } = await connect()
    const { tokens } = await logIn(config, app)
    const { access_token: accessToken, refresh_token: refreshToken = '' } = tokens
    expect(await client.tokenIntrospection(config, accessToken)).toMatchObject({
      active: true,
      sub: user.id,
      client_id: app.clientId,
    })
    expect(await client.tokenIntrospection(config, refreshToken)).toMatchObject({
      active: true,
      client_id: app.clientId,
    })
    await client.tokenRevocation(config, refreshToken, { token_type_hint: 'refresh_token' })
    expect(await client.tokenIntrospection(config, accessToken)).toEqual({ active: false })
    expect(await client.tokenIntrospection(config, refreshToken)).toEqual({ active: false })
  })

  it('takes a form_post response', async () => {
    const { app, config } = await connect()
    const { url, checks } = await authorizationUrl(config, app, { response_mode: 'form_post' })
    const page = await signInAt(server.browser(), url, user.username)
    const [form] = parse(page.body).forms
    expect(form?.action).toBe(app.redirectUri)
    const callback = new Request(app.redirectUri, {
      method: 'POST',
      headers: forms,
      body: new URLSearchParams(form?.fields).toString(),
    })
    const tokens = await client.authorizationCodeGrant(config, callback, checks)
    expect(tokens.claims()?.sub).toBe(user.id)
  })

  it('gets a token for the resource that it names, which userinfo still takes', async () => {
    const { app, config } = await connect({ scope: 'openid profile email orders:read' })
    const browser = server.browser()
    const { url, checks } = await authorizationUrl(config, app, { scope: 'openid orders:read', resource: api })
    const callback = wayOut(await signInAt(browser, url, user.username))
    const tokens = await client.authorizationCodeGrant(config, callback, checks, { resource: api })
    expect(claimsOf(tokens.access_token)).toMatchObject({ aud: [api, server.url], scope: 'openid orders:read' })
    expect((await client.fetchUserInfo(config, tokens.access_token, user.id)).sub).toBe(user.id)
  })

  it('gets a token of its own with client_credentials', async () => {
    const { app, config } = await connect({
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'orders:write',
    })
    const tokens = await client.clientCredentialsGrant(config, { scope: 'orders:write', resource: api })
    expect(tokens.refresh_token).toBeUndefined()
    expect(claimsOf(tokens.access_token)).toMatchObject({ aud: api, sub: app.clientId, scope: 'orders:write' })
  })

  it('holds the ID token to max_age', async () => {
    const { app, config } = await connect()
    const { url, checks } = await authorizationUrl(config, app, { max_age: '60' })
    const callback = wayOut(await signInAt(server.browser(), url, user.username))
    const tokens = await client.authorizationCodeGrant(config, callback, { ...checks, maxAge: 60 })
    expect(tokens.claims()?.auth_time).toBeTypeOf('number')
  })

  it('hears login_required of prompt=none, and access_denied of a person who declines', async () => {
    const { app, config } = await connect({ skip_consent: false })
    const browser = server.browser()
    const silent = await authorizationUrl(config, app, { prompt: 'none' })
    const refused = wayOut(await browser.open(silent.url.href))
    await expect(client.authorizationCodeGrant(config, refused, silent.checks)).rejects.toMatchObject({
      error: 'login_required',
    })
    const asked = await authorizationUrl(config, app)
    const { page } = await app.signIn({
      browser,
      username: user.username,
      approve: false,
      parameters: Object.fromEntries(asked.url.searchParams),
    })
    await expect(client.authorizationCodeGrant(config, wayOut(page), asked.checks)).rejects.toMatchObject({
      error: 'access_denied',
    })
  })

  it('hears invalid_grant of a code that is used twice, and its tokens are dead', async () => {
    const { app, config } = await connect()
    const { tokens, callback, checks } = await logIn(config, app)
    await expect(client.authorizationCodeGrant(config, callback, checks)).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    await expect(client.fetchUserInfo(config, tokens.access_token, user.id)).rejects.toMatchObject({ status: 401 })
  })

  it('hears invalid_client with a challenge when the secret is wrong', async () => {
    const { app } = await connect()
    const config = await client.discovery(new URL(server.url), app.clientId, {}, client.ClientSecretBasic('wrong'), {
      execute: [client.allowInsecureRequests],
    })
    const refusal = client.refreshTokenGrant(config, 'anything')
    await expect(refusal).rejects.toMatchObject({ status: 401, cause: [{ scheme: 'basic' }] })
  })
})

const claimsOf = (token: string): Record<string, unknown> =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
