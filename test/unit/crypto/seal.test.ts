import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createSeal } from '../../../src/crypto/seal.ts'

const [older, newer, other] = [randomBytes(32), randomBytes(32), randomBytes(32)]
const seal = createSeal([older])
const plaintext = Buffer.from('-----BEGIN PRIVATE KEY-----')

describe('a sealed value', () => {
  it('opens to what it was, in the same context', () => {
    expect(seal.open(seal.seal(plaintext, 'signing key k1'), 'signing key k1')).toEqual(plaintext)
    expect(seal.open(seal.seal(Buffer.alloc(0), ''), '')).toEqual(Buffer.alloc(0))
    expect(seal.open(new Uint8Array(seal.seal(plaintext, 'x')), 'x')).toEqual(plaintext)
  })

  it('is new every time and shows nothing of its content', () => {
    const [one, two] = [seal.seal(plaintext, 'x'), seal.seal(plaintext, 'x')]
    expect(one.subarray(9)).not.toEqual(two.subarray(9))
    expect(one.includes(plaintext.subarray(0, 8))).toBe(false)
  })

  it('does not open in another context: rows cannot be swapped', () => {
    const sealed = seal.seal(plaintext, 'signing key k1')
    for (const context of ['signing key k2', 'signing key k', 'signing key k1 ', ''])
      expect(() => seal.open(sealed, context), context).toThrow('altered or belongs elsewhere')
  })

  it('does not open when any single bit was changed', () => {
    const sealed = seal.seal(plaintext, 'x')
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const flipped = Buffer.from(sealed)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(() => seal.open(flipped, 'x'), `bit ${bit}`).toThrow()
    }
  })

  it('does not open when it was cut at either end', () => {
    const sealed = seal.seal(plaintext, 'x')
    for (let length = 0; length < sealed.length; length++) {
      expect(() => seal.open(sealed.subarray(0, length), 'x'), `first ${length}`).toThrow()
      expect(() => seal.open(sealed.subarray(sealed.length - length), 'x'), `last ${length}`).toThrow()
    }
    expect(() => seal.open(Buffer.concat([sealed, Buffer.of(0)]), 'x')).toThrow()
  })

  it('does not take the data key of another value', () => {
    const [one, two] = [seal.seal(plaintext, 'x'), seal.seal(plaintext, 'x')]
    expect(() => seal.open(Buffer.concat([one.subarray(0, 69), two.subarray(69)]), 'x')).toThrow()
  })
})

describe('rotation of the master keys', () => {
  const sealed = seal.seal(plaintext, 'x')

  it('keeps what was sealed readable while the old key is loaded, and says that it is old', () => {
    const rotated = createSeal([newer, older])
    expect(rotated.open(sealed, 'x')).toEqual(plaintext)
    expect(rotated.isCurrent(sealed)).toBe(false)
    expect(rotated.isCurrent(rotated.seal(rotated.open(sealed, 'x'), 'x'))).toBe(true)
    expect(seal.isCurrent(sealed)).toBe(true)
  })

  it('says which setting lacks the key when the old one is gone', () => {
    expect(() => createSeal([newer, other]).open(sealed, 'signing key k1')).toThrow(
      'MASTER_KEYS does not hold the key that sealed signing key k1',
    )
  })

  it('needs a key', () => {
    expect(() => createSeal([])).toThrow('MASTER_KEYS holds no key')
  })
})

it('what was never sealed is neither opened nor current', () => {
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(9), Buffer.alloc(200), randomBytes(200), plaintext]) {
    expect(() => seal.open(bytes, 'x')).toThrow()
    expect(seal.isCurrent(bytes)).toBe(false)
  }
})
