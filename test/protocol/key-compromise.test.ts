import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { headerOf, isActive } from '../support/tokens.ts'

let server: TestServer
let another: TestServer
let app: TestClient

beforeAll(async () => {
  server = await startServer()
  another = await server.another()
  app = await server.createClient()
})
afterAll(async () => {
  await another.close()
  await server.close()
})

const signedIn = async () => app.tokens({ username: (await server.createUser()).username })
const kidOf = (token: string) => headerOf(token).kid
const published = async (at: TestServer) =>
  ((await (await fetch(`${at.url}/.well-known/jwks.json`)).json()) as { keys: { kid: string }[] }).keys.map(
    ({ kid }) => kid,
  )
const active = async (alg: string) => {
  const { body } = await server.admin<{ items: { kid: string; alg: string; state: string }[] }>('GET', '/keys')
  return body.items.filter((key) => key.alg === alg && key.state === 'active').map(({ kid }) => kid)
}

describe('a signing key that others may have', () => {
  it('leaves the JWKS, takes its tokens along, and another one signs at once; sessions go on', async () => {
    const tokens = await signedIn()
    const kid = kidOf(tokens.access_token)
    const { status, body } = await server.admin('POST', `/keys/${kid}/compromise`)
    expect(status).toBe(200)
    expect(body).toMatchObject({ position: expect.any(Number), ended: { sessions: 0, grants: 0 } })
    expect(await published(server)).not.toContain(kid)
    expect(await isActive(app, tokens.access_token)).toBe(false)
    const fresh = await app.refresh(tokens.refresh_token)
    expect(fresh.status).toBe(200)
    expect(kidOf(fresh.body.access_token)).not.toBe(kid)
    expect(await isActive(app, fresh.body.access_token)).toBe(true)
    const [row] = await server.db.query('select private_key from signing_keys where kid = $1', [kid])
    expect(row?.['private_key']).toBeNull()
  })

  it('is known on the other instances without waiting for their short memory', async () => {
    const tokens = await signedIn()
    const kid = kidOf(tokens.access_token)
    expect(await published(another)).toContain(kid)
    await server.admin('POST', '/revocations', { kid })
    await expect.poll(() => published(another), { timeout: 4000 }).not.toContain(kid)
  })

  it('stands in the feed under a name that does not tell it, and in the audit', async () => {
    const kid = kidOf((await signedIn()).access_token)
    const { body } = await server.admin('POST', '/revocations', { kid, reason: 'a laptop was stolen' })
    const [entry] = await server.db.query('select kind, key from feed_entries where seq = $1', [body['position']])
    expect(entry).toEqual({ kind: 'k', key: server.server.tools.feedKey('k', kid) })
    const [event] = await server.db.query('select type, target_id, detail from audit_events where position = $1', [
      body['position'],
    ])
    expect(event).toEqual({ type: 'key.ended', target_id: kid, detail: { note: 'a laptop was stolen' } })
  })

  it('is ended once, and an unknown one is not there', async () => {
    const kid = kidOf((await signedIn()).access_token)
    const first = await server.admin('POST', '/revocations', { kid })
    const count = async () => (await server.db.query('select from signing_keys')).length
    const keys = await count()
    const second = await server.admin('POST', '/revocations', { kid })
    expect(second).toMatchObject({ status: 200, body: { position: first.body['position'] } })
    expect(await count()).toBe(keys)
    expect((await server.admin('POST', '/revocations', { kid: 'nothing' })).status).toBe(404)
    expect((await server.admin('POST', '/keys/nothing/compromise')).status).toBe(404)
  })

  it('that was published to follow takes its place ahead of time, or is struck out', async () => {
    const { body: rotated } = await server.admin<{ items: { kid: string; alg: string }[] }>('POST', '/keys/rotate')
    const next = rotated.items.find(({ alg }) => alg === 'ES256')?.kid ?? ''
    const [now = ''] = await active('ES256')
    await server.admin('POST', `/keys/${now}/compromise`)
    expect(await active('ES256')).toEqual([next])

    const { body: again } = await server.admin<{ items: { kid: string; alg: string }[] }>('POST', '/keys/rotate')
    const third = again.items.find(({ alg }) => alg === 'ES256')?.kid ?? ''
    await server.admin('POST', `/keys/${third}/compromise`)
    expect(await active('ES256')).toEqual([next])
    // It goes on past the instant at which the other one would have followed it.
    await server.wait(2 * 86_400)
    expect(await active('ES256')).toEqual([next])
  })

  it('needs the right to it', async () => {
    const client = await server.createClient({
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'sessions:revoke keys:read',
    })
    const { body } = await client.post('/token', {
      grant_type: 'client_credentials',
      scope: 'sessions:revoke keys:read',
    })
    const bearer = { authorization: `Bearer ${String(body['access_token'])}` }
    const [kid = ''] = await active('ES256')
    expect((await server.admin('POST', '/revocations', { kid }, bearer)).status).toBe(403)
    expect((await server.admin('POST', `/keys/${kid}/compromise`, undefined, bearer)).status).toBe(403)
  })
})
