import { describe, expect, it } from 'vitest'
import { createCursors } from '../../../src/crypto/cursor.ts'

const oldKey = Buffer.alloc(32, 1)
const newKey = Buffer.alloc(32, 2)

describe('a cursor', () => {
  const cursors = createCursors([oldKey])

  it('gives back its position', () => {
    const position = ['2026-11-21T00:00:00Z', 'ü"\n']
    expect(cursors.read('users', cursors.write('users', position))).toEqual(position)
  })

  it('is good for its own list only', () => {
    const cursor = cursors.write('users', ['id'])
    expect(cursors.read('clients', cursor)).toBeUndefined()
    expect(cursors.read('user', cursor)).toBeUndefined()
  })

  it('cannot be changed or made by others', () => {
    const [payload = '', signature = ''] = cursors.write('users', ['a']).split('.')
    const other = Buffer.from('["b"]').toString('base64url')
    for (const forged of [
      `${other}.${signature}`,
      `${payload}.`,
      payload,
      `${payload}.${signature}.${signature}`,
      `${payload}.${signature.slice(1)}`,
      '',
      '.',
      'x'.repeat(10_000),
      createCursors([newKey]).write('users', ['a']),
    ])
      expect(cursors.read('users', forged)).toBeUndefined()
  })

  it('lives on when a new master key comes first', () => {
    const rotated = createCursors([newKey, oldKey])
    expect(rotated.read('users', cursors.write('users', ['a']))).toEqual(['a'])
    expect(cursors.read('users', rotated.write('users', ['a']))).toBeUndefined()
  })

  it('needs a master key', () => {
    expect(() => createCursors([])).toThrow('MASTER_KEYS holds no key')
  })
})
