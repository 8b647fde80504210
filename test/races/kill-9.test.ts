import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Browser } from '../support/browser.ts'
import { type Instance, startInstance } from '../support/instance.ts'
import { freePort } from '../support/ports.ts'
import { password, type Tokens } from '../support/server.ts'
import { basic, claimsOf } from '../support/tokens.ts'

const admin = { id: 'operator', secret: 'a-secret-of-an-operator-with-32-characters' }
const app = { id: 'app', redirectUri: 'https://app.example.com/callback' }
let dataDir: string
let settings: Record<string, string>
let server: Instance

beforeAll(async () => {
  dataDir = fs.mkdtempSync(path.join(os.tmpdir(), 'falconer-kill-'))
  const port = String(await freePort())
  // The real thing: an embedded PostgreSQL with a real disk below it, and keys of its own making.
  settings = {
    DATA_DIR: dataDir,
    PORT: port,
    ISSUER: `http://127.0.0.1:${port}`,
    BOOTSTRAP_ADMIN_CLIENT_ID: admin.id,
    BOOTSTRAP_ADMIN_CLIENT_SECRET: admin.secret,
  }
  server = await startInstance(settings)
  await call('POST', '/clients', {
    client_id: app.id,
    redirect_uris: [app.redirectUri],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
    skip_consent: true,
    // A crash and a start take longer than the usual ten seconds on a busy machine.
    refresh_grace_seconds: 60,
  })
})
afterAll(async () => {
  try {
    await server.end('SIGTERM')
  } finally {
    fs.rmSync(dataDir, { recursive: true, force: true })
  }
})

async function call(method: string, endpoint: string, body: object): Promise<Record<string, unknown>> {
  const { body: token } = await server.post(
    '/token',
    { grant_type: 'client_credentials', scope: 'admin' },
    basic(admin.id, admin.secret),
  )
  const response = await fetch(`${server.url}/admin/v1${endpoint}`, {
    method,
    headers: { authorization: `Bearer ${String(token['access_token'])}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${endpoint}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Record<string, unknown>
}

/** The way through the pages; without a name only what the cookies allow. */
async function authorize(browser: Browser, username?: string): Promise<{ code: string; verifier: string }> {
  const verifier = randomBytes(32).toString('base64url')
  const query = new URLSearchParams({
    client_id: app.id,
    redirect_uri: app.redirectUri,
    response_type: 'code',
    scope: 'openid',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(username === undefined ? { prompt: 'none' } : {}),
  })
  let page = await browser.open(`/authorize?${query}`)
  if (username !== undefined) page = await browser.submit(page, { username, password })
  return { code: page.location?.searchParams.get('code') ?? '', verifier }
}
const redeem = async ({ code, verifier }: { code: string; verifier: string }) =>
  server.post('/token', {
    grant_type: 'authorization_code',
    client_id: app.id,
    code,
    redirect_uri: app.redirectUri,
    code_verifier: verifier,
  })
const refresh = (refreshToken: string) =>
  server.post('/token', { grant_type: 'refresh_token', client_id: app.id, refresh_token: refreshToken })
const userinfo = async (token: string) =>
  (await fetch(`${server.url}/userinfo`, { headers: { authorization: `Bearer ${token}` } })).status

let people = 0
async function signIn(): Promise<Tokens & { browser: Browser }> {
  const username = `person-${++people}`
  await call('POST', '/users', { username, password })
  const browser = new Browser(server.url)
  const { body } = await redeem(await authorize(browser, username))
  return { ...(body as unknown as Tokens), browser }
}
const rotated = async (refreshToken: string): Promise<string> => {
  const { status, body } = await refresh(refreshToken)
  expect(status).toBe(200)
  return String(body['refresh_token'])
}

/** What has been acknowledged before a crash. */
async function prepare() {
  const held = await signIn()
  const current = await rotated(held.refresh_token)
  const victim = await signIn()
  const replaced = [victim.refresh_token, await rotated(victim.refresh_token)]
  replaced.push(await rotated(replaced[1] ?? ''))
  const ended = await signIn()
  await call('POST', '/revocations', { session_id: claimsOf(ended.access_token).sid })
  const revoked = await signIn()
  await server.post('/revoke', { client_id: app.id, token: revoked.access_token })
  const spent = await authorize(held.browser)
  await redeem(spent)
  const unspent = await authorize(held.browser)
  return { held, current, victim, replaced, ended, revoked, spent, unspent }
}

async function expectNothingLost({
  held,
  current,
  victim,
  replaced,
  ended,
  revoked,
  spent,
  unspent,
}: Awaited<ReturnType<typeof prepare>>) {
  // Alive is what was alive.
  expect((await authorize(held.browser)).code).not.toBe('')
  expect(await userinfo(held.access_token)).toBe(200)
  const again = await rotated(current)
  expect(await rotated(current)).toBe(again)
  expect((await redeem(unspent)).status).toBe(200)
  // Dead is what was dead: a session, a token, a code, and a refresh token that was replaced.
  expect((await authorize(ended.browser)).code).toBe('')
  expect((await refresh(ended.refresh_token)).status).toBe(400)
  expect(await userinfo(revoked.access_token)).toBe(401)
  expect((await redeem(spent)).status).toBe(400)
  expect((await refresh(replaced[0] ?? '')).status).toBe(400)
  expect((await refresh(replaced[2] ?? '')).status).toBe(400)
  expect(await userinfo(victim.access_token)).toBe(401)
}

const postmasterPid = () =>
  Number(fs.readFileSync(path.join(dataDir, 'postgres/data/postmaster.pid'), 'utf8').split('\n')[0])

describe('CVE-2026-9802: kill -9 forgets nothing that was acknowledged (keycloak#49426)', () => {
  it('of the server: browsers stay signed in, refresh tokens work, what was replaced or ended is refused', async () => {
    const before = await prepare()
    await server.end('SIGKILL')
    server = await startInstance(settings)
    await expectNothingLost(before)
  })

  it('of PostgreSQL, under load: 503 until it is back, and every refresh token that was handed out works', async () => {
    const before = await prepare()
    const chains = await Promise.all(Array.from({ length: 6 }, async () => (await signIn()).refresh_token))
    let rotations = 0
    const refusals = new Set<string>()
    const work = chains.map(async (_, i) => {
      for (;;) {
        const { status, body, headers } = await refresh(chains[i] ?? '')
        if (status === 200) {
          chains[i] = String(body['refresh_token'])
          rotations++
        } else {
          refusals.add(`${status} ${String(body['error'])} ${String(headers.get('retry-after') !== null)}`)
          return
        }
      }
    })
    // In the middle of work, however slow the machine is.
    await expect.poll(() => rotations, { timeout: 60_000 }).toBeGreaterThan(20)
    process.kill(postmasterPid(), 'SIGKILL')
    await Promise.all(work)
    expect([...refusals]).toEqual(['503 temporarily_unavailable true'])

    await server.end('SIGKILL')
    server = await startInstance(settings)
    for (const token of chains) await rotated(token)
    await expectNothingLost(before)
  })

  it('of both at the same moment', async () => {
    const before = await prepare()
    process.kill(postmasterPid(), 'SIGKILL')
    await server.end('SIGKILL')
    server = await startInstance(settings)
    await expectNothingLost(before)
  })
})
