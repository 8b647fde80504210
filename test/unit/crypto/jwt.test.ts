import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import { loadPublicKey, type PublicKey, signJwt, verifyJwt } from '../../../src/crypto/jwt.ts'
import { generateSigningKey, loadSigningKey } from '../../../src/crypto/signing.ts'

const issuer = 'https://login.example.com'
const keys = {
  ES256: loadSigningKey(await generateSigningKey('ES256')),
  RS256: loadSigningKey(await generateSigningKey('RS256')),
  EdDSA: loadSigningKey(await generateSigningKey('EdDSA')),
}
const known = new Map<string, PublicKey>(
  Object.values(keys).map((key) => [key.kid, loadPublicKey(key.publicJwk)] as const),
)
const claims = { iss: issuer, sub: 'alice', aud: 'https://api.example.com', exp: 1_800_000_000, name: 'Älice 😀' }
const expected = { typ: 'at+jwt', issuer }
const verifyIt = (token: string) => verifyJwt(token, known, expected)

const encode = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A token with any header and body whatsoever, signed with a real key. */
function forge(header: unknown, body: unknown, key: KeyObject = keys.ES256.privateKey): string {
  const input = `${encode(header)}.${encode(body)}`
  const digest = key.asymmetricKeyType === 'ed25519' ? null : 'sha256'
  return `${input}.${sign(digest, Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

const header = (more: Record<string, unknown> = {}) => ({ alg: 'ES256', typ: 'at+jwt', kid: keys.ES256.kid, ...more })

describe.each(['ES256', 'RS256', 'EdDSA'] as const)('a JWT signed with %s', async (alg) => {
  const key = keys[alg]
  const token = await signJwt(key, 'at+jwt', claims)

  it('is verified back', async () => {
    expect(await verifyIt(token)).toEqual({ header: { alg, typ: 'at+jwt', kid: key.kid }, claims })
  })

  it('is verified by an independent library', async () => {
    const jwks = createLocalJWKSet({ keys: Object.values(keys).map((one) => one.publicJwk) })
    const verified = await jwtVerify(token, jwks, {
      typ: 'at+jwt',
      issuer,
      algorithms: [alg],
      currentDate: new Date(0),
    })
    expect(verified.payload).toEqual(claims)
  })

  it('is refused without its key, under another key of that name, or as something else, though it was seen before', async () => {
    expect(await verifyIt(token)).toBeDefined()
    const other = loadPublicKey(loadSigningKey(await generateSigningKey(alg)).publicJwk)
    expect(await verifyJwt(token, new Map(), expected)).toBeUndefined()
    expect(await verifyJwt(token, new Map([[key.kid, other]]), expected)).toBeUndefined()
    expect(await verifyJwt(token, known, { ...expected, typ: 'logout+jwt' })).toBeUndefined()
    expect(await verifyJwt(token, known, { ...expected, issuer: 'https://other.example.com' })).toBeUndefined()
    expect(await verifyIt(token)).toBeDefined()
  })

  it('is refused when it was cut anywhere', async () => {
    for (let length = 0; length < token.length; length++) {
      expect(await verifyIt(token.slice(0, length)), `first ${length}`).toBeUndefined()
      expect(await verifyIt(token.slice(token.length - length)), `last ${length}`).toBeUndefined()
    }
  })

  it('is refused with any one bit flipped', async () => {
    for (let index = 0; index < token.length; index++)
      for (let bit = 0; bit < 8; bit++) {
        const flipped = String.fromCharCode(token.charCodeAt(index) ^ (1 << bit))
        expect(
          await verifyIt(token.slice(0, index) + flipped + token.slice(index + 1)),
          `${index}.${bit}`,
        ).toBeUndefined()
      }
  })

  it('has one spelling', async () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const accepted: string[] = []
    for (const last of alphabet) if (await verifyIt(token.slice(0, -1) + last)) accepted.push(last)
    expect(accepted).toEqual([token.at(-1)])
    for (const extra of ['=', '==', ' ', '\n', '\0', '.', '.x', 'A', '\u200b']) {
      expect(await verifyIt(token + extra)).toBeUndefined()
      expect(await verifyIt(extra + token)).toBeUndefined()
    }
    expect(await verifyIt(token.replaceAll('-', '+').replaceAll('_', '/'))).toSatisfy(
      (result) => result === undefined || !/[-_]/.test(token),
    )
  })

  it('is refused under the name or the algorithm of another key', async () => {
    for (const other of Object.values(keys))
      for (const named of Object.values(keys)) {
        if (other.kid === key.kid && named.kid === key.kid) continue
        expect(
          await verifyIt(forge({ alg: other.alg, typ: 'at+jwt', kid: named.kid }, claims, key.privateKey)),
        ).toBeUndefined()
      }
  })
})

describe('the signing side', () => {
  it('signs ES256 and EdDSA at once, and RS256 on the thread pool', () => {
    expect(signJwt(keys.ES256, 'JWT', claims)).toBeTypeOf('string')
    expect(signJwt(keys.EdDSA, 'JWT', claims)).toBeTypeOf('string')
    expect(signJwt(keys.RS256, 'JWT', claims)).toBeInstanceOf(Promise)
  })

  it('does not mix the headers of keys and types that it keeps', async () => {
    for (const key of Object.values(keys))
      for (const typ of ['at+jwt', 'JWT', 'logout+jwt', 'at+jwt'])
        expect((await verifyJwt(await signJwt(key, typ, claims), known, { typ, issuer }))?.header).toEqual({
          alg: key.alg,
          typ,
          kid: key.kid,
        })
  })

  it('leaves out claims that are undefined', async () => {
    const token = await signJwt(keys.ES256, 'at+jwt', { iss: issuer, sid: undefined })
    expect((await verifyIt(token))?.claims).toEqual({ iss: issuer })
  })
})

describe('algorithm confusion', () => {
  it('the forger of these tests can make a token that is accepted', async () => {
    expect((await verifyIt(forge(header(), claims)))?.claims).toEqual(claims)
  })

  it('a token without a signature is refused in any spelling of none', async () => {
    const { signature } = splitToken(forge(header(), claims))
    for (const alg of ['none', 'None', 'NONE', 'nOnE', 'none ', '', null, undefined, 0, [], ['ES256'], {}])
      for (const kid of [keys.ES256.kid, undefined, ''])
        for (const tail of ['', 'A', signature])
          expect(await verifyIt(`${encode({ alg, typ: 'at+jwt', kid })}.${encode(claims)}.${tail}`)).toBeUndefined()
    const unsigned = `${encode(header())}.${encode(claims)}`
    for (const tail of ['', '.', '..', '.AA', '.'.padEnd(87, 'A')])
      expect(await verifyIt(unsigned + tail)).toBeUndefined()
  })

  it('an HMAC with the public key as its secret is refused, whatever form of the key', async () => {
    for (const key of Object.values(keys)) {
      const publicKey = createPublicKey({ key: key.publicJwk, format: 'jwk' })
      const pem = publicKey.export({ format: 'pem', type: 'spki' }).toString()
      const secrets = [
        pem,
        pem.trimEnd(),
        pem.replaceAll('\n', '\r\n'),
        publicKey.export({ format: 'der', type: 'spki' }),
        JSON.stringify(key.publicJwk),
        String(key.publicJwk['x'] ?? key.publicJwk['n']),
        Buffer.from(String(key.publicJwk['x'] ?? key.publicJwk['n']), 'base64url'),
        '',
      ]
      for (const secret of secrets)
        for (const [alg, digest] of [
          ['HS256', 'sha256'],
          ['HS384', 'sha384'],
          ['HS512', 'sha512'],
          ['hs256', 'sha256'],
          [key.alg, 'sha256'],
        ] as const) {
          const input = `${encode({ alg, typ: 'at+jwt', kid: key.kid })}.${encode(claims)}`
          const tag = createHmac(digest, secret).update(input).digest('base64url')
          expect(await verifyIt(`${input}.${tag}`)).toBeUndefined()
        }
    }
  })

  it.each([
    'es256',
    'ES384',
    'ES512',
    'ES256K',
    'PS256',
    'RS256',
    'Ed25519',
    'EdDSA',
    'RSA1_5',
    'PBES2-HS256+A128KW',
    'dir',
  ])('an ES256 signature that calls itself %s is refused', async (alg) => {
    expect(await verifyIt(forge(header({ alg }), claims))).toBeUndefined()
  })

  it.each(['PS256', 'RS384', 'RS512', 'rs256'])('an RS256 signature that calls itself %s is refused', async (alg) => {
    expect(
      await verifyIt(forge({ alg, typ: 'at+jwt', kid: keys.RS256.kid }, claims, keys.RS256.privateKey)),
    ).toBeUndefined()
  })

  it('an ES256 signature of zeros, or in DER, is refused', async () => {
    const input = `${encode(header())}.${encode(claims)}`
    for (const bytes of [Buffer.alloc(64), Buffer.alloc(64, 255), Buffer.alloc(63), Buffer.alloc(65), Buffer.alloc(1)])
      expect(await verifyIt(`${input}.${bytes.toString('base64url')}`)).toBeUndefined()
    expect(
      await verifyIt(`${input}.${sign('sha256', Buffer.from(input), keys.ES256.privateKey).toString('base64url')}`),
    ).toBeUndefined()
  })
})

describe('a header that wants more than it may', () => {
  const attacker = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const attackerJwk = attacker.publicKey.export({ format: 'jwk' })

  it.each([
    ['crit', { crit: ['exp'] }],
    ['an empty crit', { crit: [] }],
    ['crit of null', { crit: null }],
    ['an unknown crit', { crit: ['x'], x: 1 }],
    ['b64: false', { b64: false, crit: ['b64'] }],
    ['b64 without crit', { b64: false }],
    ['b64: true', { b64: true }],
    ['zip', { zip: 'DEF' }],
    ['an embedded jwk', { jwk: keys.ES256.publicJwk }],
    ['jku', { jku: 'https://evil.example/jwks.json' }],
    ['x5u', { x5u: 'https://evil.example/cert.pem' }],
    ['x5c', { x5c: ['MIIB'] }],
  ])('with %s is refused although the signature is ours', async (_, more) => {
    expect(await verifyIt(forge(header(more), claims))).toBeUndefined()
  })

  it('does not bring its own key', async () => {
    for (const more of [
      {},
      { jwk: attackerJwk },
      { jku: 'https://evil.example' },
      { jwk: attackerJwk, kid: undefined },
    ])
      for (const kid of [keys.ES256.kid, 'attacker'])
        expect(await verifyIt(forge(header({ kid, ...more }), claims, attacker.privateKey))).toBeUndefined()
  })

  it.each(['', 'unknown', '../../../dev/null', "' OR 1=1 --", '__proto__', 'constructor', 'toString', '*', ' ', '\0'])(
    'names a key that we have, not %j',
    async (kid) => {
      expect(await verifyIt(forge(header({ kid }), claims))).toBeUndefined()
    },
  )

  it.each([undefined, null, 1, [keys.ES256.kid], { toString: 'x' }, true])(
    'names its key by a text, not by %j',
    async (kid) => {
      expect(await verifyIt(forge(header({ kid }), claims))).toBeUndefined()
    },
  )
})

describe('the type of a token (RFC 8725 §3.11)', () => {
  it.each(['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/at+JWT'])('%s is at+jwt', async (typ) => {
    expect(await verifyIt(forge(header({ typ }), claims))).toBeDefined()
  })

  it.each(
    [
      ['JWT', 'logout+jwt', 'secevent+jwt', 'dpop+jwt', 'jwt', '', 'at', 'at+jwt ', ' at+jwt', 'x/at+jwt'],
      ['application/application/at+jwt', undefined, null, 1, { typ: 'at+jwt' }, true],
    ].flat(),
  )('%j is not', async (typ) => {
    expect(await verifyIt(forge(header({ typ }), claims))).toBeUndefined()
  })

  it('may be one of several', async () => {
    const token = forge(header({ typ: 'JWT' }), claims)
    expect(await verifyJwt(token, known, { typ: ['at+jwt', 'JWT'], issuer })).toBeDefined()
    expect(await verifyJwt(token, known, { typ: ['at+jwt', 'logout+jwt'], issuer })).toBeUndefined()
    expect(await verifyJwt(token, known, { typ: [], issuer })).toBeUndefined()
  })
})

describe('the issuer', () => {
  it.each([
    `${issuer}/`,
    issuer.toUpperCase(),
    'https://evil.example',
    '',
    undefined,
    null,
    1,
    [issuer],
    { iss: issuer },
  ])('is compared exactly: %j is refused', async (iss) => {
    expect(await verifyIt(forge(header(), { ...claims, iss }))).toBeUndefined()
  })
})

describe('garbage', () => {
  it.each(
    [
      ['', '.', '..', '...', 'a', 'a.b', 'a.b.c', 'a.b.c.d', 'a.b.c.d.e', '....', ' . . ', '\0.\0.\0', '\ud800.a.a'],
      ['ä.ö.ü'],
      [`${encode('null')}.${encode('null')}.AA`, `${encode('[]')}.${encode('[]')}.AA`, `${encode('"x"')}.e30.AA`],
      [`${encode('{')}.e30.AA`, `${encode('{"alg":"ES256"')}.e30.AA`, `${encode('['.repeat(5000))}.e30.AA`],
    ].flat(),
  )('%j is refused without an exception', async (text) => {
    expect(await verifyIt(text)).toBeUndefined()
  })

  it.each(['null', '[]', '"x"', '1', '', '{', `[${JSON.stringify(claims)}]`, `${JSON.stringify(claims)}x`])(
    'claims %j are refused although they are signed',
    async (body) => {
      expect(await verifyIt(forge(header(), body))).toBeUndefined()
    },
  )

  it('an encrypted token is refused before anything is decompressed', async () => {
    const jwe = `${encode({ alg: 'RSA-OAEP', enc: 'A256GCM', zip: 'DEF', kid: keys.RS256.kid })}.a.b.c.d`
    expect(await verifyIt(jwe)).toBeUndefined()
  })

  it('a token of more than 8 kB is refused, however right it is', async () => {
    const withName = (length: number) => forge(header(), { ...claims, name: 'a'.repeat(length) })
    expect(await verifyIt(withName(5000))).toBeDefined()
    expect(await verifyIt(withName(6200))).toBeUndefined()
    expect(await verifyIt('a.'.repeat(2_000_000))).toBeUndefined()
    expect(await verifyIt(`${'a'.repeat(8000)}.b`)).toBeUndefined()
  })

  it('a claim called __proto__ does not become a prototype', async () => {
    const verified = await verifyIt(forge(header(), `{"iss":"${issuer}","__proto__":{"scope":"admin"}}`))
    expect(verified?.claims['scope']).toBeUndefined()
    expect(await verifyIt(forge(header(), `{"__proto__":{"iss":"${issuer}"}}`))).toBeUndefined()
    expect(await verifyIt(forge(`{"__proto__":${JSON.stringify(header())}}`, claims))).toBeUndefined()
  })
})

describe('a public key', () => {
  it('knows its algorithm from its type', () => {
    for (const { alg, publicJwk } of Object.values(keys)) {
      const { alg: _, ...without } = publicJwk
      expect(loadPublicKey(without).alg).toBe(alg)
    }
  })

  const ec = keys.ES256.publicJwk
  it.each([
    ['symmetric', { kty: 'oct', k: 'AAAA' }],
    ['private', keys.ES256.privateKey.export({ format: 'jwk' })],
    ['private RSA', keys.RS256.privateKey.export({ format: 'jwk' })],
    ['RSA 1024', generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'jwk' })],
    ['P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey.export({ format: 'jwk' })],
    ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey.export({ format: 'jwk' })],
    ['Ed448', generateKeyPairSync('ed448').publicKey.export({ format: 'jwk' })],
    ['X25519', generateKeyPairSync('x25519').publicKey.export({ format: 'jwk' })],
    ['EC for HS256', { ...ec, alg: 'HS256' }],
    ['EC for RS256', { ...ec, alg: 'RS256' }],
    ['EC for none', { ...ec, alg: 'none' }],
    ['off its curve', { ...ec, y: String(ec.x) }],
    ['incomplete', { kty: 'EC', crv: 'P-256', x: String(ec.x) }],
    ['empty', {}],
  ])('that is %s is refused', (_, jwk) => {
    expect(() => loadPublicKey(jwk)).toThrow()
  })
})

function splitToken(token: string): { signature: string } {
  return { signature: token.slice(token.lastIndexOf('.') + 1) }
}
