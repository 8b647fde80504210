import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Instance, startInstances } from '../support/instance.ts'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { at, claimsOf } from '../support/tokens.ts'

let server: TestServer
let app: TestClient
let instances: Instance[]
beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
  instances = await startInstances(server, 3)
})
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.end('SIGTERM')))
  await server.close()
})

const tokensOf = async (scope = 'profile', client = app) =>
  client.tokens({ username: (await server.createUser()).username, parameters: { scope } })
const generationOf = async (accessToken: string) =>
  (await server.db.query('select rt_gen, revoke_reason from grants where id = $1', [claimsOf(accessToken).gid]))[0]
/** The same request 64 times at once, spread over the instances. */
const storm = (refreshToken: string, client = app) =>
  Promise.all(
    Array.from({ length: 64 }, (_, i) => at(instances[i % instances.length] as Instance, client).refresh(refreshToken)),
  )

describe('CVE-2026-1035: one refresh token, 64 uses at once over three processes (keycloak#45647)', () => {
  it.each(['profile', 'profile offline_access'])(
    'rotates once, and every answer has the same successor: %s (nightscout/nocturne#326, three.ws#6, artifact-keeper#2813, kody#2233)',
    async (scope) => {
      for (let round = 0; round < 5; round++) {
        const tokens = await tokensOf(scope)
        const answers = await storm(tokens.refresh_token)
        expect(answers.map(({ status }) => status)).toEqual(Array(64).fill(200))
        expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1)
        expect(new Set(answers.map(({ body }) => claimsOf(body.access_token).jti)).size).toBe(64)
        expect(await generationOf(tokens.access_token)).toEqual({ rt_gen: 1, revoke_reason: null })
      }
    },
  )

  it('11 seconds later the old one ends the grant, on every instance', async () => {
    for (const replayedAt of instances) {
      const tokens = await tokensOf()
      const [first] = await storm(tokens.refresh_token)
      const { refresh_token: successor = '', access_token = '' } = first?.body ?? {}
      await server.wait(11)
      expect((await at(replayedAt, app).refresh(tokens.refresh_token)).status).toBe(400)
      for (const instance of instances) {
        expect((await at(instance, app).refresh(successor)).status).toBe(400)
        expect(await at(instance, app).isActive(access_token)).toBe(false)
      }
      expect(await generationOf(tokens.access_token)).toEqual({ rt_gen: 1, revoke_reason: 'reuse' })
    }
  })

  it('64 replays at once: all refused, the grant ends once', async () => {
    const tokens = await tokensOf()
    await app.refresh(tokens.refresh_token)
    await server.wait(11)
    const answers = await storm(tokens.refresh_token)
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400]))
    const ended = `select from audit_events where target_id = $1 and type = 'grant.ended'`
    const events = await server.db.query(ended, [claimsOf(tokens.access_token).gid])
    expect(events).toHaveLength(1)
  })

  it('without grace: one answer, and the losers end the grant', async () => {
    const strict = await server.createClient({ refresh_grace_seconds: 0 })
    for (let round = 0; round < 5; round++) {
      const tokens = await tokensOf('profile', strict)
      const answers = await storm(tokens.refresh_token, strict)
      expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
      expect(await generationOf(tokens.access_token)).toEqual({ rt_gen: 1, revoke_reason: 'reuse' })
    }
  })
})
