import { createPrivateKey } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK } from 'jose'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { signJwt } from '../../src/crypto/jwt.ts'
import { generateMasterKey, parseMasterKeys } from '../../src/crypto/master-keys.ts'
import { createSeal } from '../../src/crypto/seal.ts'
import { loadSigningKey } from '../../src/crypto/signing.ts'
import type { PublicJwk, SigningAlg } from '../../src/domain/signing-key.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { testMasterKeys } from '../support/template.ts'
import { at, claimsOf, headerOf, isActive } from '../support/tokens.ts'

type Jwk = PublicJwk & Record<string, string>
interface KeyRow {
  kid: string
  alg: SigningAlg
  public_jwk: Jwk
  private_key: Buffer | null
}

const started: TestServer[] = []
const start = async (settings: Record<string, string> = {}) => {
  const server = await startServer(settings)
  started.push(server)
  return server
}
const others: TestServer[] = []
/** Another instance on the same database, which remembers nothing. */
const another = async (server: TestServer, settings: Record<string, string> = {}) => {
  const other = await server.another(settings)
  others.push(other)
  return other
}
afterEach(async () => {
  for (const server of others.splice(0)) await server.close()
})
afterAll(async () => {
  for (const server of started) await server.close()
})

const jwks = async ({ url }: TestServer) => {
  const response = await fetch(`${url}/.well-known/jwks.json`)
  return { headers: response.headers, keys: ((await response.json()) as { keys: Jwk[] }).keys }
}
const kids = async (server: TestServer) => (await jwks(server)).keys.map(({ kid }) => kid)
const states = async (server: TestServer) => {
  const { body } = await server.admin<{ items: { kid: string; alg: string; state: string }[] }>('GET', '/keys')
  return Object.fromEntries(body.items.filter(({ alg }) => alg === 'ES256').map(({ kid, state }) => [kid, state]))
}
const rows = (server: TestServer) =>
  server.db.query<KeyRow & Record<string, unknown>>('select * from signing_keys order by activate_at, kid')
const seal = createSeal(parseMasterKeys(testMasterKeys))
const openKey = (row: KeyRow) =>
  loadSigningKey({
    kid: row.kid,
    alg: row.alg,
    publicJwk: row.public_jwk,
    privatePkcs8: seal.open(row.private_key ?? Buffer.alloc(0), `signing-key:${row.kid}`),
  })

describe('RFC 7517: the JWK Set', () => {
  it('has one signing key per algorithm, each named by its RFC 7638 thumbprint, and only public members', async () => {
    const { keys, headers } = await jwks(await start())
    expect(keys.map(({ alg }) => alg).sort()).toEqual(['ES256', 'EdDSA', 'RS256'])
    const members = { EC: ['crv', 'x', 'y'], RSA: ['e', 'n'], OKP: ['crv', 'x'] } as Record<string, string[]>
    for (const key of keys) {
      expect(Object.keys(key).sort()).toEqual(['alg', 'kid', 'kty', 'use', ...(members[key['kty'] ?? ''] ?? [])].sort())
      expect(key['use']).toBe('sig')
      expect(key.kid).toBe(await calculateJwkThumbprint(key as never))
    }
    const modulus = Buffer.from(keys.find(({ alg }) => alg === 'RS256')?.['n'] ?? '', 'base64url')
    expect(modulus.length * 8).toBe(3072)
    expect(headers.get('cache-control')).toContain('max-age=300')
    expect(headers.get('access-control-allow-origin')).toBe('*')
  })

  it('is revalidated by ETag', async () => {
    const server = await start()
    const etag = (await jwks(server)).headers.get('etag') ?? ''
    const again = await fetch(`${server.url}/.well-known/jwks.json`, { headers: { 'if-none-match': etag } })
    expect(again.status).toBe(304)
  })

  it('is the same on every instance, and each accepts what the other signed', async () => {
    const server = await start()
    const other = await another(server)
    expect(await kids(other)).toEqual(await kids(server))
    const client = await server.createClient()
    const tokens = await client.tokens({ username: (await server.createUser()).username })
    const { body } = await at(other, client).refresh(tokens.refresh_token)
    expect(await at(other, client).isActive(tokens.access_token)).toBe(true)
    expect(await isActive(client, body.access_token)).toBe(true)
    expect(headerOf(body.access_token).kid).toBe(headerOf(tokens.access_token).kid)
  })
})

