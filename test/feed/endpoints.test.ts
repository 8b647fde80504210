import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Unavailable } from '../../src/domain/unavailable.ts'
import type { Cursor, Subscriber } from '../../src/protocol/feed/feed.ts'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { claimsOf } from '../support/tokens.ts'
import { basic, type FeedReader, readerOf } from './reader.ts'

let server: TestServer
let another: TestServer
let api: TestClient
let app: TestClient
let reader: FeedReader

beforeAll(async () => {
  server = await startServer({ FEED_MAX_STALENESS_SECONDS: '2', FEED_MAX_CONNECTIONS: '3' })
  another = await server.another()
  await server.admin('POST', '/resources', { identifier: 'https://api.test', scopes: ['read'] })
  api = await server.createClient({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    resource_server_for: ['https://api.test'],
  })
  app = await server.createClient()
  reader = readerOf(server, basic(api.clientId, api.secret))
})
afterAll(async () => {
  await another.close()
  await server.close()
})

const signedIn = async () => {
  const user = await server.createUser()
  const tokens = await app.tokens({ username: user.username })
  return { user, tokens, claims: claimsOf(tokens.access_token) }
}
const tail = (id: unknown) => Buffer.from(String(id).replaceAll('-', ''), 'hex').subarray(8).toString('base64url')
const head = async () => Number((await server.db.query('select seq from feed_head'))[0]?.['seq'])

describe('the metadata', () => {
  it('says where the feed is, and how old news may be', async () => {
    const metadata = (await (await fetch(`${server.url}/.well-known/oauth-authorization-server`)).json()) as object
    expect(metadata).toMatchObject({
      revocation_feed_snapshot_endpoint: `${server.url}/revocations/snapshot`,
      revocation_feed_endpoint: `${server.url}/revocations`,
      revocation_feed_stream_endpoint: `${server.url}/revocations/stream`,
      revocation_feed_ack_endpoint: `${server.url}/revocations/ack`,
      revocation_feed_max_staleness: 2,
    })
  })
})

describe('who may read it', () => {
  const paths = ['/snapshot', '?after=0', '/stream?after=0']

  it.each(paths)('%s: nobody without credentials', async (path) => {
    expect((await fetch(`${server.url}/revocations${path}`)).status).toBe(401)
    expect((await readerOf(server, basic(api.clientId, 'wrong')).get(path)).status).toBe(401)
  })

  it.each(paths)('%s: no client that is neither an API nor has the scope', async (path) => {
    const answer = await readerOf(server, basic(app.clientId, app.secret)).get(path)
    expect(answer.status).toBe(403)
    expect(await answer.json()).toMatchObject({ error: 'insufficient_scope' })
  })

  it('a client with the scope, by its secret and by a token', async () => {
    const client = await server.createClient({
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'revocations:read',
    })
    expect((await readerOf(server, basic(client.clientId, client.secret)).get('/snapshot')).status).toBe(200)
    const { body } = await client.post('/token', { grant_type: 'client_credentials', scope: 'revocations:read' })
    expect((await readerOf(server, `Bearer ${String(body['access_token'])}`).get('/snapshot')).status).toBe(200)
    const { body: other } = await api.post('/token', { grant_type: 'client_credentials' })
    expect((await readerOf(server, `Bearer ${String(other['access_token'])}`).get('/snapshot')).status).toBe(403)
  })
})

describe('what it refuses', () => {
  it.each([
    ['', 'after is missing'],
    ['?after=-1', 'after must be'],
    ['?after=1.5', 'after must be'],
    ['?after=99999999999999999', 'after must be'],
    ['?after=0&after=1', 'after is repeated'],
    ['?after=0&wait=31', 'wait must be'],
    ['?after=0&epoch=x', 'epoch must be'],
  ])('%s', async (path, message) => {
    const answer = await reader.get(path)
    expect(answer.status).toBe(400)
    expect(((await answer.json()) as { error_description: string }).error_description).toContain(message)
  })

  it('a position or an epoch of another history: 409', async () => {
    for (const path of ['?after=999999', '/stream?after=999999', '?after=0&epoch=00000000']) {
      const answer = await reader.get(path)
      expect(answer.status).toBe(409)
      expect(await answer.json()).toMatchObject({ error: 'epoch_changed' })
    }
  })

  it('a name that is none, and an acknowledgement without position', async () => {
    expect((await reader.get('/snapshot', { 'falconer-verifier': 'short' })).status).toBe(400)
    for (const position of [undefined, -1, 1.5, '1', null]) expect((await reader.ack(position)).status).toBe(400)
    expect((await reader.ack(0)).status).toBe(204)
  })
})

