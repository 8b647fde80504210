import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createVerifier, type Verifier, type VerifierEvent, type VerifierOptions } from '../src/index.ts'
import { audience, credentials, type FakeIssuer, startFakeIssuer } from './fake-issuer.ts'

let issuer: FakeIssuer
let events: VerifierEvent[]
const open: Verifier[] = []

beforeEach(async () => {
  issuer = await startFakeIssuer()
  events = []
})
afterEach(async () => {
  for (const verifier of open.splice(0)) verifier.close()
  await issuer.close()
})

function start(options: Partial<VerifierOptions> = {}): Verifier {
  const onEvent = (event: VerifierEvent) => void events.push(event)
  const verifier = createVerifier({ issuer: issuer.url, audience, ...credentials, onEvent, ...options })
  open.push(verifier)
  return verifier
}

async function started(options: Partial<VerifierOptions> = {}): Promise<Verifier> {
  const verifier = start(options)
  await verifier.ready()
  return verifier
}

/** A clock that tests put forward. */
function movable() {
  let aheadMs = 0
  return {
    clock: { monotonicMs: () => performance.now() + aheadMs, wallMs: () => Date.now() + aheadMs },
    later: (ms: number) => void (aheadMs += ms),
  }
}

const seen = (type: VerifierEvent['type']) =>
  vi.waitFor(() => expect(events.map((event) => event.type)).toContain(type), 20_000)
const applied = (verifier: Verifier, position: number) =>
  vi.waitFor(() => expect(verifier.state().cursor).toBeGreaterThanOrEqual(position), 20_000)

/** Puts the feed into the past: what comes from now on makes nothing fresh. */
async function stale(verifier: Verifier): Promise<void> {
  issuer.faults.isSilent = true
  issuer.faults.ageMs = 3_600_000
  await vi.waitFor(() => expect(verifier.state().fresh).toBe(false), 20_000)
}