describe('at rest', () => {
  it('private keys are sealed: neither the key nor any of its secret numbers stands in the database', async () => {
    const server = await start()
    for (const row of await rows(server)) {
      const stored = row.private_key ?? Buffer.alloc(0)
      expect(() => createPrivateKey({ key: stored, format: 'der', type: 'pkcs8' })).toThrow()
      const secret = await exportJWK(openKey(row).privateKey)
      const numbers = ['d', 'p', 'q', 'dp', 'dq', 'qi'].flatMap(
        (name) => (secret as Record<string, string>)[name] ?? [],
      )
      expect(numbers.length).toBeGreaterThan(0)
      for (const number of numbers) expect(stored.includes(Buffer.from(number, 'base64url'))).toBe(false)
      expect(JSON.stringify(row.public_jwk)).not.toContain(numbers[0])
    }
  })

  it('the sealed key of one row cannot be put into another', async () => {
    const server = await start()
    await server.admin('POST', '/keys/rotate')
    const [first, second] = (await rows(server)).filter(({ alg }) => alg === 'ES256')
    await server.db.query('update signing_keys set private_key = $2 where kid = $1', [first?.kid, second?.private_key])
    await expect(another(server).then((other) => other.createClient())).rejects.toThrow()
  })
})

describe('rotation: published long before it signs, verifying long after', () => {
  it('walks through published, active, retired and removed by the clock of the database (OidcProxy#242, ark#2457, c8s#298)', async () => {
    const server = await start({ SESSION_IDLE_SECONDS: '2000000', SESSION_MAX_SECONDS: '3000000' })
    const client = await server.createClient()
    const { username } = await server.createUser()
    const tokens = await client.tokens({ username })
    const [oldKid = ''] = Object.keys(await states(server))
    expect(headerOf(tokens.access_token).kid).toBe(oldKid)
    const oldKey = openKey((await rows(server)).find(({ kid }) => kid === oldKid) as KeyRow)

    // Published: in the JWK Set at once, not signing.
    const { body } = await server.admin<{ activate_at: string; items: { kid: string; alg: string }[] }>(
      'POST',
      '/keys/rotate',
    )
    const newKid = body.items.find(({ alg }) => alg === 'ES256')?.kid ?? ''
    expect(await states(server)).toEqual({ [oldKid]: 'active', [newKid]: 'published' })
    expect(await kids(server)).toEqual(expect.arrayContaining([oldKid, newKid]))
    const published = await client.refresh(tokens.refresh_token)
    expect(headerOf(published.body.access_token).kid).toBe(oldKid)

    // One second before the lead is over the old key still signs.
    await server.wait(86_399 - 5)
    const late = await another(server)
    const last = await at(late, client).refresh(published.body.refresh_token)
    expect(headerOf(last.body.access_token).kid).toBe(oldKid)

    // Active: the new one signs, and what the old one signed still counts.
    await server.wait(10)
    const active = await another(server)
    expect(await states(active)).toEqual({ [oldKid]: 'retired', [newKid]: 'active' })
    const first = await at(active, client).refresh(last.body.refresh_token)
    expect(headerOf(first.body.access_token).kid).toBe(newKid)
    expect(await at(active, client).isActive(last.body.access_token)).toBe(true)
    expect(await kids(active)).toEqual(expect.arrayContaining([oldKid, newKid]))
    // An instance that has not looked yet signs with the old one, which everybody still accepts.
    expect(await at(active, client).isActive(last.body.access_token)).toBe(true)

    // A token that lives long enough to see its key removed.
    const claims = { ...claimsOf(first.body.access_token), exp: claimsOf(first.body.access_token).exp + 1_000_000 }
    const longLived = await signJwt(oldKey, 'at+jwt', claims)
    expect(await at(active, client).isActive(longLived)).toBe(true)

    // Removed: not published, not accepted, its private part destroyed, its row kept.
    await server.wait(3600 + 600 + 10)
    const removed = await another(server)
    expect(await states(removed)).toEqual({ [oldKid]: 'removed', [newKid]: 'active' })
    expect(await kids(removed)).not.toContain(oldKid)
    expect(await at(removed, client).isActive(longLived)).toBe(false)
    expect((await rows(removed)).find(({ kid }) => kid === oldKid)?.private_key).toBeNull()
  })

  it('every 90 days by itself, once for each algorithm, however many instances start together', async () => {
    const server = await start()
    const before = await rows(server)
    await server.wait(90 * 86_400 + 60)
    await Promise.all([another(server), another(server), another(server)])
    const after = await rows(server)
    expect(after.length).toBe(before.length * 2)
    const live = after.filter((row) => row['retire_at'] === null)
    expect(live.map(({ alg }) => alg).sort()).toEqual(['ES256', 'EdDSA', 'RS256'])
  })

  it('is audited', async () => {
    const server = await start()
    const { body } = await server.admin<{ items: { kid: string }[] }>('POST', '/keys/rotate')
    const events = await server.db.query(
      `select target_id from audit_events where type = 'key.published' and actor = 'client:test-admin'`,
    )
    expect(new Set(events.map((event) => event['target_id']))).toEqual(new Set(body.items.map(({ kid }) => kid)))
    expect(events).toHaveLength(3)
  })
})

