import { createHash, randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import { inject } from 'vitest'
import { bootstrapAdminClient } from '../../src/admin/bootstrap.ts'
import { readConfig } from '../../src/config.ts'
import { parseMasterKeys } from '../../src/crypto/master-keys.ts'
import { createServer, type Server } from '../../src/server.ts'
import { readApiDocument } from './admin-answers.ts'
import { Browser, type Page } from './browser.ts'
import { createDatabase, type TestDatabase } from './database.ts'
import { databaseUrl } from './global-setup.ts'
import { freePort } from './ports.ts'
import { testMasterKeys } from './template.ts'

export const adminClient = { id: 'test-admin', secret: 'test-admin-secret-of-at-least-32-characters' }
export const password = 'correct horse battery staple'

/** One line of the server's log. */
export type LogLine = Record<string, unknown> & { msg?: string; reason?: string }

export interface Tokens {
  access_token: string
  refresh_token: string
  id_token: string
  expires_in: number
  scope: string
  token_type: string
}

/** An answer of a JSON endpoint. */
export interface Answer<Body = Record<string, unknown>> {
  status: number
  body: Body
  headers: Headers
}

export interface TestServer {
  readonly url: string
  readonly db: TestDatabase
  /** The environment variables by which another process gets to the same database as this server does. */
  readonly databaseSettings: Record<string, string>
  readonly server: Server
  readonly log: LogLine[]
  /** Calls the admin API as a service with every scope. */
  admin<Body = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<Body>>
  createClient(metadata?: Record<string, unknown>): Promise<TestClient>
  createUser(fields?: Record<string, unknown>): Promise<{ id: string; username: string }>
  /** Moves the database clock. */
  wait(seconds: number): Promise<void>
  /** Another instance on the same database. */
  another(settings?: Record<string, string>): Promise<TestServer>
  browser(): Browser
  post(
    path: string,
    form: Record<string, string> | [string, string][],
    headers?: Record<string, string>,
  ): Promise<Answer>
  close(): Promise<void>
}

export interface TestClient {
  readonly clientId: string
  readonly secret: string | undefined
  readonly redirectUri: string
  /** The URL of an authorization request, with the verifier that belongs to it. */
  request(parameters?: Record<string, string | undefined>): {
    url: string
    verifier: string
    state: string
    nonce: string
  }
  /** Signs in through the pages and comes back with what the client got. */
  signIn(
    options?: SignInOptions,
  ): Promise<{ page: Page; code: string; verifier: string; nonce: string; browser: Browser }>
  exchange(code: string, verifier: string, extra?: Record<string, string>): Promise<Answer<Tokens>>
  refresh(refreshToken: string, extra?: Record<string, string>): Promise<Answer<Tokens>>
  /** Sign in and exchange in one. */
  tokens(options?: SignInOptions): Promise<Tokens & { browser: Browser }>
  post(path: string, form: Record<string, string>): Promise<Answer>
}

export interface SignInOptions {
  readonly browser?: Browser
  readonly username?: string
  readonly parameters?: Record<string, string | undefined>
  readonly approve?: boolean
}

let count = 0

/** How a server gets to a database: through the run's pooler when there is one, which stands before the run's PostgreSQL only. */
function databaseSettings(url: string): { DATABASE_URL: string; DATABASE_DIRECT_URL?: string } {
  const { url: server, pooler } = inject('testServer')
  if (pooler === undefined || databaseUrl(url, '') !== databaseUrl(server, '')) return { DATABASE_URL: url }
  const through = new URL(url)
  through.host = pooler
  through.searchParams.delete('host') // that of a Unix socket
  return { DATABASE_URL: through.href, DATABASE_DIRECT_URL: url }
}

/** Starts a server on a free port and a database of its own; `settings` are environment variables. */
export async function startServer(settings: Record<string, string> = {}): Promise<TestServer> {
  const db = await createDatabase()
  const started = await startOn(db, settings)
  return {
    ...started,
    close: async () => {
      await started.close()
      await db.drop()
    },
  }
}

export async function startOn(db: TestDatabase, settings: Record<string, string>): Promise<TestServer> {
  const log: LogLine[] = []
  const logger = pino({ level: 'debug' }, { write: (line: string) => void log.push(JSON.parse(line) as LogLine) })
  const port = await freePort()
  const reached = databaseSettings(db.url)
  const config = readConfig({
    ...reached,
    MASTER_KEYS: testMasterKeys,
    NODE_ENV: 'test',
    PORT: String(port),
    ISSUER: `http://localhost:${port}`,
    RATE_LIMITS: 'off',
    ARGON2_MEMORY_KIB: '64',
    ARGON2_TIME: '1',
    // A round in the middle of a test would be one statement too many for those that count them.
    CLEANUP_INTERVAL_SECONDS: '3600',
    ...settings,
  })
  const server = await createServer({
    config,
    databaseUrl: reached.DATABASE_URL,
    masterKeys: parseMasterKeys(config.masterKeys ?? testMasterKeys),
    logger,
  })
  await bootstrapAdminClient(server.tools, adminClient)
  await server.app.listen({ port, host: 'localhost' })
  const url = `http://localhost:${(server.app.server.address() as AddressInfo).port}`
  let adminToken: string | undefined
  let described: ReturnType<typeof readApiDocument> | undefined

  const json = async <Body>(response: Response): Promise<Answer<Body>> => {
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json') === true && text !== ''
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as Body }
  }
  const post: TestServer['post'] = async (path, form, headers = {}) =>
    json(
      await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
        body: new URLSearchParams(form).toString(),
      }),
    )
  const call = (method: string, path: string, body: unknown, headers: Record<string, string>) =>
    fetch(`${url}/admin/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${adminToken}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const admin: TestServer['admin'] = async (method, path, body, headers = {}) => {
    adminToken ??= await tokenOfAdmin(post)
    let response = await call(method, path, body, headers)
    if (response.status === 401 && !headers['authorization']) {
      // Time has moved on, or everything was ended, the admin's own token too.
      adminToken = await tokenOfAdmin(post)
      response = await call(method, path, body, headers)
    }
    const answer = await json<never>(response)
    // Whatever a test asks for: the answer has to be one that the API describes.
    described ??= readApiDocument(url)
    ;(await described).check(method, path, answer)
    return answer
  }
  const self: TestServer = {
    url,
    db,
    databaseSettings: reached,
    server,
    log,
    admin,
    post,
    browser: () => new Browser(url),
    wait: (seconds) => db.advance(seconds),
    another: (more = {}) => startOn(db, { ...settings, ISSUER: config.issuer, ...more }),
    createUser: async (fields = {}) => {
      const username = `user-${process.pid}-${++count}`
      const { status, body } = await admin<{ id: string; username: string }>('POST', '/users', {
        username,
        password,
        ...fields,
      })
      if (status !== 201) throw new Error(`the user was not created: ${JSON.stringify(body)}`)
      return body
    },
    createClient: (metadata = {}) => createClient(self, metadata),
    close: () => server.close(),
  }
  return self
}

async function tokenOfAdmin(post: TestServer['post']): Promise<string> {
  const basic = Buffer.from(`${adminClient.id}:${adminClient.secret}`).toString('base64')
  const { body } = await post(
    '/token',
    { grant_type: 'client_credentials', scope: 'admin' },
    { authorization: `Basic ${basic}` },
  )
  if (typeof body['access_token'] !== 'string') throw new Error(`no admin token: ${JSON.stringify(body)}`)
  return body['access_token']
}

async function createClient(server: TestServer, metadata: Record<string, unknown>): Promise<TestClient> {
  const redirectUri = 'https://app.example.com/callback'
  const wanted = {
    client_id: `client-${process.pid}-${++count}`,
    client_name: 'Test App',
    redirect_uris: [redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    skip_consent: true,
    ...metadata,
  }
  const { status, body } = await server.admin<{ client_id: string; client_secret?: string }>('POST', '/clients', wanted)
  if (status !== 201) throw new Error(`the client was not created: ${JSON.stringify(body)}`)
  const { client_id: clientId, client_secret: secret } = body
  const method = (wanted as { token_endpoint_auth_method?: string }).token_endpoint_auth_method ?? 'client_secret_basic'
  const post: TestClient['post'] = (path, form) => {
    if (method === 'none') return server.post(path, { client_id: clientId, ...form })
    if (method === 'client_secret_post')
      return server.post(path, { client_id: clientId, client_secret: secret ?? '', ...form })
    const basic = Buffer.from(`${encodeURIComponent(clientId)}:${encodeURIComponent(secret ?? '')}`).toString('base64')
    return server.post(path, form, { authorization: `Basic ${basic}` })
  }
  const client: TestClient = {
    clientId,
    secret,
    redirectUri: wanted.redirect_uris[0] ?? redirectUri,
    post,
    request: (parameters = {}) => {
      const verifier = randomBytes(32).toString('base64url')
      const state = randomBytes(8).toString('hex')
      const nonce = randomBytes(8).toString('hex')
      const all = {
        client_id: clientId,
        redirect_uri: client.redirectUri,
        response_type: 'code',
        scope: 'openid',
        state,
        nonce,
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        ...parameters,
      }
      const entries = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined)
      return { url: `${server.url}/authorize?${new URLSearchParams(entries)}`, verifier, state, nonce }
    },
    signIn: async (options = {}) => {
      const browser = options.browser ?? server.browser()
      const { url, verifier, nonce } = client.request(options.parameters)
      let page = await browser.open(url)
      if (page.body.includes('id="password"'))
        page = await browser.submit(page, { username: options.username ?? '', password })
      if (page.body.includes('id="approve"'))
        page = await browser.submit(page, { decision: options.approve === false ? 'deny' : 'approve' })
      return { page, code: page.location?.searchParams.get('code') ?? '', verifier, nonce, browser }
    },
    exchange: async (code, verifier, extra = {}) =>
      (await post('/token', {
        grant_type: 'authorization_code',
        code,
        redirect_uri: client.redirectUri,
        code_verifier: verifier,
        ...extra,
      })) as unknown as Answer<Tokens>,
    refresh: async (refreshToken, extra = {}) =>
      (await post('/token', {
        grant_type: 'refresh_token',
        refresh_token: refreshToken,
        ...extra,
      })) as unknown as Answer<Tokens>,
    tokens: async (options = {}) => {
      const { code, verifier, browser, page } = await client.signIn(options)
      if (code === '') throw new Error(`no code: ${page.status} ${page.location?.href ?? page.body.slice(0, 400)}`)
      const { status, body } = await client.exchange(code, verifier)
      if (status !== 200) throw new Error(`no tokens: ${JSON.stringify(body)}`)
      return { ...body, browser }
    },
  }
  return client
}
