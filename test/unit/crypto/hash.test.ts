import { describe, expect, it } from 'vitest'
import { equalBytes } from '../../../src/crypto/equal.ts'
import { feedEntryKey } from '../../../src/crypto/feed-key.ts'
import { sha256 } from '../../../src/crypto/hash.ts'
import { atHash } from '../../../src/crypto/id-hash.ts'

describe('equalBytes', () => {
  it('compares content and length', () => {
    expect(equalBytes(Buffer.from('abc'), new Uint8Array([97, 98, 99]))).toBe(true)
    expect(equalBytes(Buffer.from('abc'), Buffer.from('abd'))).toBe(false)
    expect(equalBytes(Buffer.from('abc'), Buffer.from('ab'))).toBe(false)
    expect(equalBytes(Buffer.alloc(0), Buffer.alloc(0))).toBe(true)
  })
})

describe('sha256', () => {
  it('gives the known answers (FIPS 180-4)', () => {
    expect(sha256('').toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    expect(sha256('abc').toString('hex')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(sha256(new Uint8Array([97, 98, 99]))).toEqual(sha256('abc'))
    expect(sha256('ä')).toEqual(sha256(Buffer.from([0xc3, 0xa4])))
  })
})

describe('at_hash (OpenID Connect Core §3.1.3.6)', () => {
  it('is that of the examples in OpenID Connect Core appendix A', () => {
    expect(atHash('jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y', 'RS256')).toBe('77QmUPtjPfzWtF2AnpK9RQ')
    expect(atHash('Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk', 'ES256')).toBe('LDktKdoQak3Pk0cnXxCltA')
  })

  it('follows the hash of the algorithm', () => {
    expect(atHash('token', 'PS384')).toHaveLength(32)
    expect(atHash('token', 'EdDSA')).toHaveLength(43)
    expect(atHash('token', 'EdDSA')).toBe(atHash('token', 'ES512'))
  })

  it.each(['none', 'HS256', '', 'RS1', 'ES256K', 'constructor'])('is not made for %s', (alg) => {
    expect(() => atHash('token', alg)).toThrow('no hash')
  })
})

describe('a key of the revocation feed', () => {
  const feedKey = Buffer.alloc(32, 1)

  it('is 8 bytes of HMAC-SHA-256 over kind and id', () => {
    expect(feedEntryKey(feedKey, 'u', '0190').toString('hex')).toMatchInlineSnapshot(`"286d5460f771314f"`)
  })

  it('differs by feed key, kind and id', () => {
    const keys = [
      feedEntryKey(feedKey, 'u', '1'),
      feedEntryKey(feedKey, 'c', '1'),
      feedEntryKey(feedKey, 'k', '1'),
      feedEntryKey(feedKey, 'u', '2'),
      feedEntryKey(Buffer.alloc(32, 2), 'u', '1'),
    ]
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(5)
  })
})
