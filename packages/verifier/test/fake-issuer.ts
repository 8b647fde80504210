import { createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** A peer that speaks docs/revocation-feed.md: real sockets, real signatures, and faults on request. */
export interface FakeIssuer {
  readonly url: string
  readonly port: number
  readonly requests: { path: string; headers: http.IncomingHttpHeaders; body: string }[]
  /** What it answers with; tests change it as they go. */
  readonly faults: Faults
  readonly feed: {
    epoch: string
    head: number
    instance: string
    key: string
    heartbeatMs: number
    entries: unknown[][]
  }
  readonly acks: number[]
  readonly inactive: Set<string>
  /** Adds an entry and tells everybody. */
  end(kind: string, id: string, extra?: { until?: number; nb?: number; ack?: boolean }): number
  token(claims?: Record<string, unknown>, options?: { alg?: Alg; kid?: string; typ?: string }): string
  addKey(kid: string, alg: Alg): void
  removeKey(kid: string): void
  /** Ends the connections of all streams. */
  cut(): void
  broadcast(extra?: Record<string, unknown>): void
  frame(from: number, extra?: Record<string, unknown>): { json: string; signature: string }
  streams(): number
  count(path: string): number
  close(): Promise<void>
}

export interface Faults {
  /** Milliseconds by which the read that a frame is from lies in the past. */
  ageMs: number
  isDown: boolean
  /** The stream accepts and says nothing, as behind a proxy that buffers. */
  isBuffering: boolean
  isSilent: boolean
  epochChanged: boolean
  introspectionStatus: number
  introspectionDelayMs: number
  isWithoutJwks: boolean
  maxStaleness: number
  /** At most this many entries in a frame. */
  pageSize: number
  signature: ((signature: string) => string) | undefined
  isWithoutOauthMetadata: boolean
  lineEnd: string
}

export type Alg = 'ES256' | 'RS256' | 'EdDSA'

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const nowSeconds = (): number => Math.floor(Date.now() / 1000)

function makeKey(alg: Alg): { privateKey: KeyObject; publicKey: KeyObject } {
  if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return alg === 'EdDSA' ? generateKeyPairSync('ed25519') : generateKeyPairSync('rsa', { modulusLength: 2048 })
}

function signCompact(alg: Alg, key: KeyObject, header: Record<string, unknown>, payload: string): string {
  const input = `${encode(header)}.${Buffer.from(payload).toString('base64url')}`
  const bytes = Buffer.from(input)
  const signature =
    alg === 'ES256'
      ? sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' })
      : sign(alg === 'EdDSA' ? null : 'sha256', bytes, key)
  return `${input}.${signature.toString('base64url')}`
}

export function entryKey(kind: string, id: string, feedKey: string): string {
  if (kind === 'a') return Buffer.alloc(8).toString('base64url')
  if (kind === 's' || kind === 'g' || kind === 'j')
    return Buffer.from(id.replaceAll('-', ''), 'hex').subarray(8).toString('base64url')
  const hash = createHmac('sha256', Buffer.from(feedKey, 'base64url')).update(kind).update(id).digest()
  return hash.subarray(0, 8).toString('base64url')
}

export async function startFakeIssuer({ port = 0, maxStaleness = 5 } = {}): Promise<FakeIssuer> {
  const keys = new Map<string, { alg: Alg; privateKey: KeyObject; publicKey: KeyObject }>()
  const addKey = (kid: string, alg: Alg): void => void keys.set(kid, { alg, ...makeKey(alg) })
  const keyOf = (kid: string) => {
    const key = keys.get(kid)
    if (!key) throw new Error(`There is no key ${kid}`)
    return key
  }
  addKey('k1', 'ES256')
  const faults: Faults = {
    ageMs: 0,
    isDown: false,
    isBuffering: false,
    isSilent: false,
    epochChanged: false,
    introspectionStatus: 200,
    introspectionDelayMs: 0,
    isWithoutJwks: false,
    maxStaleness,
    pageSize: 5000,
    signature: undefined,
    isWithoutOauthMetadata: false,
    lineEnd: '\n',
  }
  const feed: FakeIssuer['feed'] = {
    epoch: '8b52e7c1',
    head: 100,
    instance: 'q3VxT2fA',
    key: Buffer.alloc(32, 7).toString('base64url'),
    heartbeatMs: Math.min(1000, maxStaleness * 200),
    entries: [],
  }
  const requests: FakeIssuer['requests'] = []
  const acks: number[] = []
  const inactive = new Set<string>()
  const streams = new Map<http.ServerResponse, { position: number }>()
  const sockets = new Set<Socket>()
  let url = ''

  function frame(from: number, extra: Record<string, unknown> = {}): { json: string; signature: string } {
    const after = feed.entries.filter(([position]) => (position as number) > from)
    const entries = after.slice(0, faults.pageSize)
    const isAll = entries.length === after.length
    const to = isAll ? feed.head : (entries.at(-1)?.[0] as number)
    const anchor = isAll ? { a: performance.now() - faults.ageMs, asof: Date.now() / 1000 } : { more: true }
    const members = { iss: url, ep: feed.epoch, in: feed.instance, from, to, ...anchor, e: entries, ...extra }
    const json = JSON.stringify(members)
    const { privateKey } = keyOf('k1')
    const [head, , tail] = signCompact(
      'ES256',
      privateKey,
      { alg: 'ES256', typ: 'revfeed+jws', kid: 'k1' },
      json,
    ).split('.')
    const signature = `${head}..${tail}`
    return { json, signature: faults.signature?.(signature) ?? signature }
  }

  function write(response: http.ServerResponse, extra: Record<string, unknown> = {}): void {
    const stream = streams.get(response)
    if (!stream) return
    for (;;) {
      const { json, signature } = frame(stream.position, extra)
      const { to, more } = JSON.parse(json) as { to: number; more?: boolean }
      response.write(`id: ${to}\ndata: ${json}\ndata: ${signature}\n\n`.replaceAll('\n', faults.lineEnd))
      stream.position = to
      if (!more) return
    }
  }

  function broadcast(extra: Record<string, unknown> = {}): void {
    if (!faults.isSilent) for (const response of streams.keys()) write(response, extra)
  }

  const metadata = () => ({
    issuer: url,
    jwks_uri: `${url}/jwks`,
    introspection_endpoint: `${url}/introspect`,
    revocation_feed_snapshot_endpoint: `${url}/revocations/snapshot`,
    revocation_feed_endpoint: `${url}/revocations`,
    revocation_feed_stream_endpoint: `${url}/revocations/stream`,
    revocation_feed_ack_endpoint: `${url}/revocations/ack`,
    revocation_feed_max_staleness: faults.maxStaleness,
  })

  function sendFrame(response: http.ServerResponse, clock: number, from: number, extra: Record<string, unknown>): void {
    const { json, signature } = frame(from, extra)
    response.writeHead(200, {
      'content-type': 'application/json',
      'falconer-feed-signature': signature,
      'falconer-feed-clock': `${feed.instance} ${clock}`,
    })
    response.end(json)
  }

  function openStream(response: http.ServerResponse, clock: number, position: number): void {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    if (faults.isBuffering) return
    const hello = { in: feed.instance, clock, heartbeat_ms: feed.heartbeatMs }
    response.write(`event: hello\ndata: ${JSON.stringify(hello)}\n\n`.replaceAll('\n', faults.lineEnd))
    streams.set(response, { position })
    response.on('close', () => streams.delete(response))
    if (!faults.isSilent) write(response)
  }

  function answerFeed(request: http.IncomingMessage, response: http.ServerResponse, body: string): void {
    const clock = performance.now()
    const { pathname, searchParams } = new URL(request.url ?? '', url)
    const expected = `Basic ${Buffer.from('api%3A1:p%26ss+w%C3%B6rd').toString('base64')}`
    if (request.headers.authorization !== expected) return void response.writeHead(401).end()
    if (pathname === '/revocations/ack') {
      acks.push((JSON.parse(body) as { position: number }).position)
      return void response.writeHead(204).end()
    }
    if (pathname === '/revocations/snapshot') return sendFrame(response, clock, 0, { key: feed.key })
    const position = Number(searchParams.get('after'))
    if (faults.epochChanged || searchParams.get('epoch') !== feed.epoch || position > feed.head)
      return void response.writeHead(409).end('{"error":"epoch_changed"}')
    if (pathname === '/revocations/stream') return openStream(response, clock, position)
    const waitUntil = clock + 1000 * Number(searchParams.get('wait') ?? 0)
    const answer = (): void => {
      if (feed.head > position || performance.now() >= waitUntil) sendFrame(response, clock, position, {})
      else setTimeout(answer, 10)
    }
    return answer()
  }

  function answer(request: http.IncomingMessage, response: http.ServerResponse, body: string): void {
    const { pathname } = new URL(request.url ?? '', url)
    requests.push({ path: pathname, headers: request.headers, body })
    const json = (status: number, value: unknown) =>
      void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
    if (faults.isDown) return void request.socket.destroy()
    if (pathname === '/.well-known/oauth-authorization-server')
      return faults.isWithoutOauthMetadata ? json(404, {}) : json(200, metadata())
    if (pathname === '/.well-known/openid-configuration') return json(200, metadata())
    if (pathname === '/jwks') {
      if (faults.isWithoutJwks) return json(503, {})
      return json(200, {
        keys: [...keys].map(([kid, { alg, publicKey }]) => ({
          ...publicKey.export({ format: 'jwk' }),
          kid,
          alg,
          use: 'sig',
        })),
      })
    }
    if (pathname === '/introspect') {
      const token = new URLSearchParams(body).get('token') ?? ''
      return void setTimeout(
        () => json(faults.introspectionStatus, { active: !inactive.has(token) }),
        faults.introspectionDelayMs,
      )
    }
    return answerFeed(request, response, body)
  }

  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => answer(request, response, Buffer.concat(chunks).toString()))
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const { port: taken } = server.address() as AddressInfo
  url = `http://127.0.0.1:${taken}`
  const beat = setInterval(broadcast, feed.heartbeatMs)

  return {
    url,
    port: taken,
    requests,
    faults,
    feed,
    acks,
    inactive,
    addKey,
    removeKey: (kid) => void keys.delete(kid),
    frame,
    broadcast,
    end: (kind, id, { until = nowSeconds() + 3720, nb, ack } = {}) => {
      feed.head++
      feed.entries.push([feed.head, kind, entryKey(kind, id, feed.key), until, ...(nb === undefined ? [] : [nb])])
      broadcast(ack ? { ack: true } : {})
      return feed.head
    },
    token: (claims = {}, { alg = 'ES256', kid = 'k1', typ = 'at+jwt' } = {}) => {
      const now = nowSeconds()
      const all = {
        iss: url,
        sub: 'user-1',
        aud: 'https://api.example.com',
        client_id: 'shop-web',
        exp: now + 300,
        iat: now,
        auth_time: now - 10,
        jti: randomUUID(),
        sid: randomUUID(),
        gid: randomUUID(),
        rvp: feed.head,
        scope: 'orders:read profile',
        ...claims,
      }
      return signCompact(alg, keyOf(kid).privateKey, { alg, typ, kid }, JSON.stringify(all))
    },
    cut: () => {
      for (const response of streams.keys()) response.destroy()
      streams.clear()
    },
    streams: () => streams.size,
    count: (path) => requests.filter((request) => request.path === path).length,
    close: async () => {
      clearInterval(beat)
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

export const credentials = { clientId: 'api:1', clientSecret: 'p&ss wörd' }
export const audience = 'https://api.example.com'
