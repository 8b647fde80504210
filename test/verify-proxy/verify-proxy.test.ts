import { type ChildProcess, spawn } from 'node:child_process'
import { createServer, get, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { buildServer } from '../support/build.ts'
import { nginxPath, startNginx } from '../support/nginx.ts'
import { freePort } from '../support/ports.ts'
import { startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { claimsOf } from '../support/tokens.ts'

const audience = 'https://orders.test'
let cli: string
let server: TestServer
let app: TestClient
let api: TestClient
let proxy: Running

beforeAll(async () => {
  cli = path.join(path.dirname(buildServer()), '../cli/main.js')
  server = await startServer()
  await server.admin('POST', '/resources', { identifier: audience, scopes: ['orders:read', 'orders:write'] })
  app = await server.createClient({ scope: 'openid orders:read' })
  api = await server.createClient({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    resource_server_for: [audience],
  })
  proxy = await start(['--route', 'orders=orders:read', '--route', 'writing=orders:write'])
})
afterAll(async () => {
  await proxy.stop()
  await server.close()
})

interface Running {
  readonly url: string
  readonly port: number
  readonly output: () => string
  stop(): Promise<number | null>
}

const run = (args: readonly string[], env: Record<string, string> = {}): ChildProcess =>
  spawn(process.execPath, [cli, ...args], { env: { PATH: process.env['PATH'] ?? '', ...env } })

/** Starts the proxy as an operator does, and waits until its news are fresh. */
async function start(args: readonly string[], secret = api.secret): Promise<Running> {
  const own = ['--issuer', server.url, '--audience', audience, '--client-id', api.clientId, '--port', '0']
  const child = run(['verify-proxy', ...own, ...args], { FALCONER_CLIENT_SECRET: secret ?? '' })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (output += String(text)))
  const patience = { timeout: 60_000, interval: 20 }
  await vi.waitFor(() => expect(output).toContain('"listening"'), patience)
  const url = /"listening":"([^"]+)"/.exec(output)?.[1] ?? ''
  await vi.waitFor(async () => expect((await fetch(`${url}/readyz`)).status).toBe(200), patience)
  return {
    url,
    port: Number(new URL(url).port),
    output: () => output,
    stop: async () => {
      const gone = new Promise<number | null>((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      return gone
    },
  }
}

/** What a command says, and its exit code. */
async function say(args: readonly string[], env: Record<string, string> = {}): Promise<{ code: number; text: string }> {
  const child = run(args, env)
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (part) => (text += String(part)))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code: code ?? -1, text })))
}

const signedIn = async (): Promise<Tokens> =>
  app.tokens({ username: (await server.createUser()).username, parameters: { scope: 'openid orders:read' } })

const ask = (place: string, token?: string, headers: Record<string, string> = {}) =>
  fetch(proxy.url + place, { headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers } })

