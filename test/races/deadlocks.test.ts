import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser } from '../support/browser.ts'
import { type Instance, startInstances } from '../support/instance.ts'
import { adminClient, startServer, type TestClient, type TestServer } from '../support/server.ts'
import { at, basic, claimsOf } from '../support/tokens.ts'

// Sessions idle soon, so that the use of a browser is written every 15 s, to the row that a logout wants first.
const settings = { SESSION_IDLE_SECONDS: '300', REFRESH_GRACE_SECONDS: '60' }
let server: TestServer
let instances: Instance[]
beforeAll(async () => {
  server = await startServer(settings)
  await server.db.noticeDeadlocks()
  instances = await startInstances(server, 3, settings)
})
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.end('SIGTERM')))
  await server.close()
})

const seconds = 10
const any = () => instances[Math.floor(Math.random() * instances.length)] as Instance
const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)] as T

interface Holding {
  readonly browser: Browser
  readonly sid: string
  readonly grants: { client: TestClient; refreshToken: string; gid: string }[]
}

describe(`refreshes, exchanges, logins, logouts and endings of the same few people, ${seconds} s over three processes`, () => {
  it('no request fails for a deadlock or a lock, and PostgreSQL has seen no deadlock (hydra#3604, trap 40)', async () => {
    const clients = await Promise.all([server.createClient(), server.createClient()])
    const users = await Promise.all(Array.from({ length: 4 }, () => server.createUser()))
    const holdings = new Map<string, Holding>()
    const statuses: Record<string, Record<number, number>> = {}
    const note = (what: string, status: number) => {
      const counts = (statuses[what] ??= {})
      counts[status] = (counts[status] ?? 0) + 1
    }
    const until = performance.now() + seconds * 1000
    const hasTooFew = () => (statuses['refresh']?.[200] ?? 0) <= 200
    const forever = async (work: () => Promise<void>) => {
      // On a busy machine it takes longer until enough has happened.
      while (performance.now() < until || (hasTooFew() && performance.now() < until + 80_000)) await work()
    }
    const admin = async (what: string, method: string, path: string, body?: object) => {
      const instance = any()
      const { body: token } = await instance.post(
        '/token',
        { grant_type: 'client_credentials', scope: 'admin' },
        basic(adminClient.id, adminClient.secret),
      )
      const headers = {
        authorization: `Bearer ${String(token['access_token'])}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
      }
      const response = await fetch(`${instance.url}/admin/v1${path}`, {
        method,
        headers,
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      note(what, response.status)
    }

    /** A browser of one of the people, with two grants at each client. */
    const signIn = async () => {
      const { username } = pick(users)
      let browser: Browser | undefined
      const grants: Holding['grants'] = []
      for (const client of [...clients, ...clients]) {
        const scope = Math.random() < 0.3 ? 'profile offline_access' : 'profile'
        const got = await client.signIn({ username, parameters: { scope }, ...(browser ? { browser } : {}) })
        browser = got.browser
        note('authorize', got.page.status)
        if (got.code === '') continue
        const form = {
          grant_type: 'authorization_code',
          code: got.code,
          redirect_uri: client.redirectUri,
          code_verifier: got.verifier,
        }
        const { status, body } = await at(any(), client).post('/token', form)
        note('exchange', status)
        if (status === 200) {
          grants.push({
            client,
            refreshToken: String(body['refresh_token']),
            gid: claimsOf(String(body['access_token'])).gid ?? '',
          })
        }
      }
      const sid = [...(browser?.jar ?? [])].find(([name]) => name.startsWith('sso'))?.[1].split('.')[0]
      if (browser && sid !== undefined) holdings.set(sid, { browser, sid, grants })
    }
    const refresh = async () => {
      const grant = pick([...holdings.values()].flatMap(({ grants }) => grants))
      if (!grant) return sleep(5)
      const { status, body } = await at(any(), grant.client).refresh(grant.refreshToken)
      note('refresh', status)
      if (status === 200) grant.refreshToken = body.refresh_token
      else
        for (const { grants } of holdings.values()) if (grants.includes(grant)) grants.splice(grants.indexOf(grant), 1)
    }
    const logOut = async () => {
      await sleep(40)
      const held = pick([...holdings.values()])
      if (!held) return
      await admin('end session', 'DELETE', `/sessions/${held.sid}`)
      holdings.delete(held.sid)
    }
    const endings = async () => {
      await sleep(60)
      const held = pick([...holdings.values()])
      const grant = held && pick(held.grants)
      await pick([
        () => admin('end user', 'POST', '/revocations', { user_id: pick(users).id }),
        () =>
          admin('end user at client', 'POST', '/revocations', {
            user_id: pick(users).id,
            client_id: pick(clients).clientId,
          }),
        () => admin('end client', 'POST', '/revocations', { client_id: pick(clients).clientId }),
        async () => grant && admin('end grant', 'DELETE', `/grants/${grant.gid}`),
        async () =>
          grant &&
          note('revoke', (await at(any(), grant.client).post('/revoke', { token: grant.refreshToken })).status),
      ])()
    }
    const clock = async () => {
      await server.wait(16)
      await sleep(100)
    }

    await Promise.all([
      ...Array.from({ length: 4 }, () => forever(signIn)),
      ...Array.from({ length: 16 }, () => forever(refresh)),
      ...Array.from({ length: 3 }, () => forever(logOut)),
      ...Array.from({ length: 3 }, () => forever(endings)),
      forever(clock),
    ])

    const [row] = await server.db.query(
      'select deadlocks::int from pg_stat_database where datname = current_database()',
    )
    const ours = Object.values(statuses)
      .flatMap((counts) => Object.keys(counts).map(Number))
      .filter((status) => status >= 500)
    console.log('deadlocks seen by PostgreSQL:', row?.['deadlocks'], JSON.stringify(statuses))
    expect(ours).toEqual([])
    expect(row).toEqual({ deadlocks: 0 })
    const errors = [server, ...instances].flatMap(({ log }) => log).filter(({ level }) => Number(level) >= 50)
    expect(errors).toEqual([])
    // Enough of each happened for this to mean something.
    expect(statuses['refresh']?.[200]).toBeGreaterThan(200)
    for (const what of ['end session', 'end user', 'end user at client', 'end client', 'end grant', 'revoke'])
      expect(statuses[what]).toBeDefined()
  })
})

describe('two endings that meet in the same 200 grants', () => {
  it('lock them in the same order: none of them is a victim', async () => {
    const client = await server.createClient()
    const deadlocks = async () =>
      Number(
        (await server.db.query('select deadlocks from pg_stat_database where datname = current_database()'))[0]?.[
          'deadlocks'
        ],
      )
    const before = await deadlocks()
    const { body } = await server.post(
      '/token',
      { grant_type: 'client_credentials', scope: 'admin' },
      basic(adminClient.id, adminClient.secret),
    )
    const revoke = async (instance: Instance | undefined, target: object) => {
      const headers = { authorization: `Bearer ${String(body['access_token'])}`, 'content-type': 'application/json' }
      const init = { method: 'POST', headers, body: JSON.stringify(target) }
      return (await fetch(`${instance?.url}/admin/v1/revocations`, init)).status
    }
    for (let round = 0; round < 20; round++) {
      const user = await server.createUser()
      const { access_token } = await client.tokens({ username: user.username, parameters: { scope: 'profile' } })
      const { gid, sid } = claimsOf(access_token)
      await server.db.query(
        `insert into grants (id, client, user_id, session_id, scope, idle_s, expires_at, created_pos, auth_time)
         select new_id(), client, user_id, session_id, scope, idle_s, expires_at, created_pos, auth_time
         from grants, generate_series(1, 200) where id = $1`,
        [gid],
      )
      const statuses = await Promise.all([
        revoke(instances[0], { session_id: sid }),
        revoke(instances[1], { user_id: user.id, client_id: client.clientId }),
      ])
      expect(statuses).toEqual([200, 200])
      expect(await server.db.query('select from grants where user_id = $1 and revoked_at is null', [user.id])).toEqual(
        [],
      )
    }
    expect(await deadlocks()).toBe(before)
  })
})
