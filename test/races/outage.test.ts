import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool, type QueryResultRow } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/store/embedded-postgres.ts'
import { migrate } from '../../src/store/migrate.ts'
import type { Browser } from '../support/browser.ts'
import type { TestDatabase } from '../support/database.ts'
import { type Instance, startInstance } from '../support/instance.ts'
import { adminClient, startOn, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { prepareTemplate, testMasterKeys } from '../support/template.ts'
import { basic, isActive } from '../support/tokens.ts'

// A PostgreSQL of its own: the others may not notice.
let directory: string
let postgres: EmbeddedPostgres
let pool: Pool
let server: TestServer
let instance: Instance
let app: TestClient
let held: Tokens & { browser: Browser }
let adminToken: string
let waiting: { code: string; verifier: string }

beforeAll(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'falconer-outage-'))
  postgres = await startEmbeddedPostgres(directory)
  await migrate(postgres.url(), { ephemeral: true })
  await prepareTemplate(postgres.url())
  pool = new Pool({ connectionString: postgres.url(), max: 2 })
  pool.on('error', () => {})
  server = await startOn(databaseOf(postgres.url(), pool), {})
  instance = await startInstance({ DATABASE_URL: postgres.url(), MASTER_KEYS: testMasterKeys, ISSUER: server.url })
  app = await server.createClient({
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    scope: 'openid profile reports',
  })
  const { username } = await server.createUser()
  held = await app.tokens({ username })
  const { body } = await server.post(
    '/token',
    { grant_type: 'client_credentials', scope: 'admin' },
    basic(adminClient.id, adminClient.secret),
  )
  adminToken = String(body['access_token'])
})
afterAll(async () => {
  // The database first: whatever still waits for it is told so, and the servers can end.
  thaw()
  await postgres.stop()
  await instance.end('SIGTERM')
  await server.close()
  await pool.end()
  fs.rmSync(directory, { recursive: true, force: true })
})

const databaseOf = (url: string, queries: Pool): TestDatabase => ({
  url,
  query: async <Row extends QueryResultRow>(text: string, values?: unknown[]) =>
    (await queries.query<Row>(text, values)).rows,
  advance: () => Promise.reject(new Error('the clock of this database is the real one')),
  noticeDeadlocks: async () => {},
  drop: () => Promise.resolve(),
})

let frozen: number[] = []
const thaw = () => {
  for (const pid of frozen.splice(0)) process.kill(pid, 'SIGCONT')
}

