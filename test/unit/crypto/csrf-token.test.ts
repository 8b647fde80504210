import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createCsrfTokens } from '../../../src/crypto/csrf-token.ts'

const [older, newer] = [randomBytes(32), randomBytes(32)]
const csrf = createCsrfTokens([older])

describe('a form token', () => {
  const token = csrf.issue('login:abc')

  it('is good for its subject', () => {
    expect(csrf.check('login:abc', token)).toBe(true)
  })

  it.each(['login:abd', 'login:ab', 'consent:abc', '', 'LOGIN:ABC'])('is not good for %j', (subject) => {
    expect(csrf.check(subject, token)).toBe(false)
  })

  it('is refused when it is missing, cut, changed or extended', () => {
    expect(csrf.check('login:abc', undefined)).toBe(false)
    for (let length = 0; length < token.length; length++) {
      expect(csrf.check('login:abc', token.slice(0, length))).toBe(false)
      const flipped = String.fromCharCode(token.charCodeAt(length) ^ 1)
      expect(csrf.check('login:abc', token.slice(0, length) + flipped + token.slice(length + 1))).toBe(false)
    }
    for (const extra of ['=', ' ', '\0', 'a', 'ä']) expect(csrf.check('login:abc', token + extra)).toBe(false)
    expect(csrf.check('login:abc', 'x'.repeat(100_000))).toBe(false)
  })

  it('outlives a rotation of the master keys and not the removal of its key', () => {
    expect(createCsrfTokens([newer, older]).check('login:abc', token)).toBe(true)
    expect(createCsrfTokens([newer]).check('login:abc', token)).toBe(false)
    expect(createCsrfTokens([newer, older]).issue('login:abc')).not.toBe(token)
  })

  it('needs a master key', () => {
    expect(() => createCsrfTokens([])).toThrow('MASTER_KEYS holds no key')
  })
})
