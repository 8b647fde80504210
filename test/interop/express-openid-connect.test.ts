import express from 'express'
import openid from 'express-openid-connect'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Browser } from '../support/browser.ts'
import { parse } from '../support/html.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { signInAt, wayOut } from './sign-in.ts'
import { serve, type WebApp } from './web-app.ts'

const api = 'https://orders.example.com'

let server: TestServer
let user: { id: string; username: string }
const apps: WebApp[] = []

beforeAll(async () => {
  server = await startServer()
  user = await server.createUser({ email: 'ann@example.com', name: 'Ann Example' })
  await server.admin('POST', '/resources', { identifier: api, scopes: ['orders:read'] })
})
afterAll(async () => {
  await Promise.all(apps.map((app) => app.close()))
  await server.close()
})

interface Kind {
  readonly method?: 'client_secret_basic' | 'client_secret_post'
  readonly alg?: string
  readonly parameters?: Record<string, string>
}

/** An Express 5 application whose every page asks for a login, as the README of the library sets it up. */
async function startApp({ method = 'client_secret_basic', alg = 'RS256', parameters = {} }: Kind): Promise<WebApp> {
  const app = await serve(async (origin) => {
    const { clientId, secret = '' } = await server.createClient({
      redirect_uris: [`${origin}/callback`],
      post_logout_redirect_uris: [origin],
      token_endpoint_auth_method: method,
      id_token_signed_response_alg: alg,
      scope: 'openid profile email offline_access orders:read',
    })
    const web = express()
    web.use(
      openid.auth({
        issuerBaseURL: server.url,
        baseURL: origin,
        clientID: clientId,
        clientSecret: secret,
        clientAuthMethod: method,
        idTokenSigningAlg: alg,
        idpLogout: true,
        secret: 'a long cookie secret of the application',
        authorizationParams: { response_type: 'code', scope: 'openid profile email offline_access', ...parameters },
      }),
    )
    web.get('/', (request, response) => {
      const { oidc } = request as unknown as { oidc: openid.RequestContext }
      response.json({ claims: oidc.idTokenClaims, accessToken: oidc.accessToken?.access_token })
    })
    web.get('/userinfo', async (request, response) => {
      const { oidc } = request as unknown as { oidc: openid.RequestContext }
      response.json(await oidc.fetchUserInfo())
    })
    web.get('/refresh', async (request, response) => {
      const { oidc } = request as unknown as { oidc: openid.RequestContext }
      response.json(await oidc.accessToken?.refresh())
    })
    return web
  })
  apps.push(app)
  return app
}

const read = async (atApp: Browser, path: string) => {
  const page = await atApp.request(path)
  expect(page.status, page.body).toBe(200)
  return JSON.parse(page.body) as Record<string, unknown>
}

const kinds: (Kind & { name: string })[] = [
  { name: 'with client_secret_basic' },
  { name: 'with client_secret_post', method: 'client_secret_post' },
  { name: 'with ES256 ID tokens', alg: 'ES256' },
  { name: 'with form_post', parameters: { response_mode: 'form_post' } },
]

describe.each(kinds)('express-openid-connect $name', (kind) => {
  it('logs in, reads userinfo, refreshes and logs out', async () => {
    const { origin } = await startApp(kind)
    const atApp = new Browser(origin)
    const atServer = server.browser()
    const start = wayOut(await atApp.request('/'))
    expect(start.origin).toBe(server.url)
    const back = await signInAt(atServer, start, user.username)
    const home =
      kind.parameters?.['response_mode'] === 'form_post'
        ? await atApp.post(`${origin}/callback`, parse(back.body).forms[0]?.fields ?? {}, { origin: server.url })
        : await atApp.request(wayOut(back).href)
    expect(wayOut(home).href, home.body).toBe(`${origin}/`)

    const { claims, accessToken } = await read(atApp, '/')
    expect(claims).toMatchObject({ iss: server.url, sub: user.id })
    expect(await read(atApp, '/userinfo')).toMatchObject({ name: 'Ann Example', email: 'ann@example.com' })
    const refreshed = await read(atApp, '/refresh')
    expect(refreshed['access_token']).toBeTypeOf('string')
    expect(refreshed['access_token']).not.toBe(accessToken)

    const leave = wayOut(await atApp.request('/logout'))
    expect(leave.pathname).toBe('/logout')
    expect(wayOut(await atServer.open(leave.href)).origin).toBe(origin)
    const again = await atServer.open(wayOut(await atApp.request('/')).href)
    expect(again.body).toContain('id="password"')
  })
})

describe('express-openid-connect', () => {
  it('asks for a resource through its authorization parameters', async () => {
    const { origin } = await startApp({ parameters: { resource: api, scope: 'openid orders:read' } })
    const atApp = new Browser(origin)
    const callback = wayOut(await signInAt(server.browser(), wayOut(await atApp.request('/')), user.username))
    await atApp.request(callback.href)
    const { accessToken } = await read(atApp, '/')
    const claims = JSON.parse(Buffer.from(String(accessToken).split('.')[1] ?? '', 'base64url').toString()) as object
    expect(claims).toMatchObject({ aud: [api, server.url], scope: 'openid orders:read' })
  })
})