describe('a token', () => {
  it.each(['ES256', 'RS256', 'EdDSA'] as const)(
    'is accepted when it is signed with %s, and its claims are handed on',
    async (alg) => {
      issuer.addKey(alg, alg)
      const verifier = await started()
      const result = await verifier.verify(issuer.token({}, { alg, kid: alg }), { scope: 'orders:read' })
      expect(result).toMatchObject({ ok: true, claims: { sub: 'user-1', client_id: 'shop-web' } })
    },
  )

  it.each([
    ['rubbish', () => 'rubbish', 'malformed'],
    ['nothing', () => '', 'malformed'],
    ['one that is too long', () => `${issuer.token()}${'a'.repeat(8192)}`, 'malformed'],
    ['another issuer', () => issuer.token({ iss: 'https://other.example' }), 'wrong_issuer'],
    ['another audience', () => issuer.token({ aud: 'https://other.example' }), 'wrong_audience'],
    ['an ID token', () => issuer.token({}, { typ: 'JWT' }), 'wrong_type'],
    ['one that is over', () => issuer.token({ exp: Math.floor(Date.now() / 1000) - 6 }), 'expired'],
    ['one for later', () => issuer.token({ nbf: Math.floor(Date.now() / 1000) + 60 }), 'not_yet_valid'],
    ['no rvp', () => issuer.token({ rvp: undefined }), 'invalid_claims'],
    ['a negative rvp', () => issuer.token({ rvp: -1 }), 'invalid_claims'],
    ['a fractional rvp', () => issuer.token({ rvp: 1.5 }), 'invalid_claims'],
    ['a text as rvp', () => issuer.token({ rvp: '1' }), 'invalid_claims'],
    ['a sid that is no UUID', () => issuer.token({ sid: 'x' }), 'invalid_claims'],
    ['a gid that is no UUID', () => issuer.token({ gid: 7 }), 'invalid_claims'],
    ['a jti that is no UUID', () => issuer.token({ jti: 'x' }), 'invalid_claims'],
    ['no exp', () => issuer.token({ exp: undefined }), 'invalid_claims'],
    ['a key that it is bound to', () => issuer.token({ cnf: { jkt: 'x' } }), 'unsupported_binding'],
    ['a changed signature', () => `${issuer.token().slice(0, -6)}AAAAAA`, 'invalid_signature'],
  ])('is refused: %s', async (_, make, error) => {
    const verifier = await started()
    const result = await verifier.verify(make())
    expect(result).toMatchObject({ ok: false, error, status: 401, body: { error: 'invalid_token' } })
  })

  it('is refused with 403 when it lacks a scope', async () => {
    const verifier = await started()
    const result = await verifier.verify(issuer.token(), { scope: ['orders:read', 'orders:write'] })
    expect(result).toMatchObject({ error: 'insufficient_scope', status: 403 })
    expect(result.ok ? '' : result.wwwAuthenticate).toContain('scope="orders:read orders:write"')
  })

  it('that is bound to a key is judged by whoever can', async () => {
    const verifier = await started({ checkBinding: (claims, request) => claims.cnf?.['jkt'] === request })
    const token = issuer.token({ cnf: { jkt: 'mine' } })
    expect(await verifier.verify(token, { request: 'mine' })).toMatchObject({ ok: true })
    expect(await verifier.verify(token, { request: 'theirs' })).toMatchObject({ error: 'binding_mismatch' })
  })

  it('with a new key is accepted after one look at the JWKS, however many come', async () => {
    const { clock, later } = movable()
    const verifier = await started({ clock })
    issuer.addKey('k2', 'ES256')
    const before = issuer.count('/jwks')
    later(1000)
    const results = await Promise.all(
      Array.from({ length: 20 }, () => verifier.verify(issuer.token({}, { kid: 'k2' }))),
    )
    expect(results.every(({ ok }) => ok)).toBe(true)
    expect(issuer.count('/jwks')).toBe(before + 1)
  })

  it('with a key that nobody has makes the issuer work once a second at most', async () => {
    const { clock, later } = movable()
    const verifier = await started({ clock })
    issuer.addKey('k2', 'ES256')
    const token = issuer.token({}, { kid: 'k2' })
    issuer.removeKey('k2')
    const before = issuer.count('/jwks')
    later(1000)
    for (let count = 0; count < 5; count++) expect(await verifier.verify(token)).toMatchObject({ error: 'unknown_key' })
    expect(issuer.count('/jwks')).toBe(before + 1)
  })

  it('keeps its key while the JWKS is away, and with another one nobody can tell', async () => {
    const { clock, later } = movable()
    const verifier = await started({ clock })
    issuer.faults.isWithoutJwks = true
    issuer.addKey('k2', 'ES256')
    later(1000)
    expect(await verifier.verify(issuer.token({}, { kid: 'k2' }))).toMatchObject({ error: 'unavailable', status: 503 })
    expect(await verifier.verify(issuer.token())).toMatchObject({ ok: true })
  })
})

describe('an ending', () => {
  it.each([
    ['s', 'sid'],
    ['g', 'gid'],
    ['j', 'jti'],
    ['u', 'sub'],
    ['c', 'client_id'],
    ['a', 'all'],
  ])('of kind %s is obeyed by what came before, not by what comes after', async (kind, claim) => {
    const verifier = await started()
    const id = randomUUID()
    const token = issuer.token({ [claim]: id })
    expect(await verifier.verify(token)).toMatchObject({ ok: true })
    await applied(verifier, issuer.end(kind, id))
    expect(await verifier.verify(token)).toMatchObject({ error: 'revoked', status: 401 })
    const later = await verifier.verify(issuer.token({ [claim]: id }))
    expect(later.ok).toBe(kind !== 'j')
    if (kind !== 'a') expect(await verifier.verify(issuer.token({ rvp: 0 }))).toMatchObject({ ok: true })
  })

  it('of a signing key takes the key at once, for tokens and frames', async () => {
    issuer.addKey('k2', 'ES256')
    const verifier = await started()
    const token = issuer.token({ rvp: 2 ** 40 }, { kid: 'k2' })
    await applied(verifier, issuer.end('k', 'k2'))
    expect(await verifier.verify(token)).toMatchObject({ error: 'revoked' })
    await applied(verifier, issuer.end('k', 'k1'))
    issuer.end('s', randomUUID())
    await seen('refused_frame')
    expect(events.find(({ type }) => type === 'refused_frame')).toMatchObject({ reason: 'The signing key is revoked' })
  })

  it('is acknowledged when somebody waits for it', async () => {
    const verifier = await started()
    await vi.waitFor(() => expect(issuer.streams()).toBe(1), 20_000)
    const position = issuer.end('s', randomUUID(), { ack: true })
    await vi.waitFor(() => expect(issuer.acks).toContain(position), 20_000)
    expect(verifier.state().cursor).toBe(position)
    const names = new Set(
      issuer.requests
        .filter(({ path }) => path.startsWith('/revocations'))
        .map(({ headers }) => headers['falconer-verifier']),
    )
    expect(names.size).toBe(1)
    expect([...names][0]).toMatch(/^[\w-]{8,64}$/)
  })

  it('that the token knows of and the verifier does not is waited for', async () => {
    const verifier = await started()
    issuer.faults.isSilent = true
    issuer.end('s', randomUUID())
    const token = issuer.token()
    const answer = verifier.verify(token)
    issuer.faults.isSilent = false
    issuer.broadcast()
    expect(await answer).toMatchObject({ ok: true })
    expect(await verifier.verify(issuer.token({ rvp: issuer.feed.head + 1 }))).toMatchObject({
      error: 'stale',
      status: 503,
    })
  })
})

