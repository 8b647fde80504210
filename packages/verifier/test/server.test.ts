import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startServer, type TestClient, type TestServer } from '../../../test/support/server.ts'
import { createVerifier, type Verifier, type VerifierEvent } from '../src/index.ts'

const audience = 'https://orders.example.com'

let server: TestServer
let app: TestClient
let verifier: Verifier
const events: VerifierEvent[] = []

beforeAll(async () => {
  server = await startServer()
  await server.admin('POST', '/resources', { identifier: audience, scopes: ['orders:read'] })
  const api = await server.createClient({ grant_types: ['client_credentials'], resource_server_for: [audience] })
  app = await server.createClient({ scope: 'openid orders:read' })
  const onEvent = (event: VerifierEvent) => void events.push(event)
  const { clientId, secret: clientSecret = '' } = api
  verifier = createVerifier({ issuer: server.url, audience, clientId, clientSecret, onEvent })
  await verifier.ready()
})
afterAll(async () => {
  verifier.close()
  await server.close()
})

async function tokenOf(): Promise<string> {
  const { username } = await server.createUser()
  const { access_token: token } = await app.tokens({ username, parameters: { scope: 'openid orders:read' } })
  return token
}

describe('a server with a feed', () => {
  it('is read by its stream', async () => {
    await vi.waitFor(
      () => expect(events).toContainEqual(expect.objectContaining({ type: 'connected', by: 'stream' })),
      20_000,
    )
  })

  it('has its tokens accepted, and refused once they are ended', async () => {
    const token = await tokenOf()
    expect(await verifier.verify(token, { scope: 'orders:read' })).toMatchObject({ ok: true })
    const { sid } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { sid: string }
    const answer = await server.admin('POST', '/revocations', { session_id: sid, reason: 'test' }, { prefer: 'wait=5' })
    expect(answer.status).toBe(200)
    await vi.waitFor(async () => expect(await verifier.verify(token)).toMatchObject({ error: 'revoked' }), 20_000)
  })
})
