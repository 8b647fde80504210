import { expect, it } from 'vitest'
import { newJti } from '../../../src/crypto/jti.ts'

it('a token id is a UUIDv7 of its second, and no two are the same', () => {
  const iat = 1_795_340_205
  const ids = Array.from({ length: 1000 }, () => newJti(iat))
  expect(new Set(ids.map((id) => id.slice(19))).size).toBe(1000)
  for (const id of ids) {
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(iat * 1000)
  }
})