describe('the feed', () => {
  it('is followed through a snapshot in many parts', async () => {
    issuer.faults.pageSize = 3
    const ids = Array.from({ length: 20 }, () => randomUUID())
    for (const id of ids) issuer.end('s', id)
    const verifier = await started()
    expect(verifier.state()).toMatchObject({ cursor: issuer.feed.head, entries: 20 })
    for (const sid of ids)
      expect(await verifier.verify(issuer.token({ sid, rvp: 100 }))).toMatchObject({ error: 'revoked' })
  })

  it.each(['\r\n', '\r'])('is understood with line ends %j', async (lineEnd) => {
    issuer.faults.lineEnd = lineEnd
    const verifier = await started()
    await vi.waitFor(() => expect(issuer.streams()).toBe(1), 20_000)
    await applied(verifier, issuer.end('s', randomUUID()))
  })

  it('is taken up again from where it was when the connection ends', async () => {
    const verifier = await started()
    await vi.waitFor(() => expect(issuer.streams()).toBe(1), 20_000)
    issuer.faults.isSilent = true
    const position = issuer.end('s', randomUUID())
    issuer.faults.isSilent = false
    issuer.cut()
    await applied(verifier, position)
    expect(issuer.count('/revocations/snapshot')).toBe(1)
  })

  it('begins again from the cursor after a gap', async () => {
    const verifier = await started()
    await vi.waitFor(() => expect(issuer.streams()).toBe(1), 20_000)
    issuer.faults.isSilent = true
    const position = issuer.end('s', randomUUID())
    issuer.faults.isSilent = false
    issuer.broadcast({ from: position + 5, to: position + 6, e: [] })
    await seen('gap')
    await applied(verifier, position)
    expect(verifier.state().cursor).toBe(position)
    expect(issuer.count('/revocations/snapshot')).toBe(1)
  })

  it('of a new epoch is taken from the beginning, and nothing is forgotten', async () => {
    const verifier = await started()
    const sid = randomUUID()
    const token = issuer.token({ sid })
    await applied(verifier, issuer.end('s', sid))
    Object.assign(issuer.feed, { epoch: '00000002', head: 1_000_000, entries: [] })
    issuer.broadcast()
    await seen('epoch')
    await applied(verifier, 1_000_000)
    expect(await verifier.verify(token)).toMatchObject({ error: 'revoked' })
    await vi.waitFor(async () => expect(await verifier.verify(issuer.token())).toMatchObject({ ok: true }), 20_000)
  })

  it('that answers 409 is taken from the beginning', async () => {
    const verifier = await started()
    await vi.waitFor(() => expect(issuer.streams()).toBe(1), 20_000)
    issuer.feed.epoch = '00000002'
    issuer.cut()
    await seen('epoch')
    await vi.waitFor(() => expect(verifier.state().epoch).toBe('00000002'), 20_000)
  })

  it('keeps entries under the feed key that they came with', async () => {
    const verifier = await started()
    const before = issuer.token({ sub: 'user-2' })
    await applied(verifier, issuer.end('u', 'user-2'))
    Object.assign(issuer.feed, { epoch: '00000002', key: Buffer.alloc(32, 9).toString('base64url'), entries: [] })
    issuer.cut()
    await vi.waitFor(() => expect(verifier.state().epoch).toBe('00000002'), 20_000)
    expect(await verifier.verify(before)).toMatchObject({ error: 'revoked' })
    const other = issuer.token({ sub: 'user-3' })
    await applied(verifier, issuer.end('u', 'user-3'))
    expect(await verifier.verify(other)).toMatchObject({ error: 'revoked' })
  })

  it('comes by polls where a stream does not get through', async () => {
    issuer.faults.isBuffering = true
    const verifier = await started()
    await vi.waitFor(
      () => expect(events).toContainEqual(expect.objectContaining({ type: 'connected', by: 'poll' })),
      20_000,
    )
    await applied(verifier, issuer.end('s', randomUUID()))
    expect(verifier.state().fresh).toBe(true)
    expect(events.filter(({ type }) => type === 'stale')).toEqual([])
  })

  it.each([
    ['a wrong signature', (signature: string) => `${signature.slice(0, -4)}AAAA`],
    ['no signature', () => ''],
    ['a signature that brings its own payload', (signature: string) => signature.replace('..', '.e30.')],
  ])('is refused with %s', async (_, change) => {
    issuer.faults.signature = change
    const verifier = start()
    await seen('refused_frame')
    expect(verifier.state()).toMatchObject({ fresh: false, reason: 'starting', cursor: 0 })
  })

  it('is refused for another issuer', async () => {
    const verifier = await started()
    await vi.waitFor(() => expect(issuer.streams()).toBe(1), 20_000)
    issuer.broadcast({ iss: 'https://other.example' })
    await seen('refused_frame')
    await vi.waitFor(() => expect(issuer.streams()).toBe(1), 20_000)
    await vi.waitFor(() => expect(verifier.state().fresh).toBe(true), 20_000)
  })

  it('is found through openid-configuration too', async () => {
    issuer.faults.isWithoutOauthMetadata = true
    await started()
  })

  it('may ask for less than the issuer, never for more', async () => {
    issuer.faults.maxStaleness = 3
    const verifier = await started()
    expect(verifier.state().maxStalenessSeconds).toBe(3)
    expect((await started({ maxStalenessSeconds: 2 })).state().maxStalenessSeconds).toBe(2)
  })
})

