import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Browser } from '../support/browser.ts'
import { type Instance, startInstances } from '../support/instance.ts'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: TestClient
let instances: Instance[] = []
beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
  await server.db.noticeDeadlocks()
  instances = await startInstances(server, 3)
}, 180_000)
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.end('SIGTERM')))
  await server.close()
})

const deadlocks = async () =>
  Number(
    (await server.db.query('select deadlocks from pg_stat_database where datname = current_database()'))[0]?.[
      'deadlocks'
    ],
  )
const liveOf = async (user: { id: string }) =>
  Number(
    (
      await server.db.query('select count(*) as n from sessions where user_id = $1 and revoked_at is null', [user.id])
    )[0]?.['n'],
  )

/** Opens the sign-in page of one of the instances, and returns what sends the form: its redirects are not followed. */
async function openPage(instance: Instance, user: { username: string }) {
  const browser = new Browser(instance.url)
  const page = await browser.open(app.request().url.replace(server.url, instance.url))
  const names = [...page.body.matchAll(/name="(tx|csrf)" value="([^"]*)"/g)].map(([, name, value]) => [name, value])
  const fields = { ...Object.fromEntries(names), username: user.username, password }
  return () => browser.post('/login', fields, { origin: server.url })
}

describe.each([
  ['end_oldest', 3],
  ['deny_new', 3],
])(
  '20 logins of one user at once over three processes, %s with a limit of %i (keycloak#16663, keycloak#14689, keycloak#38016)',
  (policy, limit) => {
    const settings = { MAX_SESSIONS_PER_USER: String(limit), SESSION_LIMIT_POLICY: policy }
    // The last to start decides, also for those that run.
    beforeAll(async () => (await server.another(settings)).close())

    it('never leave more than that alive, fail for no lock, and know no deadlock', async () => {
      const before = await deadlocks()
      for (let round = 0; round < 4; round++) {
        const user = await server.createUser()
        const sends = await Promise.all(
          Array.from({ length: 20 }, (_, i) => openPage(instances[i % 3] as Instance, user)),
        )
        const watch = { isOver: false, most: 0 }
        const watching = (async () => {
          while (!watch.isOver) watch.most = Math.max(watch.most, await liveOf(user))
        })()
        const statuses = (await Promise.all(sends.map((send) => send()))).map(({ status }) => status)
        watch.isOver = true
        await watching
        expect(Math.max(watch.most, await liveOf(user))).toBe(limit)
        const [made, refused] = [303, 403].map((wanted) => statuses.filter((status) => status === wanted).length)
        expect([made, refused]).toEqual(policy === 'deny_new' ? [limit, 20 - limit] : [20, 0])
        const ended = await server.db.query(
          `select count(*)::int as n from sessions where user_id = $1 and revoke_reason = 'limit'`,
          [user.id],
        )
        expect(ended).toEqual([{ n: policy === 'deny_new' ? 0 : 20 - limit }])
      }
      expect(await deadlocks()).toBe(before)
      const errors = instances.flatMap(({ log }) => log).filter(({ level }) => Number(level) >= 50)
      expect(errors).toEqual([])
    })

    it('beside refreshes and endings of the same user’s sessions, too', async () => {
      const before = await deadlocks()
      const user = await server.createUser()
      const statuses: number[] = []
      for (let round = 0; round < 5; round++) {
        const held = await app.tokens({ username: user.username }).catch(() => undefined)
        const sends = await Promise.all(
          Array.from({ length: 9 }, (_, i) => openPage(instances[i % 3] as Instance, user)),
        )
        const answers = await Promise.all([
          ...sends.map((send) => send()),
          ...Array.from({ length: 4 }, () => app.refresh(held?.refresh_token ?? '')),
          server.admin('POST', '/revocations', { user_id: user.id, client_id: app.clientId }),
          ...(round % 2 === 0 ? [server.admin('POST', '/revocations', { user_id: user.id })] : []),
        ])
        statuses.push(...answers.map(({ status }) => status))
        expect(await liveOf(user)).toBeLessThanOrEqual(limit)
      }
      expect(statuses.filter((status) => status >= 500)).toEqual([])
      expect(await deadlocks()).toBe(before)
    })
  },
)
