import { describe, expect, it } from 'vitest'
import { normalizeIdentifier } from '../../../src/domain/identifier.ts'

describe('user names and e-mail addresses are the same', () => {
  it.each([
    'Alice',
    'ALICE',
    'alice ',
    ' alice',
    'ａlice',
    'ＡＬＩＣＥ',
    'alice\u00a0',
    'al\u200bice',
    '\ufeffalice',
    'al\u00adice',
  ])('when one is written %j and the other alice', (written) => {
    expect(normalizeIdentifier(written)).toBe('alice')
  })

  it.each([
    ['a\u0301', 'á'],
    ['A\u0301', 'á'],
    ['STRASSE', 'straße'],
    ['STRAẞE', 'strasse'],
    ['ΟΔΟΣ', 'οδος'],
    ['οδοσ', 'οδος'],
    ['ﬁn', 'FIN'],
    ['K', 'k'],
    ['ſ', 's'],
    ['İ', 'i\u0307'],
    ['ǅ', 'ǆ'],
  ])('%s and %s', (one, other) => {
    expect(normalizeIdentifier(one)).toBe(normalizeIdentifier(other))
  })
})

it('the beginning of a name is the beginning of its normal form', () => {
  expect(normalizeIdentifier('ΟΔΥΣΣΕΑΣ').startsWith(normalizeIdentifier('ΟΔΥΣ'))).toBe(true)
})

describe('user names and e-mail addresses are not the same', () => {
  it.each([
    ['alıce', 'alice'],
    ['a', 'á'],
    ['a b', 'ab'],
    ['а', 'a'],
    ['alice', 'alice1'],
  ])('%s and %s', (one, other) => {
    expect(normalizeIdentifier(one)).not.toBe(normalizeIdentifier(other))
  })
})

it('an identifier that was normalised stays as it is, whatever its characters', () => {
  const unstable: string[] = []
  for (let code = 0; code < 0x20000; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue
    const once = normalizeIdentifier(`a${String.fromCodePoint(code)}B`)
    if (normalizeIdentifier(once) !== once) unstable.push(code.toString(16))
  }
  expect(unstable).toEqual([])
})

it('case never makes a difference, whatever the characters', () => {
  const different: string[] = []
  for (let code = 0; code < 0x20000; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue
    const character = String.fromCodePoint(code)
    if (normalizeIdentifier(character) !== normalizeIdentifier(character.toLowerCase())) different.push(character)
    if (character !== 'ı' && normalizeIdentifier(character) !== normalizeIdentifier(character.toUpperCase()))
      different.push(character)
  }
  expect(different).toEqual([])
})