describe('MASTER_KEYS', () => {
  it('that do not hold the key of the database: the start fails and says what is wrong, without naming a key', async () => {
    const server = await start()
    const wrong = generateMasterKey()
    const failure = await another(server, { MASTER_KEYS: wrong }).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(Error)
    expect(String(failure)).toMatch(/MASTER_KEYS does not hold the key/)
    expect(String(failure)).not.toContain(wrong)
  })

  it('in another order, or with a new first one: refresh tokens of before keep working, and a retry gets the same string', async () => {
    const server = await start()
    const client = await server.createClient()
    const tokens = await client.tokens({ username: (await server.createUser()).username })
    const rotated = await client.refresh(tokens.refresh_token)
    const added = generateMasterKey()
    const withNew = await another(server, { MASTER_KEYS: `${added},${testMasterKeys}` })
    const retry = await at(withNew, client).refresh(tokens.refresh_token)
    expect(retry.body.refresh_token).toBe(rotated.body.refresh_token)
    const reordered = await another(server, { MASTER_KEYS: `${testMasterKeys},${added}` })
    const next = await at(reordered, client).refresh(rotated.body.refresh_token)
    expect(next.status).toBe(200)
    expect((await at(withNew, client).refresh(next.body.refresh_token)).status).toBe(200)
  })

  it('an old one can be dropped after a start with the new one first: nothing in the database needs it any more', async () => {
    const server = await start()
    const added = generateMasterKey()
    const both = await another(server, { MASTER_KEYS: `${added},${testMasterKeys}` })
    await both.close()
    others.splice(0)
    const alone = await another(server, { MASTER_KEYS: added })
    const client = await alone.createClient({ grant_types: ['client_credentials'], redirect_uris: [], scope: 'x' })
    const { status } = await client.post('/token', { grant_type: 'client_credentials' })
    expect(status).toBe(200)
    // Ending a client writes the feed under the key that names it there.
    expect((await alone.admin('POST', '/revocations', { client_id: client.clientId })).status).toBe(200)
  })
})
