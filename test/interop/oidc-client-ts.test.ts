import { readFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeInChromium, type Window } from '../support/chromium.ts'
import { password, startServer, type TestServer } from '../support/server.ts'
import { serve, type WebApp } from './web-app.ts'

// The build for browsers, beside the one that Node would be given.
const require = createRequire(import.meta.url)
const entry = require.resolve('oidc-client-ts')
const library = readFileSync(path.join(path.dirname(entry), '../browser/oidc-client-ts.js'))

/** What a page of the application knows of the person after its login. */
interface User {
  readonly access_token: string
  readonly refresh_token: string
  readonly profile: Record<string, unknown>
}

describeInChromium('oidc-client-ts', (browser) => {
  let server: TestServer
  let app: WebApp
  let stranger: WebApp
  let user: { id: string; username: string }
  let window: Window

  beforeAll(async () => {
    server = await startServer()
    user = await server.createUser({ email: 'ann@example.com', name: 'Ann Example' })
    app = await serve(startApp)
    stranger = await serve(
      () => (_request, response) => response.setHeader('content-type', 'text/html').end('<h1>Hi</h1>'),
    )
    window = await browser.open()
  })
  afterAll(async () => {
    await window.close()
    await Promise.all([app.close(), stranger.close()])
    await server.close()
  })

  /** A static page with the library as published: a public client whose every request to the server comes from the browser. */
  async function startApp(origin: string): Promise<RequestListener> {
    const { clientId } = await server.createClient({
      token_endpoint_auth_method: 'none',
      redirect_uris: [`${origin}/callback`],
      post_logout_redirect_uris: [`${origin}/bye`],
    })
    const settings = {
      authority: server.url,
      client_id: clientId,
      redirect_uri: `${origin}/callback`,
      post_logout_redirect_uri: `${origin}/bye`,
      scope: 'openid profile email',
      loadUserInfo: true,
      automaticSilentRenew: false,
    }
    const script = `
      const manager = new oidc.UserManager(${JSON.stringify(settings)})
      const ready = ['/callback', '/bye'].includes(location.pathname)
        ? (location.pathname === '/bye' ? manager.signoutCallback() : manager.signinCallback())
        : Promise.resolve()`
    const page = `<!doctype html><title>App</title><script src="/library.js"></script><script src="/app.js"></script>`
    return (request, response) => {
      const { pathname } = new URL(request.url ?? '/', origin)
      if (pathname === '/library.js') return response.setHeader('content-type', 'text/javascript').end(library)
      if (pathname === '/app.js') return response.setHeader('content-type', 'text/javascript').end(script)
      if (pathname === '/favicon.ico') return response.writeHead(204).end()
      return response.setHeader('content-type', 'text/html').end(page)
    }
  }

  const inPage = <Result>(expression: string): Promise<Result> => window.page.evaluate(expression) as Promise<Result>

  it('logs in with signinRedirect and reads userinfo, from a page of another origin', async () => {
    const { page } = window
    await page.goto(app.origin)
    await Promise.all([page.waitForURL(`${server.url}/login**`), inPage('void manager.signinRedirect()')])
    await page.fill('#username', user.username)
    await page.fill('#password', password)
    await page.click('#submit')
    await page.waitForURL(`${app.origin}/callback**`)
    const { profile } = await inPage<User>('ready')
    expect(profile).toMatchObject({ iss: server.url, sub: user.id, name: 'Ann Example', email: 'ann@example.com' })
  })

  it('refreshes with signinSilent', async () => {
    const before = await inPage<User>('manager.getUser()')
    const after = await inPage<User>('manager.signinSilent()')
    expect(after.access_token).not.toBe(before.access_token)
    expect(after.refresh_token).not.toBe(before.refresh_token)
    expect(after.profile['sub']).toBe(user.id)
  })

  it('two tabs that refresh at the same moment both stay logged in', async () => {
    const together = 'Promise.all([1, 2].map(() => new oidc.UserManager(manager.settings).signinSilent()))'
    const [first, second] = await inPage<User[]>(together)
    expect(first?.refresh_token).toBe(second?.refresh_token)
    expect((await inPage<User>('manager.signinSilent()')).profile['sub']).toBe(user.id)
  })

  it('revokes its refresh token', async () => {
    await inPage("manager.revokeTokens(['refresh_token'])")
    expect((await inPage<User>('manager.getUser()')).refresh_token).toBeFalsy()
  })

  it('logs in again without a question, and out with signoutRedirect', async () => {
    const { page } = window
    await page.goto(app.origin)
    await Promise.all([page.waitForURL(`${app.origin}/callback**`), inPage('void manager.signinRedirect()')])
    await inPage('ready')
    await Promise.all([page.waitForURL(`${app.origin}/bye**`), inPage('void manager.signoutRedirect()')])
    await inPage('ready')
    expect(await inPage('manager.getUser()')).toBeNull()
    await Promise.all([page.waitForURL(`${server.url}/login**`), inPage('void manager.signinRedirect()')])
    expect(await page.locator('#password').isVisible()).toBe(true)
  })

  it('makes the browser complain of nothing', () => {
    expect(window.complaints).toEqual([])
  })

  it('an origin that belongs to no client can read the metadata, but no answer of the token endpoint', async () => {
    const other = await browser.open()
    await other.page.goto(stranger.origin)
    const read = (path: string, init = '') =>
      other.page.evaluate(`fetch('${server.url}${path}', {${init}}).then((r) => r.status, (e) => e.name)`)
    expect(await read('/.well-known/openid-configuration')).toBe(200)
    expect(await read('/.well-known/jwks.json')).toBe(200)
    expect(await read('/token', "method: 'POST', body: new URLSearchParams({ grant_type: 'x' })")).toBe('TypeError')
    expect(await read('/userinfo', "headers: { authorization: 'Bearer x' }")).toBe('TypeError')
    await other.close()
  })
})