describe('an issuer that is away', () => {
  it('at the start is waited for', async () => {
    issuer.faults.isDown = true
    const verifier = start()
    expect(await verifier.verify(issuer.token())).toMatchObject({
      error: 'unavailable',
      status: 503,
      retryAfterSeconds: 1,
    })
    issuer.faults.isDown = false
    await verifier.ready()
    expect(await verifier.verify(issuer.token())).toMatchObject({ ok: true })
  })

  it('for longer than the bound makes the verifier stale, and ends nothing that it knows', async () => {
    const verifier = await started({ maxStalenessSeconds: 1 })
    const sid = randomUUID()
    const dead = issuer.token({ sid })
    await applied(verifier, issuer.end('s', sid))
    issuer.faults.isDown = true
    issuer.cut()
    await seen('stale')
    expect(await verifier.verify(issuer.token())).toMatchObject({
      error: 'stale',
      status: 503,
      body: { error: 'temporarily_unavailable' },
    })
    expect(await verifier.verify(dead, { onStale: 'open' })).toMatchObject({ error: 'revoked' })
    issuer.faults.isDown = false
    await vi.waitFor(async () => expect(await verifier.verify(issuer.token())).toMatchObject({ ok: true }), 20_000)
  })
})

describe('a stale verifier', () => {
  it('never becomes fresh by what arrives, only by what was read', async () => {
    const verifier = await started({ maxStalenessSeconds: 1 })
    await stale(verifier)
    issuer.faults.isSilent = false
    const frames = verifier.metrics().frames
    await vi.waitFor(() => expect(verifier.metrics().frames).toBeGreaterThan(frames + 3), 20_000)
    expect(verifier.state().fresh).toBe(false)
  })

  it('asks about each token with `introspect`, once for those that come together, and remembers for a second', async () => {
    const verifier = await started({ maxStalenessSeconds: 1, onStale: 'introspect' })
    await stale(verifier)
    issuer.faults.introspectionDelayMs = 50
    const token = issuer.token()
    const results = await Promise.all(Array.from({ length: 10 }, () => verifier.verify(token)))
    expect(results.every((result) => result.ok && result.policy === 'introspect')).toBe(true)
    await verifier.verify(token)
    expect(issuer.count('/introspect')).toBe(1)
    const dead = issuer.token()
    issuer.inactive.add(dead)
    expect(await verifier.verify(dead)).toMatchObject({ error: 'revoked' })
    issuer.faults.introspectionStatus = 500
    expect(await verifier.verify(issuer.token())).toMatchObject({ error: 'stale', status: 503 })
    expect(verifier.metrics()).toMatchObject({ stale: { introspect: 13 } })
  })

  it('goes on for a time with `grace`, and for ever with `open`', async () => {
    const verifier = await started({ maxStalenessSeconds: 1 })
    await stale(verifier)
    expect(await verifier.verify(issuer.token(), { onStale: { grace: 60 } })).toMatchObject({
      ok: true,
      policy: 'grace',
    })
    expect(await verifier.verify(issuer.token(), { onStale: 'grace:60' })).toMatchObject({ ok: true, policy: 'grace' })
    expect(await verifier.verify(issuer.token(), { onStale: { grace: 0 } })).toMatchObject({ error: 'stale' })
    expect(await verifier.verify(issuer.token(), { onStale: 'open' })).toMatchObject({ ok: true, policy: 'open' })
    await expect(verifier.verify(issuer.token(), { onStale: 'never' as 'open' })).rejects.toThrow(TypeError)
  })

  it('because it has no room says so, and keeps what it has', async () => {
    const verifier = await started({ maxEntries: 2 })
    const ids = Array.from({ length: 3 }, () => randomUUID())
    const tokens = ids.map((sid) => issuer.token({ sid }))
    for (const sid of ids) issuer.end('s', sid)
    await applied(verifier, issuer.feed.head)
    await seen('overflow')
    expect(verifier.state()).toMatchObject({ fresh: false, reason: 'overflow', entries: 2 })
    expect(await verifier.verify(tokens[0] ?? '')).toMatchObject({ error: 'revoked' })
    expect(await verifier.verify(tokens[2] ?? '')).toMatchObject({ error: 'stale' })
  })
})

