import { describe, expect, it } from 'vitest'
import {
  checksum,
  createOpaqueToken,
  parseOpaqueToken,
  randomSecret,
  tokenPattern,
} from '../../../src/crypto/opaque-token.ts'

describe.each(['ac', 'cs'] as const)('an opaque token flc_%s_', (kind) => {
  const token = createOpaqueToken(kind)

  it('carries its kind, 256 random bits and a checksum', () => {
    expect(token).toMatch(new RegExp(`^flc_${kind}_[A-Za-z0-9_-]{43}_[0-9A-Za-z]{6}$`))
    expect(token).toHaveLength(57)
    expect(new Set(Array.from({ length: 1000 }, () => createOpaqueToken(kind))).size).toBe(1000)
  })

  it('is recognised, every time', () => {
    for (let round = 0; round < 1000; round++) expect(parseOpaqueToken(kind, createOpaqueToken(kind))).toBe(true)
  })

  it('is not another kind', () => {
    expect(parseOpaqueToken(kind === 'ac' ? 'cs' : 'ac', token)).toBe(false)
    const relabelled = token.replace(`_${kind}_`, kind === 'ac' ? '_cs_' : '_ac_')
    expect(parseOpaqueToken(kind === 'ac' ? 'cs' : 'ac', relabelled)).toBe(false)
  })

  it('is refused when it was cut anywhere', () => {
    for (let length = 0; length < token.length; length++) {
      expect(parseOpaqueToken(kind, token.slice(0, length)), `first ${length}`).toBe(false)
      expect(parseOpaqueToken(kind, token.slice(token.length - length)), `last ${length}`).toBe(false)
      expect(parseOpaqueToken(kind, token.slice(0, length) + token.slice(length + 1)), `without ${length}`).toBe(false)
    }
  })

  it('is refused with any one bit flipped', () => {
    for (let index = 0; index < token.length; index++)
      for (let bit = 0; bit < 8; bit++) {
        const flipped = String.fromCharCode(token.charCodeAt(index) ^ (1 << bit))
        expect(parseOpaqueToken(kind, token.slice(0, index) + flipped + token.slice(index + 1))).toBe(false)
      }
  })

  it('is refused with anything around it', () => {
    for (const extra of [' ', '\n', '\0', '=', 'a', '_', '\u200b', token])
      expect([parseOpaqueToken(kind, token + extra), parseOpaqueToken(kind, extra + token)]).toEqual([false, false])
    expect(parseOpaqueToken(kind, token.toUpperCase())).toBe(false)
    expect(parseOpaqueToken(kind, 'x'.repeat(100_000))).toBe(false)
  })

  it('has one spelling: spare bits at the end are refused although the checksum is right', () => {
    const body = `flc_${kind}_${'A'.repeat(42)}B`
    expect(parseOpaqueToken(kind, `${body}_${checksum(body)}`)).toBe(false)
  })
})

describe('the checksum', () => {
  it('is CRC-32 in six base62 digits', () => {
    // The check value of CRC-32 for this text is cbf43926, which is 3421780262.
    expect(checksum('123456789')).toBe('3jZRME')
    expect(checksum('')).toBe('000000')
  })
})

describe('the pattern for secret scanners', () => {
  it('finds every kind of secret in a text, and nothing shorter', () => {
    const found = (text: string) => tokenPattern.exec(text)?.[0]
    const secret = createOpaqueToken('cs')
    const refreshToken = `flc_rt_${'a'.repeat(72)}_000000`
    expect(found(`SECRET="${secret}"`)).toBe(secret)
    expect(found(`x=${refreshToken}&y`)).toBe(refreshToken)
    expect(found(secret.slice(0, -1))).toBeUndefined()
    expect(found('flc_xx_'.padEnd(60, 'a'))).toBeUndefined()
    expect(tokenPattern.flags).toBe('')
  })
})

it('a random secret is base64url of as many bytes as asked', () => {
  expect(Buffer.from(randomSecret(), 'base64url')).toHaveLength(32)
  expect(Buffer.from(randomSecret(16), 'base64url')).toHaveLength(16)
  expect(randomSecret()).not.toBe(randomSecret())
})