/** The same without a client that tidies the path up. */
const askRaw = (path: string, token: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` }
    get({ host: '127.0.0.1', port: proxy.port, path, headers }, (answer) => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    }).once('error', reject)
  })

/** Ends the session of a token; every verifier has said that it obeys. */
const end = async ({ access_token: token }: Tokens) => {
  const target = { session_id: claimsOf(token)['sid'] }
  const { body } = await server.admin('POST', '/revocations', target, { prefer: 'wait=10' })
  expect(body).toMatchObject({ enforced: 'all' })
}

describe('falconer verify-proxy', () => {
  it('lets a living token through, and says whose it is', async () => {
    const { access_token: token } = await signedIn()
    const answer = await ask('/verify/orders/42?x=1', token)
    expect(answer.status).toBe(200)
    const claims = claimsOf(token)
    expect(answer.headers.get('x-falconer-subject')).toBe(claims['sub'])
    expect(answer.headers.get('x-falconer-client')).toBe(app.clientId)
    expect(answer.headers.get('x-falconer-scope')).toBe('openid orders:read')
    const told: unknown = JSON.parse(Buffer.from(answer.headers.get('x-falconer-claims') ?? '', 'base64url').toString())
    expect(told).toEqual(claims)
  })

  it('refuses a token that was revoked, and takes one from a new login', async () => {
    const tokens = await signedIn()
    await end(tokens)
    const answer = await ask('/verify', tokens.access_token)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"')
    expect((await ask('/verify', (await signedIn()).access_token)).status).toBe(200)
  })

  it('refuses no token, two tokens, a broken one, and one without the scope', async () => {
    const { access_token: token } = await signedIn()
    expect((await ask('/verify')).status).toBe(401)
    expect((await ask('/verify', `${token.slice(0, -4)}AAAA`)).status).toBe(401)
    const { status, headers } = await ask('/verify/writing', token)
    expect(status).toBe(403)
    expect(headers.get('www-authenticate')).toContain('scope="orders:write"')
  })

  it('a request cannot choose its route, nor talk a route into less', async () => {
    const { access_token: token } = await signedIn()
    expect(await askRaw('/verify/writing/../orders', token)).toBe(403)
    expect((await ask('/verify/writing?scope=orders:read&on-stale=open', token)).status).toBe(403)
    expect((await ask('/verify/nothing', token)).status).toBe(500)
    expect((await ask('/orders', token)).status).toBe(404)
  })

  it('has metrics, and says in its log when its news are fresh', async () => {
    const text = await (await fetch(`${proxy.url}/metrics`)).text()
    expect(text).toMatch(/^falconer_verifier_verified [1-9]/m)
    expect(text).toMatch(/^falconer_verifier_fresh 1$/m)
    expect(proxy.output()).toContain('"type":"fresh"')
    expect(proxy.output()).not.toContain(api.secret)
  })

  it('stops at once when told to', async () => {
    const other = await start([])
    expect(await other.stop()).toBe(0)
  })

  it('answers 503 when the server is gone for longer than the bound', async () => {
    const issuer = await startServer({ FEED_MAX_STALENESS_SECONDS: '1' })
    await issuer.admin('POST', '/resources', { identifier: audience, scopes: ['orders:read'] })
    const client = { grant_types: ['client_credentials'], redirect_uris: [], scope: 'orders:read' }
    const service = await issuer.createClient({ ...client, resource_server_for: [audience] })
    const { body } = await service.post('/token', { grant_type: 'client_credentials', scope: 'orders:read' })
    const other = await start(['--issuer', issuer.url, '--client-id', service.clientId], service.secret)
    const status = async () =>
      (await fetch(`${other.url}/verify`, { headers: { authorization: `Bearer ${String(body['access_token'])}` } }))
        .status
    expect(await status()).toBe(200)
    await issuer.close()
    await expect.poll(status, { timeout: 30_000 }).toBe(503)
    expect((await fetch(`${other.url}/readyz`)).status).toBe(503)
    await other.stop()
  })
})

describe('its options', () => {
  const most = ['--issuer', 'https://login.test', '--audience', audience, '--client-id', 'api']

  it('are explained', async () => {
    const { code, text } = await say(['verify-proxy', '--help'])
    expect(code).toBe(0)
    expect(text).toContain('auth_request /_verify')
    expect((await say(['--help'])).text).toContain('verify-proxy')
  })

  it.each<[string[], string]>([
    [[], '--issuer is missing'],
    [most, 'FALCONER_CLIENT_SECRET is missing'],
    [[...most, '--client-secret-file', '/nothing/there'], 'cannot be read (ENOENT)'],
    [[...most, '--port', 'x'], '--port must be'],
    [[...most, '--on-stale', 'never'], '--on-stale must be'],
    [[...most, '--route', 'a b'], 'is not NAME=SCOPES'],
    [[...most, '--colour'], "Unknown option '--colour'"],
  ])('%j: %s', async (args, message) => {
    const env: Record<string, string> = message.includes('SECRET') ? {} : { FALCONER_CLIENT_SECRET: 'x' }
    const { code, text } = await say(['verify-proxy', ...args], env)
    expect({ code, text }).toEqual({ code: 2, text: expect.stringContaining(message) })
    expect(text.trim().split('\n')).toHaveLength(1)
  })

  it('a command that does not exist', async () => {
    expect(await say(['fly'])).toEqual({ code: 2, text: expect.stringContaining('falconer --help lists them') })
    expect((await say([])).code).toBe(2)
  })
})

const isNginxNeeded = process.env['CI'] === 'true'
describe.skipIf(nginxPath === undefined && !isNginxNeeded)(
  'nginx in front of a service that knows nothing of tokens',
  () => {
    it('refuses a revoked token and passes the user on', async () => {
      const seen: IncomingHttpHeaders[] = []
      const service = createServer((request, response) => {
        seen.push(request.headers)
        response.end('orders')
      })
      await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
      const { port } = service.address() as AddressInfo
      const nginx = await startNginx(
        await freePort(),
        `location /orders/ {
        auth_request /_verify;
        auth_request_set $subject $upstream_http_x_falconer_subject;
        proxy_set_header X-User $subject;
        proxy_set_header Authorization "";
        proxy_pass http://127.0.0.1:${port};
      }
      location = /_verify {
        internal;
        proxy_pass http://127.0.0.1:${proxy.port}/verify/orders;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
      }`,
      )
      const ask = (token?: string) =>
        fetch(`${nginx.url}/orders/1`, { headers: token ? { authorization: `Bearer ${token}` } : {} })
      try {
        const tokens = await signedIn()
        const answer = await ask(tokens.access_token)
        expect([answer.status, await answer.text()]).toEqual([200, 'orders'])
        expect(seen[0]?.['x-user']).toBe(claimsOf(tokens.access_token)['sub'])
        expect((await ask()).status).toBe(401)
        await end(tokens)
        const refused = await ask(tokens.access_token)
        expect(refused.status).toBe(401)
        expect(refused.headers.get('www-authenticate')).toContain('invalid_token')
        expect((await ask((await signedIn()).access_token)).status).toBe(200)
        expect(seen).toHaveLength(2)
      } finally {
        await nginx.stop()
        service.close()
      }
    })
  },
)