/** Every endpoint that has to ask the database, as somebody would use it who was here before. */
function requests(url: string): [string, () => Promise<Response>][] {
  const client = basic(app.clientId, app.secret ?? '')
  const post = (endpoint: string, form: Record<string, string>, headers: Record<string, string> = client) =>
    fetch(url + endpoint, { method: 'POST', redirect: 'manual', headers, body: new URLSearchParams(form) })
  const bearer = { authorization: `Bearer ${held.access_token}` }
  const cookie = { cookie: [...held.browser.jar].map(([name, value]) => `${name}=${value}`).join('; ') }
  const admin = { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' }
  const authorize = app.request({ prompt: 'none' }).url.replace(server.url, url)
  const code = {
    grant_type: 'authorization_code',
    code: waiting.code,
    redirect_uri: app.redirectUri,
    code_verifier: waiting.verifier,
  }
  return [
    ['token: refresh_token', () => post('/token', { grant_type: 'refresh_token', refresh_token: held.refresh_token })],
    ['token: authorization_code', () => post('/token', code)],
    ['token: client_credentials', () => post('/token', { grant_type: 'client_credentials' })],
    ['introspect an access token', () => post('/introspect', { token: held.access_token })],
    ['introspect a refresh token', () => post('/introspect', { token: held.refresh_token })],
    ['revoke an access token', () => post('/revoke', { token: held.access_token })],
    ['revoke a refresh token', () => post('/revoke', { token: held.refresh_token })],
    ['userinfo', () => fetch(`${url}/userinfo`, { headers: bearer })],
    ['not-before', () => fetch(`${url}/not-before`)],
    ['readyz', () => fetch(`${url}/readyz`)],
    ['authorize', () => fetch(authorize, { redirect: 'manual', headers: cookie })],
    ['logout', () => fetch(`${url}/logout?id_token_hint=${held.id_token}`, { redirect: 'manual', headers: cookie })],
    ['admin: read', () => fetch(`${url}/admin/v1/clients`, { headers: admin })],
    [
      'admin: end everything',
      () => fetch(`${url}/admin/v1/revocations`, { method: 'POST', headers: admin, body: '{"all":true}' }),
    ],
    [
      'admin: not-before',
      () =>
        fetch(`${url}/admin/v1/not-before`, {
          method: 'PUT',
          headers: admin,
          body: '{"scope":"server","not_before":"now"}',
        }),
    ],
  ]
}

async function expectUnavailable(url: string): Promise<void> {
  const answers = await Promise.all(
    requests(url).map(async ([name, send]) => {
      const response = await send()
      const text = await response.text()
      return {
        name,
        status: response.status,
        retryAfter: Number(response.headers.get('retry-after')),
        text,
      }
    }),
  )
  for (const { name, status, retryAfter, text } of answers) {
    expect([name, status, retryAfter >= 1]).toEqual([name, 503, true])
    // What a client would take for a verdict, and a secret that an error might carry along.
    expect(text, name).not.toMatch(
      /invalid_grant|invalid_client|invalid_token|login_required|"active"|postgres|ECONN|socket/i,
    )
  }
}

/** What was presented during the outage still works: nobody is signed out, nothing was spent or ended. */
async function expectRecovered(): Promise<void> {
  for (const deadline = performance.now() + 5000; ; await sleep(50)) {
    const answers = await Promise.all([server.url, instance.url].map((url) => fetch(`${url}/readyz`)))
    if (answers.every(({ ok }) => ok)) break
    if (performance.now() > deadline) throw new Error('not ready 5 s after the database was back')
  }
  expect(await isActive(app, held.access_token)).toBe(true)
  const { status, body } = await app.refresh(held.refresh_token)
  expect(status).toBe(200)
  held = { ...held, ...body }
  expect((await app.exchange(waiting.code, waiting.verifier)).status).toBe(200)
  expect((await app.signIn({ browser: held.browser, parameters: { prompt: 'none' } })).code).not.toBe('')
}
const wait = async () => {
  const { code, verifier } = await app.signIn({ browser: held.browser })
  waiting = { code, verifier }
}

describe('the database is away: 503 with Retry-After, never a verdict', () => {
  it('stopped and started again, on every endpoint and instance, without a restart of ours', async () => {
    await wait()
    await app.post('/token', { grant_type: 'client_credentials' })
    await postgres.stop()
    await expectUnavailable(server.url)
    await expectUnavailable(instance.url)
    for (const endpoint of ['/livez', '/.well-known/openid-configuration'])
      expect((await fetch(server.url + endpoint)).status).toBe(200)
    postgres = await startEmbeddedPostgres(directory)
    await expectRecovered()
  })

  it('kicking everybody out: at most one answer of a connection is lost, and the retry works', async () => {
    await wait()
    await server.db.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
    const { status, body } = await app.refresh(held.refresh_token)
    expect([200, 503]).toContain(status)
    if (status === 200) held = { ...held, ...body }
    await expectRecovered()
  })

  it.runIf(process.platform === 'linux')('frozen, with every connection open: the requests do not hang', async () => {
    await wait()
    await app.post('/token', { grant_type: 'client_credentials' })
    frozen = [postgres.pid, ...childrenOf(postgres.pid)]
    for (const pid of frozen) process.kill(pid, 'SIGSTOP')
    try {
      await expectUnavailable(server.url)
    } finally {
      thaw()
    }
    // What reached PostgreSQL before it froze is done now: the logout, the revocations. Nobody was told so, and nobody was told otherwise.
    await sleep(500)
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200)
  })

  it('a lock that is not given within its second: 503, and the refresh token is as good as before', async () => {
    const { username } = await server.createUser()
    held = await app.tokens({ username })
    const { body } = await app.post('/introspect', { token: held.access_token })
    const holder = server.db.query(
      `select pg_sleep(1.6) from (select id from grants where id = '${String(body['gid'])}' for update) g`,
    )
    await sleep(100)
    const refused = await app.refresh(held.refresh_token)
    expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([503, 1])
    await holder
    expect((await app.refresh(held.refresh_token)).status).toBe(200)
  })
})

/** The processes below it, at any depth. */
function childrenOf(pid: number): number[] {
  const parents = fs.readdirSync('/proc').flatMap((name) => {
    try {
      const fields = fs
        .readFileSync(`/proc/${Number(name)}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
      return [[Number(name), Number(fields[1])] as const]
    } catch {
      return []
    }
  })
  const below = (parent: number): number[] =>
    parents.filter(([, of]) => of === parent).flatMap(([child]) => [child, ...below(child)])
  return below(pid)
}