describe('the snapshot', () => {
  it('holds every entry that matters, signed, with the key that hides users', async () => {
    const { user, claims } = await signedIn()
    await server.admin('DELETE', `/sessions/${claims['sid']}`)
    await server.admin('POST', '/revocations', { user_id: user.id })
    const frame = await reader.frame('/snapshot')
    const position = await head()
    const userKey = createHmac('sha256', Buffer.from(frame.key ?? '', 'base64url'))
      .update(`u${user.id}`)
      .digest()
    expect(frame).toMatchObject({ iss: server.url, from: 0, to: position })
    expect(frame.e?.slice(-2)).toEqual([
      [position - 1, 's', tail(claims['sid']), expect.any(Number)],
      [position, 'u', userKey.subarray(0, 8).toString('base64url'), expect.any(Number)],
    ])
    expect(JSON.stringify(frame.e)).not.toContain(user.id)
  })

  it('has an ETag', async () => {
    const answer = await reader.get('/snapshot')
    const etag = answer.headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[0-9a-f]{8}-\d+"$/)
    expect((await reader.get('/snapshot', { 'if-none-match': etag })).status).toBe(304)
  })

  it('was read after the request arrived', async () => {
    const answer = await reader.get('/snapshot')
    const [instance, clock] = (answer.headers.get('falconer-feed-clock') ?? '').split(' ')
    const frame = JSON.parse(await answer.text()) as { in: string; a: number }
    expect(frame.in).toBe(instance)
    expect(frame.a).toBeGreaterThan(Number(clock) - 1)
  })
})

describe('what came after', () => {
  it('is given at once when there is something, and after the wait when not', async () => {
    const before = await head()
    const { claims } = await signedIn()
    expect(await reader.frame(`?after=${before}&wait=1`)).not.toHaveProperty('e')
    await server.admin('DELETE', `/grants/${claims['gid']}`)
    const frame = await reader.frame(`?after=${before}&wait=30`)
    expect(frame).toMatchObject({
      from: before,
      to: before + 1,
      e: [[before + 1, 'g', tail(claims['gid']), expect.any(Number)]],
    })
    expect(frame).not.toHaveProperty('key')
  })

  it('wakes whoever waits, on another instance too', async () => {
    const before = await head()
    const waiting = [reader, readerOf(another, basic(api.clientId, api.secret))].map((one) =>
      one.frame(`?after=${before}&wait=30`),
    )
    await new Promise((resolve) => setTimeout(resolve, 300))
    const { claims } = await signedIn()
    await server.admin('DELETE', `/sessions/${claims['sid']}`)
    for (const frame of await Promise.all(waiting)) expect(frame.e?.[0]?.[2]).toBe(tail(claims['sid']))
  })
})

