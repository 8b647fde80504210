import { createPublicKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { generateSigningKey, loadSigningKey, thumbprint } from '../../../src/crypto/signing.ts'

const generated = {
  ES256: await generateSigningKey('ES256'),
  RS256: await generateSigningKey('RS256'),
  EdDSA: await generateSigningKey('EdDSA'),
}

describe.each(['ES256', 'RS256', 'EdDSA'] as const)('a new %s key', (alg) => {
  const key = generated[alg]

  it('is named by its thumbprint and shows public members only', async () => {
    const { kid, alg: shown, use, ...members } = key.publicJwk
    expect(kid).toBe(key.kid)
    expect(kid).toBe(await thumbprint(members))
    expect([shown, use]).toEqual([alg, 'sig'])
    expect(Object.keys(members).toSorted()).toEqual(
      { ES256: ['crv', 'kty', 'x', 'y'], RS256: ['e', 'kty', 'n'], EdDSA: ['crv', 'kty', 'x'] }[alg],
    )
  })

  it('is loaded back from what is stored, without private members in its JWK', () => {
    const loaded = loadSigningKey({ ...key, publicJwk: { ...key.publicJwk, d: 'secret' } })
    expect(loaded.publicJwk).toEqual(key.publicJwk)
    expect(loaded.kid).toBe(key.kid)
    expect(loaded.privateKey.type).toBe('private')
  })

  it('is refused with the private half of another', async () => {
    const { privatePkcs8 } = await generateSigningKey(alg === 'RS256' ? 'ES256' : alg)
    expect(() => loadSigningKey({ ...key, privatePkcs8 })).toThrow(`signing key ${key.kid}`)
  })

  it('is refused under another algorithm', () => {
    for (const other of ['ES256', 'RS256', 'EdDSA'] as const)
      if (other !== alg) expect(() => loadSigningKey({ ...key, alg: other })).toThrow()
  })
})

it('keys are P-256, RSA 3072 and Ed25519', () => {
  expect(generated.ES256.publicJwk.crv).toBe('P-256')
  expect(generated.EdDSA.publicJwk.crv).toBe('Ed25519')
  const rsa = createPublicKey({ key: generated.RS256.publicJwk, format: 'jwk' })
  expect(rsa.asymmetricKeyDetails?.modulusLength).toBe(3072)
})

describe('the thumbprint', () => {
  it('is that of RFC 7638 §3.1', async () => {
    const n =
      '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw'
    const jwk = { kty: 'RSA', n, e: 'AQAB', alg: 'RS256', kid: '2011-04-29' }
    expect(await thumbprint(jwk)).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
  })

  it('is that of RFC 8037 appendix A.3', async () => {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }
    expect(await thumbprint(jwk)).toBe('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k')
  })
})
