import { createHmac, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createMac } from '../../../src/crypto/mac.ts'

describe('a MAC', () => {
  it('gives the known answers (RFC 4231 §4.2, §4.3, §4.4)', () => {
    const tag = (key: Buffer, message: Buffer) => createMac(key)(message).toString('hex')
    expect(tag(Buffer.alloc(20, 0x0b), Buffer.from('Hi There'))).toBe(
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    )
    expect(tag(Buffer.from('Jefe'), Buffer.from('what do ya want for nothing?'))).toBe(
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    )
    expect(tag(Buffer.alloc(20, 0xaa), Buffer.alloc(50, 0xdd))).toBe(
      '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe',
    )
  })

  it('is that of node:crypto for keys and messages of any length', () => {
    for (let i = 0; i < 500; i++) {
      const key = randomBytes(i % 65)
      const message = randomBytes(i)
      expect(createMac(key)(message)).toEqual(createHmac('sha256', key).update(message).digest())
    }
  })

  it('keeps what it made: the next message changes nothing of it', () => {
    const mac = createMac(randomBytes(32))
    const first = mac(Buffer.from('first'))
    const copy = Buffer.from(first)
    mac(Buffer.from('second'))
    expect(first).toEqual(copy)
  })

  it('refuses a key that is longer than a block', () => {
    expect(() => createMac(randomBytes(65))).toThrow(RangeError)
  })
})