describe('the stream', () => {
  it('says hello, catches up, and then tells everything in order, with signs of life between', async () => {
    const before = await head()
    const one = await signedIn()
    await server.admin('DELETE', `/sessions/${one.claims['sid']}`)
    const stream = await readerOf(another, basic(api.clientId, api.secret)).stream({ after: before })
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(stream.hello).toMatchObject({ heartbeat_ms: 400 })
    const first = await stream.next()
    expect(first).toMatchObject({ in: stream.hello.in, from: before, to: before + 1 })
    expect(first?.a).toBeGreaterThan(stream.hello.clock - 1)
    const two = await signedIn()
    await server.admin('DELETE', `/sessions/${two.claims['sid']}`)
    const next = await stream.until((frame) => frame.e !== undefined)
    expect(next).toMatchObject({ to: before + 2 })
    expect(next.e?.[0]?.[2]).toBe(tail(two.claims['sid']))
    const beat = await stream.next()
    expect(beat).toMatchObject({ from: before + 2, to: before + 2 })
    expect(beat?.a).toBeGreaterThan(next.a ?? 0)
    await stream.close()
  })

  it('goes on where Last-Event-ID says', async () => {
    const position = await head()
    const stream = await reader.stream({ after: 0 }, { 'last-event-id': String(position) })
    expect(await stream.next()).toMatchObject({ from: position })
    await stream.close()
  })

  it('is not given to one client without end', async () => {
    const streams = await Promise.all([1, 2, 3].map(() => reader.stream({ after: 0 })))
    const answer = await reader.get('/stream?after=0')
    expect(answer.status).toBe(429)
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    await Promise.all(streams.map((stream) => stream.close()))
    await expect.poll(async () => (await reader.get('/stream?after=0')).status, { timeout: 10_000 }).toBe(200)
  })

  it('ends when it cannot go on: there is no other answer any more', async () => {
    const { feed } = server.server.tools
    const subscribe = feed.subscribe.bind(feed)
    Object.assign(feed, {
      subscribe: async (cursor: Cursor, subscriber: Subscriber) => {
        await subscriber.send(await feed.delta(cursor, 0, subscriber.verifier))
        throw new Unavailable('the database is gone')
      },
    })
    try {
      const stream = await reader.stream({ after: 0 })
      expect(await stream.next()).toBeDefined()
      expect(await stream.next()).toBeUndefined()
    } finally {
      Object.assign(feed, { subscribe })
    }
  })

  it('ends when the server stops', async () => {
    const third = await server.another()
    const stream = await readerOf(third, basic(api.clientId, api.secret)).stream({ after: 0 })
    await stream.next()
    await third.close()
    while (await stream.next());
  })
})

it('a server that stops does not wait for connections that were opened in advance', async () => {
  const third = await server.another()
  const { hostname, port } = new URL(third.url)
  const unused = connect(Number(port), hostname)
  await once(unused, 'connect')
  // Node gives the first request of a connection a minute.
  const outcome = await Promise.race([third.close().then(() => 'stopped'), sleep(20_000, 'waits')])
  expect(outcome).toBe('stopped')
  unused.destroy()
})

describe('the receipt', () => {
  const revoke = async (wait: number) => {
    const { claims } = await signedIn()
    return server.admin('POST', '/revocations', { session_id: claims['sid'] }, { prefer: `wait=${wait}` })
  }

  it('is only for those who ask for it', async () => {
    const { claims } = await signedIn()
    const { body, headers } = await server.admin('POST', '/revocations', { session_id: claims['sid'] })
    expect(Object.keys(body).sort()).toEqual(['bound', 'ended', 'expired_by', 'position'])
    expect(headers.get('preference-applied')).toBeNull()
  })

  it('counts the verifiers that obey, on whichever instance they are', async () => {
    const readers = [reader, ...[another, another].map((one) => readerOf(one, basic(api.clientId, api.secret)))]
    const streams = await Promise.all(readers.map((one) => one.stream({ after: 0 })))
    const acking = streams.map(async (stream, i) => {
      const { to } = await stream.until((frame) => frame.ack === true)
      await readers[i]!.ack(to)
    })
    const { body, headers } = await revoke(10)
    await Promise.all(acking)
    expect(headers.get('preference-applied')).toBe('wait=10')
    expect(body).toMatchObject({ enforced: 'all' })
    const { live, acked, lapsed } = body['verifiers'] as { live: number; acked: number; lapsed: number }
    expect(acked).toBe(3)
    expect(live).toBe(acked + lapsed)
    await Promise.all(streams.map((stream) => stream.close()))
  })

  it('waits until one that does not answer is stale, and never says all before', async () => {
    const silent = readerOf(server, basic(api.clientId, api.secret))
    const stream = await silent.stream({ after: 0 })
    await stream.next()
    const early = await revoke(0)
    expect(early.body).toMatchObject({ enforced: 'pending' })
    const late = await revoke(10)
    expect(late.body).toMatchObject({ enforced: 'all', verifiers: { acked: 0 } })
    expect(Number(late.body['enforced_at_ms'])).toBeGreaterThan(1000)
    await stream.close()
  })

  it('comes with a line of not-before too', async () => {
    const { user } = await signedIn()
    const line = { scope: 'user', id: user.id, not_before: 'now' }
    const { body } = await server.admin('PUT', '/not-before', line, { prefer: 'wait=5' })
    expect(body).toMatchObject({ enforced: 'all', bound: expect.any(String) })
  })
})
