import { createHmac, createPublicKey, createSign, generateKeyPairSync, sign } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signJwt } from '../../src/crypto/jwt.ts'
import { parseMasterKeys } from '../../src/crypto/master-keys.ts'
import { createSeal } from '../../src/crypto/seal.ts'
import { loadSigningKey } from '../../src/crypto/signing.ts'
import type { PublicJwk, SigningAlg } from '../../src/domain/signing-key.ts'
import type { Browser } from '../support/browser.ts'
import { startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { testMasterKeys } from '../support/template.ts'
import { claimsOf, damaged, headerOf, isActive, userinfo } from '../support/tokens.ts'

let server: TestServer
let app: TestClient
let held: Tokens & { browser: Browser }
let judge: TestClient
beforeAll(async () => {
  server = await startServer()
  app = await server.createClient({ post_logout_redirect_uris: ['https://app.example.com/bye'] })
  judge = await server.createClient({ grant_types: ['client_credentials'], redirect_uris: [], scope: 'introspect:any' })
  held = await app.tokens({ username: (await server.createUser()).username })
})
afterAll(() => server.close())

const segment = (value: object | string) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const statusOf = async (token: string) => [(await userinfo(server.url, token)).status, await isActive(judge, token)]
/** A key of the server itself, to make tokens that are wrong in exactly one way. */
async function ownKey(alg: SigningAlg) {
  const [row] = await server.db.query<{ kid: string; public_jwk: PublicJwk; private_key: Buffer }>(
    'select * from signing_keys where alg = $1',
    [alg],
  )
  if (!row) throw new Error('no key')
  const privatePkcs8 = createSeal(parseMasterKeys(testMasterKeys)).open(row.private_key, `signing-key:${row.kid}`)
  return loadSigningKey({ kid: row.kid, alg, publicJwk: row.public_jwk, privatePkcs8 })
}

describe('every artefact at every other place', () => {
  it('is taken nowhere but where it belongs (CVE-2026-4325, keycloak#47715)', async () => {
    const { code, verifier } = await app.signIn({ browser: held.browser })
    const { code: spare } = await app.signIn({ browser: held.browser })
    const cookie = [...held.browser.jar].find(([name]) => name.startsWith('sso'))?.[1] ?? ''
    const artefacts: Record<string, string> = {
      'access token': held.access_token,
      'ID token': held.id_token,
      'refresh token': held.refresh_token,
      code: spare,
      'client secret': app.secret ?? '',
      'session cookie': cookie,
      'secret of the session cookie': cookie.split('.')[1] ?? '',
      'session id': claimsOf(held.access_token).sid ?? '',
      'grant id': claimsOf(held.access_token).gid ?? '',
      jti: claimsOf(held.access_token).jti,
    }
    const places: Record<string, (text: string) => Promise<boolean>> = {
      'as code': async (text) => (await app.exchange(text, verifier)).status === 200,
      'as bearer at userinfo': async (text) => (await userinfo(server.url, text)).status === 200,
      'as bearer at the admin API': async (text) =>
        (await fetch(`${server.url}/admin/v1/users`, { headers: { authorization: `Bearer ${text}` } })).ok,
      'as bearer at introspection': async (text) =>
        (await server.post('/introspect', { token: held.access_token }, { authorization: `Bearer ${text}` })).status ===
        200,
      'as bearer at not-before': async (text) =>
        (await fetch(`${server.url}/not-before`, { headers: { authorization: `Bearer ${text}` } })).ok,
      'as token to introspect': async (text) =>
        (await app.post('/introspect', { token: text })).body['active'] === true,
      'as client secret': async (text) =>
        (
          await server.post(
            '/introspect',
            { token: 'x' },
            { authorization: `Basic ${Buffer.from(`${app.clientId}:${text}`).toString('base64')}` },
          )
        ).status === 200,
      'as session cookie': async (text) => {
        const browser = server.browser()
        for (const [name] of held.browser.jar) browser.jar.set(name, text)
        return (await app.signIn({ browser, parameters: { prompt: 'none' } })).code !== ''
      },
      'as id_token_hint at authorize': async (text) => {
        const page = await held.browser.clone().request(app.request({ prompt: 'none', id_token_hint: text }).url)
        return (page.location?.searchParams.get('code') ?? '') !== ''
      },
      'as refresh token': async (text) => (await app.refresh(text)).status === 200,
    }
    const belongs = new Set([
      'access token as bearer at userinfo',
      'access token as token to introspect',
      'refresh token as token to introspect',
      'refresh token as refresh token',
      'client secret as client secret',
      'session cookie as session cookie',
      'ID token as id_token_hint at authorize',
    ])
    const taken: string[] = []
    for (const [artefact, text] of Object.entries(artefacts)) {
      expect(text, artefact).not.toBe('')
      // Where it would be spent comes last.
      for (const [place, isTaken] of Object.entries(places)) if (await isTaken(text)) taken.push(`${artefact} ${place}`)
    }
    expect(new Set(taken)).toEqual(belongs)
    expect((await app.exchange(code, verifier)).status).toBe(200)
  })

  it('an access token as id_token_hint at logout ends nothing and redirects nowhere', async () => {
    const fresh = await app.tokens({ username: (await server.createUser()).username })
    const query = new URLSearchParams({
      id_token_hint: fresh.access_token,
      post_logout_redirect_uri: 'https://app.example.com/bye',
    })
    const page = await fresh.browser.open(`/logout?${query}`)
    // A person may be asked; nothing happens by itself.
    expect([200, 400]).toContain(page.status)
    expect(page.url.startsWith(server.url)).toBe(true)
    expect((await app.refresh(fresh.refresh_token)).status).toBe(200)
  })

  it('an ID token of another client is no hint', async () => {
    const other = await server.createClient()
    const page = await held.browser.request(other.request({ prompt: 'none', id_token_hint: held.id_token }).url)
    expect(page.location?.searchParams.get('error')).toBe('invalid_request')
  })
})

describe('RFC 8725 §3.1: the algorithm is not for the token to choose', () => {
  const claims = () => claimsOf(held.access_token)
  const publicKeyOf = async (alg: string) => {
    const { keys } = (await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as {
      keys: (JsonWebKey & { kid: string; alg: string })[]
    }
    const jwk = keys.find((key) => key.alg === alg)
    if (!jwk) throw new Error(`no ${alg} key`)
    return {
      kid: jwk.kid,
      pem: createPublicKey({ key: jwk as never, format: 'jwk' })
        .export({ type: 'spki', format: 'pem' })
        .toString(),
      jwk,
    }
  }

  it('the control: a token that the right key signs is taken', async () => {
    const token = await signJwt(await ownKey('ES256'), 'at+jwt', { ...claims() })
    expect(await statusOf(token)).toEqual([200, true])
  })

  it.each(['none', 'None', 'nOnE', 'NONE', ''])('alg %s', async (alg) => {
    const { kid } = headerOf(held.access_token)
    const input = `${segment({ alg, typ: 'at+jwt', kid })}.${segment(claims())}`
    const signature = held.access_token.split('.')[2] ?? ''
    for (const token of [`${input}.`, input, `${input}.${signature}`, `${input}.AA`])
      expect(await statusOf(token)).toEqual([401, false])
  })

  it.each(['ES256', 'RS256', 'EdDSA'])('HS256 with the public %s key as its secret', async (alg) => {
    const { kid, pem, jwk } = await publicKeyOf(alg)
    const input = `${segment({ alg: 'HS256', typ: 'at+jwt', kid })}.${segment(claims())}`
    for (const secret of [pem, pem.trim(), JSON.stringify(jwk), Buffer.from(jwk.x ?? jwk.n ?? '', 'base64url')]) {
      const token = `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
      expect(await statusOf(token)).toEqual([401, false])
    }
  })

  it('another algorithm of the same key: RS256 key, RS512 and PS256 header', async () => {
    const key = await ownKey('RS256')
    for (const [alg, digest] of [
      ['RS512', 'sha512'],
      ['PS256', 'sha256'],
    ] as const) {
      const input = `${segment({ alg, typ: 'at+jwt', kid: key.kid })}.${segment(claims())}`
      expect(
        await statusOf(`${input}.${createSign(digest).update(input).sign(key.privateKey).toString('base64url')}`),
      ).toEqual([401, false])
    }
  })

  it('a key of its own: unknown kid, our kid, embedded jwk, jku and x5u', async () => {
    const own = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const jwk = own.publicKey.export({ format: 'jwk' })
    const { kid } = headerOf(held.access_token)
    const headers = [
      { alg: 'ES256', typ: 'at+jwt', kid: 'A'.repeat(43) },
      { alg: 'ES256', typ: 'at+jwt', kid },
      { alg: 'ES256', typ: 'at+jwt' },
      { alg: 'ES256', typ: 'at+jwt', jwk },
      { alg: 'ES256', typ: 'at+jwt', kid, jwk },
      { alg: 'ES256', typ: 'at+jwt', kid, jku: 'https://evil.example.com/jwks.json' },
      { alg: 'ES256', typ: 'at+jwt', kid, x5u: 'https://evil.example.com/cert.pem' },
      { alg: 'ES256', typ: 'at+jwt', kid: '../../../../dev/null' },
      { alg: 'ES256', typ: 'at+jwt', kid: "' or 1=1 --" },
      { alg: 'ES256', typ: 'at+jwt', kid: '__proto__' },
      { alg: 'ES256', typ: 'at+jwt', kid: ['x'] },
    ]
    for (const header of headers) {
      const input = `${segment(header)}.${segment(claims())}`
      const signature = sign('sha256', Buffer.from(input), { key: own.privateKey, dsaEncoding: 'ieee-p1363' })
      expect(await statusOf(`${input}.${signature.toString('base64url')}`)).toEqual([401, false])
    }
  })

  it('headers that change what a signature means, signed by our own key: crit, b64, zip', async () => {
    const key = await ownKey('ES256')
    for (const extra of [{ crit: ['b64'], b64: false }, { crit: [] }, { b64: false }, { zip: 'DEF' }]) {
      const input = `${segment({ alg: 'ES256', typ: 'at+jwt', kid: key.kid, ...extra })}.${segment(claims())}`
      const signature = sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
      expect(await statusOf(`${input}.${signature.toString('base64url')}`)).toEqual([401, false])
    }
  })

  it('other spellings of one signature: DER, padding, spare bits, all zeros', async () => {
    const [head, body, tail = ''] = held.access_token.split('.')
    const bytes = Buffer.from(tail, 'base64url')
    const zeros = Buffer.alloc(64)
    const der = sign('sha256', Buffer.from(`${head}.${body}`), (await ownKey('ES256')).privateKey)
    const last = tail.at(-1) ?? 'A'
    const spare = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const next = spare[(spare.indexOf(last) ^ 1) & 63] ?? ''
    for (const signature of [
      der.toString('base64url'),
      `${tail}==`,
      `${tail}=`,
      tail.slice(0, -1) + next,
      zeros.toString('base64url'),
      bytes.subarray(0, 63).toString('base64url'),
    ])
      expect(await statusOf(`${head}.${body}.${signature}`)).toEqual([401, false])
  })
})

describe('RFC 8725 §3.11, §3.8: a token of our own key that is wrong in one way', () => {
  it.each<[string, string, (claims: Record<string, unknown>) => Record<string, unknown>]>([
    ['typ JWT', 'JWT', (c) => c],
    ['typ logout+jwt', 'logout+jwt', (c) => c],
    ['another issuer', 'at+jwt', (c) => ({ ...c, iss: 'https://other.example.com' })],
    ['an issuer with a slash more', 'at+jwt', (c) => ({ ...c, iss: `${String(c['iss'])}/` })],
    ['no issuer', 'at+jwt', (c) => ({ ...c, iss: undefined })],
    ['an expired one', 'at+jwt', (c) => ({ ...c, exp: 1 })],
    ['the grant of nobody', 'at+jwt', (c) => ({ ...c, gid: '01a1fc44-0000-7000-8000-000000000000' })],
    ['the session of nobody', 'at+jwt', (c) => ({ ...c, sid: '01a1fc44-0000-7000-8000-000000000000' })],
    ['an unknown client', 'at+jwt', (c) => ({ ...c, client_id: 'nobody' })],
    ['another client than that of the grant', 'at+jwt', (c) => ({ ...c, client_id: judge.clientId })],
  ])('%s', async (_, typ, change) => {
    const token = await signJwt(await ownKey('ES256'), typ, change({ ...claimsOf(held.access_token) }))
    expect(await statusOf(token)).toEqual([401, false])
  })

  it('garbage of every shape is refused, and never a failure of ours', async () => {
    const texts = [
      '',
      '.',
      '..',
      '...',
      'a.b.c',
      'e30.e30.e30',
      `${'A'.repeat(9000)}.e30.AA`,
      `${segment('null')}.${segment('null')}.AA`,
      `${segment('[]')}.e30.AA`,
      held.access_token.slice(0, -1),
      `${held.access_token}.x`,
      ` ${held.id_token}`,
      held.access_token.replace('.', '..'),
    ]
    for (const text of texts) {
      const response = await fetch(`${server.url}/userinfo`, { headers: { authorization: `Bearer ${text}` } })
      expect([400, 401], text.slice(0, 40)).toContain(response.status)
    }
  })

  it('every truncation and every changed character of an access token', async () => {
    const token = held.access_token
    const texts = damaged(token)
    // Two thousand at once would only show that a busy server answers 503.
    for (let i = 0; i < texts.length; i += 50) {
      const answers = texts.slice(i, i + 50).map(async (text) => (await userinfo(server.url, text)).status)
      expect(new Set(await Promise.all(answers))).toEqual(new Set([401]))
    }
  })
})