describe('a connection that is never given up', () => {
  it('leaves the verifier stale while it is silent, and fresh by what is read after that', async () => {
    const verifier = await started({ maxStalenessSeconds: 1, reconnectAfterMs: false })
    await vi.waitFor(() => expect(issuer.streams()).toBe(1), 20_000)
    issuer.faults.isSilent = true
    await seen('stale')
    issuer.faults.isSilent = false
    await vi.waitFor(() => expect(verifier.state().fresh).toBe(true), 20_000)
    expect(verifier.metrics().reconnects).toBe(0)
    expect(issuer.count('/revocations/stream')).toBe(1)
  })
})

describe('a machine that sleeps', () => {
  it('wakes up stale, and is fresh again by a request that it has sent since', async () => {
    let asleepMs = 0
    const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() + asleepMs }
    const verifier = await started({ clock, clockToleranceSeconds: 60 })
    await vi.waitFor(() => expect(issuer.streams()).toBe(1), 20_000)
    asleepMs = 30_000
    expect(verifier.state().fresh).toBe(false)
    const streams = issuer.count('/revocations/stream')
    await vi.waitFor(() => expect(verifier.state().fresh).toBe(true), 20_000)
    expect(issuer.count('/revocations/stream')).toBeGreaterThan(streams)
    expect(events.map(({ type }) => type)).toContain('sleep')
  })
})

describe('options', () => {
  it.each([
    ['an http issuer elsewhere', { issuer: 'http://login.example.com' }],
    ['no audience', { audience: [] }],
    ['a bound of zero', { maxStalenessSeconds: 0 }],
    ['too much tolerance', { clockToleranceSeconds: 61 }],
    ['a policy that is none', { onStale: 'maybe' as 'open' }],
  ])('are refused: %s', (_, options) => {
    expect(() => start(options)).toThrow(TypeError)
  })
})
