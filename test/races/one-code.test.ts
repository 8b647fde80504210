import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Instance, startInstances } from '../support/instance.ts'
import { startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { at } from '../support/tokens.ts'

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

describe('RFC 6749 §4.1.2: one code, 64 redemptions at once over three processes', () => {
  it('exactly one gets tokens, exactly one grant is made, and the replays end it (supabase/auth#2613, everruns#2427)', async () => {
    for (let round = 0; round < 8; round++) {
      const user = await server.createUser()
      const { code, verifier } = await app.signIn({ username: user.username, parameters: { scope: 'profile' } })
      const form = { grant_type: 'authorization_code', code, redirect_uri: app.redirectUri, code_verifier: verifier }
      const answers = await Promise.all(
        Array.from({ length: 64 }, (_, i) => at(instances[i % 3] as Instance, app).post('/token', form)),
      )
      const granted = answers.filter(({ status }) => status === 200)
      expect(granted).toHaveLength(1)
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 400]))
      const grants = await server.db.query('select revoke_reason from grants where user_id = $1', [user.id])
      expect(grants).toEqual([{ revoke_reason: 'code_replay' }])
      const tokens = granted[0]?.body as unknown as Tokens
      for (const instance of instances) {
        expect((await at(instance, app).refresh(tokens.refresh_token)).status).toBe(400)
        expect(await at(instance, app).isActive(tokens.access_token)).toBe(false)
      }
    }
  })
})
