import { describe, expect, it } from 'vitest'
import { isCodeChallenge, isCodeVerifier } from '../../../src/domain/pkce.ts'

// RFC 7636 appendix B
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

describe('PKCE (RFC 7636 §4.1, §4.2)', () => {
  it('takes the example of the RFC', () => {
    expect(isCodeVerifier(verifier)).toBe(true)
    expect(isCodeChallenge(challenge)).toBe(true)
  })

  it('has verifiers of 43 to 128 unreserved characters', () => {
    for (const [length, valid] of [
      [0, false],
      [42, false],
      [43, true],
      [128, true],
      [129, false],
    ] as const)
      expect(isCodeVerifier('a'.repeat(length)), String(length)).toBe(valid)
    expect(isCodeVerifier(`-._~${'a'.repeat(39)}`)).toBe(true)
    for (const bad of ['+', '/', '=', ' ', '\n', '%', 'ä', '\0'])
      expect(isCodeVerifier(`${'a'.repeat(43)}${bad}`), bad).toBe(false)
  })

  it('has challenges of exactly 43 base64url characters', () => {
    for (const bad of [
      challenge.slice(1),
      `${challenge}a`,
      `${challenge}=`,
      `${challenge}\n`,
      challenge.replace('-', '+'),
    ])
      expect(isCodeChallenge(bad), bad).toBe(false)
    for (const bad of ['.', '~', '/', ' ', 'ä']) expect(isCodeChallenge(`${challenge.slice(1)}${bad}`), bad).toBe(false)
    expect(isCodeChallenge('')).toBe(false)
  })
})
