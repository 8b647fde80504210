import express from 'express'
import session from 'express-session'
import passport from 'passport'
import Strategy from 'passport-openidconnect'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Browser } from '../support/browser.ts'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { signInAt, wayOut } from './sign-in.ts'
import { serve, type WebApp } from './web-app.ts'

interface Person {
  readonly profile: Record<string, unknown>
  readonly idToken: string
  readonly accessToken: string
  readonly refreshToken: string
}

let server: TestServer
let app: WebApp
let client: TestClient
let user: { id: string; username: string }

beforeAll(async () => {
  server = await startServer()
  user = await server.createUser({ email: 'ann@example.com', name: 'Ann Example' })
  app = await serve(startApp)
})
afterAll(async () => {
  await app.close()
  await server.close()
})

/** The library knows neither discovery nor PKCE, and sends its secret in the body. */
async function startApp(origin: string) {
  client = await server.createClient({
    redirect_uris: [`${origin}/callback`],
    post_logout_redirect_uris: [`${origin}/bye`],
    token_endpoint_auth_method: 'client_secret_post',
    require_pkce: false,
  })
  const authenticator = new passport.Passport()
  authenticator.serializeUser((person, done) => done(null, person))
  authenticator.deserializeUser((person, done) => done(null, person))
  authenticator.use(
    new Strategy(
      {
        issuer: server.url,
        authorizationURL: `${server.url}/authorize`,
        tokenURL: `${server.url}/token`,
        userInfoURL: `${server.url}/userinfo`,
        clientID: client.clientId,
        clientSecret: client.secret,
        callbackURL: `${origin}/callback`,
        scope: ['profile', 'email'],
        skipUserProfile: false,
        nonce: true,
        maxAge: 3600,
      },
      (_issuer, profile, _context, idToken, accessToken, refreshToken, verified) =>
        verified(null, { profile, idToken, accessToken, refreshToken } satisfies Person),
    ),
  )
  const web = express()
  web.use(session({ secret: 'a long cookie secret of the application', resave: false, saveUninitialized: false }))
  web.use(authenticator.session())
  web.get('/login', authenticator.authenticate('openidconnect'))
  web.get('/callback', authenticator.authenticate('openidconnect', { failWithError: true }), (_request, response) =>
    response.redirect('/'),
  )
  web.get('/', (request, response) => response.status(request.user ? 200 : 401).json(request.user ?? {}))
  web.get('/logout', (request, response, next) => {
    const { idToken } = request.user as Person
    request.logout((error) => {
      if (error) return next(error)
      const query = new URLSearchParams({ id_token_hint: idToken, post_logout_redirect_uri: `${origin}/bye` })
      response.redirect(`${server.url}/logout?${query}`)
    })
  })
  return web
}

it('passport-openidconnect logs in with the profile of userinfo, and logs out', async () => {
  const atApp = new Browser(app.origin)
  const atServer = server.browser()
  const start = wayOut(await atApp.request('/login'))
  expect(start.origin).toBe(server.url)
  const callback = wayOut(await signInAt(atServer, start, user.username))
  const home = await atApp.open(callback.href)
  expect(home.status, home.body).toBe(200)
  const person = JSON.parse(home.body) as Person
  expect(person.profile).toMatchObject({
    id: user.id,
    displayName: 'Ann Example',
    emails: [{ value: 'ann@example.com' }],
  })

  const refreshed = await client.refresh(person.refreshToken)
  expect(refreshed.status).toBe(200)
  expect(refreshed.body.access_token).not.toBe(person.accessToken)

  const leave = wayOut(await atApp.request('/logout'))
  expect(wayOut(await atServer.open(leave.href)).href).toBe(`${app.origin}/bye`)
  expect((await atApp.request('/')).status).toBe(401)
  const again = wayOut(await atApp.request('/login'))
  expect((await atServer.open(again.href)).body).toContain('id="password"')
})

it('passport-openidconnect turns down a response that it did not ask for', async () => {
  const atApp = new Browser(app.origin)
  const asked = wayOut(await new Browser(app.origin).request('/login'))
  const callback = wayOut(await signInAt(server.browser(), asked, user.username))
  expect((await atApp.request(callback.href)).status).toBe(403)
})
