import { createHmac, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../../src/crypto/hash.ts'
import { deriveKey } from '../../../src/crypto/master-keys.ts'
import { checksum, tokenPattern } from '../../../src/crypto/opaque-token.ts'
import { createRefreshTokens } from '../../../src/crypto/refresh-token.ts'

const grantId = '0190f3c1-7d2a-7c3e-8f10-0123456789ab'
const masterKey = (index: number) => sha256(`master key ${index}`)
const keyIdOf = (master: Buffer) => sha256(deriveKey(master, 'refresh token')).readUInt8(0)
const [older, newer] = [masterKey(1), masterKey(2)]
const tokens = createRefreshTokens([older])
const { nonce } = tokens.newNonce()
const token = tokens.encode({ grantId, nonce, generation: 7 })

/** A token with these bytes whose checksum is right, as a forger would write it. */
function write(bytes: Buffer): string {
  const body = `flc_rt_${bytes.toString('base64url')}`
  return `${body}_${checksum(body)}`
}

const bytesOf = (text: string) => Buffer.from(text.slice(7, 79), 'base64url')

describe('a refresh token', () => {
  it('says what it was made of', () => {
    expect(tokens.parse(token)).toEqual({
      grantId,
      nonce,
      nonceHash: sha256(nonce),
      generation: 7,
      keyId: keyIdOf(older),
    })
  })

  it('is 86 characters that a secret scanner finds', () => {
    expect(token).toHaveLength(86)
    expect(tokenPattern.exec(`"${token}"`)?.[0]).toBe(token)
  })

  it('is the same string for the same parts: a retry gets what was lost', () => {
    expect(tokens.encode({ grantId, nonce, generation: 7 })).toBe(token)
    expect(tokens.encode({ grantId, nonce, generation: 8 })).not.toBe(token)
  })

  it('has the layout version, key id, grant, nonce, generation, HMAC', () => {
    const bytes = bytesOf(token)
    const signed = Buffer.concat([
      Buffer.of(1, keyIdOf(older)),
      Buffer.from(grantId.replaceAll('-', ''), 'hex'),
      nonce,
      Buffer.of(0, 0, 0, 7),
    ])
    const tag = createHmac('sha256', deriveKey(older, 'refresh token')).update(signed).digest().subarray(0, 16)
    expect(bytes).toEqual(Buffer.concat([signed, tag]))
  })

  it.each([0, 1, 0x7fffffff, 0xffffffff])('carries generation %d', (generation) => {
    expect(tokens.parse(tokens.encode({ grantId, nonce, generation }))?.generation).toBe(generation)
  })

  it('comes back from any grant and nonce', () => {
    for (let round = 0; round < 500; round++) {
      const id = crypto.randomUUID()
      const { nonce: random } = tokens.newNonce()
      const parsed = tokens.parse(tokens.encode({ grantId: id, nonce: random, generation: round }))
      expect([parsed?.grantId, parsed?.nonce, parsed?.generation]).toEqual([id, random, round])
    }
  })

  it('is not made of parts that do not fit', () => {
    for (const generation of [-1, 2 ** 32, 1.5, Number.NaN])
      expect(() => tokens.encode({ grantId, nonce, generation })).toThrow()
    for (const id of ['', 'x', grantId.toUpperCase(), `${grantId}0`, grantId.replace('0', 'g')])
      expect(() => tokens.encode({ grantId: id, nonce, generation: 1 })).toThrow()
    expect(() => tokens.encode({ grantId, nonce: randomBytes(15), generation: 1 })).toThrow()
    expect(() => tokens.encode({ grantId, nonce, generation: 1, keyId: keyIdOf(older) ^ 1 })).toThrow('key id')
  })
})

describe('a forged refresh token', () => {
  it('is refused when it was cut anywhere', () => {
    for (let length = 0; length < token.length; length++) {
      expect(tokens.parse(token.slice(0, length)), `first ${length}`).toBeUndefined()
      expect(tokens.parse(token.slice(token.length - length)), `last ${length}`).toBeUndefined()
      expect(tokens.parse(token.slice(0, length) + token.slice(length + 1)), `without ${length}`).toBeUndefined()
    }
  })

  it('is refused with any one bit of its text flipped', () => {
    for (let index = 0; index < token.length; index++)
      for (let bit = 0; bit < 8; bit++) {
        const flipped = String.fromCharCode(token.charCodeAt(index) ^ (1 << bit))
        expect(tokens.parse(token.slice(0, index) + flipped + token.slice(index + 1))).toBeUndefined()
      }
  })

  it('is refused with any one bit of its bytes flipped, although its checksum is right', () => {
    for (let bit = 0; bit < 54 * 8; bit++) {
      const bytes = bytesOf(token)
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(tokens.parse(write(bytes)), `bit ${bit}`).toBeUndefined()
    }
    expect(tokens.parse(write(bytesOf(token)))).toBeDefined()
  })

  it('is refused when its bytes are fewer or more, although its checksum is right', () => {
    for (let length = 0; length < 60; length++)
      if (length !== 54)
        expect(tokens.parse(write(Buffer.concat([bytesOf(token), randomBytes(6)], length)))).toBeUndefined()
  })

  it('is refused in every other spelling of the same bytes', () => {
    const body = token.slice(0, 79)
    const respelled = [
      body.replaceAll('-', '+').replaceAll('_', '/').replace('flc/rt/', 'flc_rt_'),
      `${body.slice(0, 30)} ${body.slice(30)}`,
      `${body.slice(0, 78)}=`,
      `${body}=`,
      body.replace('flc_rt_', 'FLC_RT_'),
    ].filter((other) => other !== body)
    for (const other of respelled) expect(tokens.parse(`${other}_${checksum(other)}`), other).toBeUndefined()
    for (const extra of [' ', '\n', '\0', '=', 'a']) {
      expect(tokens.parse(token + extra)).toBeUndefined()
      expect(tokens.parse(extra + token)).toBeUndefined()
    }
  })

  it('never takes plain base64 for base64url', () => {
    const withDash = Array.from({ length: 1000 }, (_, generation) => tokens.encode({ grantId, nonce, generation }))
    const body = withDash.map((text) => text.slice(0, 79)).find((text) => text.includes('-'))
    const plain = body?.replaceAll('-', '+') ?? ''
    expect(plain).toContain('+')
    expect(tokens.parse(`${plain}_${checksum(plain)}`)).toBeUndefined()
  })

  it('is refused when its key is ours but its tag is not, whatever the tag', () => {
    for (const tag of [Buffer.alloc(16), Buffer.alloc(16, 255), randomBytes(16)])
      expect(tokens.parse(write(Buffer.concat([bytesOf(token).subarray(0, 38), tag])))).toBeUndefined()
  })

  it('is refused in a version that we do not write, although its tag is right', () => {
    const signed = bytesOf(token).subarray(0, 38)
    const tagged = (version: number) => {
      signed[0] = version
      const tag = createHmac('sha256', deriveKey(older, 'refresh token')).update(signed).digest().subarray(0, 16)
      return write(Buffer.concat([signed, tag]))
    }
    expect(tokens.parse(tagged(1))).toBeDefined()
    for (const version of [0, 2, 255]) expect(tokens.parse(tagged(version))).toBeUndefined()
  })

  it('is refused for garbage of any size', () => {
    for (const text of ['', 'flc_rt_', 'x'.repeat(86), '\ud800'.repeat(86), `flc_rt_${'A'.repeat(72)}_000000`, 'a.b.c'])
      expect(tokens.parse(text)).toBeUndefined()
    expect(tokens.parse('flc_rt_'.padEnd(1_000_000, 'A'))).toBeUndefined()
  })

  it('is refused as another kind of secret', () => {
    const body = token.slice(0, 79).replace('_rt_', '_ac_')
    expect(tokens.parse(`${body}_${checksum(body)}`)).toBeUndefined()
  })
})

describe('rotation of the master keys', () => {
  const rotated = createRefreshTokens([newer, older])

  it('keeps old tokens good and makes new ones with the first key', () => {
    expect(rotated.parse(token)).toEqual(tokens.parse(token))
    expect(rotated.parse(rotated.encode({ grantId, nonce, generation: 8 }))?.keyId).toBe(keyIdOf(newer))
  })

  it('lets a retry under the old key be the same string', () => {
    expect(rotated.encode({ grantId, nonce, generation: 7, keyId: keyIdOf(older) })).toBe(token)
  })

  it('does not depend on the order of the keys', () => {
    expect(createRefreshTokens([older, newer]).parse(token)).toEqual(rotated.parse(token))
  })

  it('refuses tokens of a key that is no longer loaded', () => {
    expect(createRefreshTokens([newer]).parse(token)).toBeUndefined()
  })

  it('refuses to start with two keys of the same id, or with none', () => {
    const twin = Array.from({ length: 5000 }, (_, index) => masterKey(index + 3)).find(
      (candidate) => keyIdOf(candidate) === keyIdOf(older),
    )
    expect(() => createRefreshTokens([older, twin!])).toThrow('same refresh token key id')
    expect(() => createRefreshTokens([older, older])).toThrow('same refresh token key id')
    expect(() => createRefreshTokens([])).toThrow('MASTER_KEYS holds no key')
  })
})
