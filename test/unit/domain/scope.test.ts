import { describe, expect, it } from 'vitest'
import { formatScope, identityScopes, isSubset, parseScope } from '../../../src/domain/scope.ts'

describe('the scope parameter (RFC 6749 §3.3)', () => {
  it('is a list of tokens, in order and once each', () => {
    expect(parseScope('openid profile openid orders:read')).toEqual(['openid', 'profile', 'orders:read'])
  })

  it('may be empty', () => {
    expect(parseScope('')).toEqual([])
  })

  it.each([' ', 'a  b', ' a', 'a ', 'a\tb', 'a\nb', 'a"b', 'a\\b', 'ä', 'a\0', 'a\u00a0b'])('refuses %j', (value) => {
    expect(parseScope(value)).toBeUndefined()
  })

  it('keeps every character that the grammar allows', () => {
    const all = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).filter(
      (c) => !/["\\]/.test(c),
    )
    expect(parseScope(all.join(''))).toEqual([all.join('')])
  })

  it('has at most 50 items and 2048 characters', () => {
    const items = Array.from({ length: 50 }, (_, index) => `s${index}`)
    expect(parseScope(items.join(' '))).toHaveLength(50)
    expect(parseScope([...items, 's50'].join(' '))).toBeUndefined()
    expect(parseScope('a'.repeat(2048))).toHaveLength(1)
    expect(parseScope('a'.repeat(2049))).toBeUndefined()
  })

  it('refuses a hundred thousand words', () => {
    expect(parseScope('word '.repeat(100_000))).toBeUndefined()
  })

  it('is written back with single spaces', () => {
    expect(formatScope(['openid', 'email'])).toBe('openid email')
    expect(formatScope([])).toBe('')
  })

  it('compares as sets', () => {
    expect(isSubset(['b', 'a'], ['a', 'b', 'c'])).toBe(true)
    expect(isSubset([], [])).toBe(true)
    expect(isSubset(['a', 'd'], ['a', 'b', 'c'])).toBe(false)
    expect(isSubset(['A'], ['a'])).toBe(false)
  })

  it('has identity scopes that are well-formed themselves', () => {
    expect(parseScope(formatScope(identityScopes))).toEqual([...identityScopes])
  })
})
