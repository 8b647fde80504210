import { describe, expect, it } from 'vitest'
import { deriveKey, generateMasterKey, parseMasterKeys } from '../../../src/crypto/master-keys.ts'

const [first, second] = [generateMasterKey(), generateMasterKey()]

describe('MASTER_KEYS', () => {
  it('is a list of base64url keys, the first one first', () => {
    expect(parseMasterKeys(`${first},${second}`).map((key) => key.toString('base64url'))).toEqual([first, second])
    expect(parseMasterKeys(` ${first} , ${second}\n`)).toHaveLength(2)
  })

  it.each([
    ['nothing', '', 1],
    ['a trailing comma', `${first},`, 2],
    ['31 bytes', `${first},${Buffer.alloc(31).toString('base64url')}`, 2],
    ['33 bytes', Buffer.alloc(33).toString('base64url'), 1],
    ['padding', `${first}=`, 1],
    ['plain base64', `${first},${'+/'.repeat(21)}A`, 2],
    ['hex', 'ab'.repeat(32), 1],
    ['spare bits', `${'A'.repeat(42)}B`, 1],
    ['the same key twice', `${second},${first},${second}`, 3],
  ])('with %s is refused by position', (_, text, position) => {
    expect(() => parseMasterKeys(text)).toThrow(`MASTER_KEYS: key ${position} `)
  })

  it('is never repeated in a message', () => {
    const secret = `${first.slice(0, 30)}!`
    expect(() => parseMasterKeys(secret)).toThrow(expect.not.stringContaining(secret.slice(0, 8)))
  })
})

describe('a derived key', () => {
  const master = Buffer.alloc(32, 7)

  it('depends on the master key and on the purpose', () => {
    const keys = [deriveKey(master, 'a'), deriveKey(master, 'b'), deriveKey(Buffer.alloc(32, 8), 'a')]
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(3)
    expect(deriveKey(master, 'a')).toEqual(keys[0])
  })

  it('has the length that was asked for', () => {
    expect(deriveKey(master, 'a')).toHaveLength(32)
    expect(deriveKey(master, 'a', 64)).toHaveLength(64)
  })

  it('never changes between releases: what was sealed or issued under it must stay readable', () => {
    expect(deriveKey(master, 'refresh token').toString('hex')).toMatchInlineSnapshot(
      `"048ca7d1547e0d2b7bcb1492df14f6211922ca3459c6fb6c11c8b0a29fef52c6"`,
    )
    expect(deriveKey(master, 'seal').toString('hex')).toMatchInlineSnapshot(
      `"48f4308dc3334b1c5e39800efff4d050f8d426ba27ddf3813de2e7e0cfd7bf76"`,
    )
  })
})
