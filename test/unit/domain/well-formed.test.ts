import { expect, it } from 'vitest'
import { isWellFormedText } from '../../../src/domain/well-formed.ts'

it.each(['', 'alice', 'ä', '😀', 'a\tb\r\n', '\u2028', '\ufffd', '"><script>'])('%j can be stored', (value) => {
  expect(isWellFormedText(value)).toBe(true)
})

it.each(['\0', 'a\0b', '\ud800', 'a\udfff', '\udc00\ud800', '😀\ud83d', '\ude00😀'])('%j cannot', (value) => {
  expect(isWellFormedText(value)).toBe(false)
})
