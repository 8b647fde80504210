import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type EntryKind, parseEntry } from '../src/entry.ts'
import { hashId } from '../src/id-hash.ts'
import { createKeyTable, segmentCount } from '../src/key-table.ts'
import { createRevocationSet, type RevocationSet, type TokenFacts } from '../src/revocation-set.ts'
import { entryKey } from './fake-issuer.ts'

const feedKey = Buffer.alloc(32, 7).toString('base64url')
const until = 2_000_000_000
const ids = [
  '0195a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b',
  '0195A1B2-C3D4-7E5F-8A9B-0C1D2E3F4A5C',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
]

const none: TokenFacts = {
  sid: undefined,
  gid: undefined,
  jti: undefined,
  sub: undefined,
  clientId: undefined,
  kid: undefined,
  rvp: 5,
  authTime: 1000,
}

function createSet(maxEntries = 1000): RevocationSet {
  const set = createRevocationSet(maxEntries)
  set.useFeedKey(feedKey)
  return set
}

function add(set: RevocationSet, position: number, kind: string, id: string, end = until, nb?: number): void {
  const entry = parseEntry([position, kind, entryKey(kind, id, feedKey), end, ...(nb === undefined ? [] : [nb])])
  if (!entry) throw new Error('The entry cannot be read')
  set.add(entry)
}

/** How a token names what an entry of that kind ends. */
const named = (kind: string, id: string): Partial<TokenFacts> =>
  ({ s: { sid: id }, g: { gid: id }, j: { jti: id }, u: { sub: id }, c: { clientId: id }, k: { kid: id }, a: {} })[
    kind
  ] ?? {}

describe('an entry', () => {
  it.each(['s', 'g', 'u', 'c', 'a'])('of kind %s ends what was minted below its position', (kind) => {
    for (const id of ids) {
      const set = createSet()
      add(set, 6, kind, id)
      expect(set.isRevoked({ ...none, ...named(kind, id), rvp: 5 })).toBe(true)
      expect(set.isRevoked({ ...none, ...named(kind, id), rvp: 6 })).toBe(false)
      if (kind !== 'a') expect(set.isRevoked({ ...none, ...named(kind, `${id.slice(0, -1)}0`), rvp: 5 })).toBe(false)
    }
  })

  it.each(['j', 'k'])('of kind %s ends it whatever its position is', (kind) => {
    const set = createSet()
    add(set, 6, kind, ids[0] ?? '', until, 10)
    expect(set.isRevoked({ ...none, ...named(kind, ids[0] ?? ''), rvp: 2 ** 52, authTime: 1e9 })).toBe(true)
  })

  it.each(['u', 'c', 'a'])('of kind %s with a not-before compares when the person signed in', (kind) => {
    const set = createSet()
    add(set, 6, kind, 'x', until, 1000)
    expect(set.isRevoked({ ...none, ...named(kind, 'x'), rvp: 2 ** 52, authTime: 999 })).toBe(true)
    expect(set.isRevoked({ ...none, ...named(kind, 'x'), rvp: 0, authTime: 1000 })).toBe(false)
  })

  it('matches its own kind only', () => {
    const set = createSet()
    add(set, 6, 's', ids[0] ?? '')
    expect(set.isRevoked({ ...none, gid: ids[0], jti: ids[0], sub: ids[0] })).toBe(false)
  })

  it('is not weakened by another one', () => {
    const set = createSet()
    add(set, 9, 'u', 'x')
    add(set, 6, 'u', 'x')
    add(set, 7, 'u', 'x', until, 10)
    expect(set.isRevoked({ ...none, sub: 'x', rvp: 8 })).toBe(true)
  })

  it.each([
    ['too short', [1, 's', 'AAAAAAAAAAA']],
    ['an unknown kind', [1, 't', 'AAAAAAAAAAA', until]],
    ['a key of seven bytes', [1, 's', 'AAAAAAAAAA', until]],
    ['a fractional position', [1.5, 's', 'AAAAAAAAAAA', until]],
    ['a position beyond 2^53', [2 ** 53, 's', 'AAAAAAAAAAA', until]],
    ['no time', [1, 's', 'AAAAAAAAAAA', null]],
    ['a text as not-before', [1, 'u', 'AAAAAAAAAAA', until, 'x']],
  ])('that is %s is not taken', (_, value) => {
    expect(parseEntry(value)).toBeUndefined()
  })
})

describe('the set', () => {
  it('agrees with a plain list, whatever comes in which order', () => {
    const kind = fc.constantFrom<EntryKind>('s', 'g', 'j', 'u', 'c', 'k', 'a')
    const id = fc.constantFrom(...ids)
    const end = fc.integer({ min: 100, max: 110 })
    const entry = fc.tuple(fc.nat(20), kind, id, end, fc.option(fc.nat(20), { nil: undefined }))
    const facts = fc.record({
      sid: id,
      gid: id,
      jti: id,
      sub: id,
      clientId: id,
      kid: id,
      rvp: fc.nat(20),
      authTime: fc.nat(20),
    })
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), facts, (entries, token) => {
        const set = createSet()
        for (const [position, kind, id, end, nb] of entries) add(set, position, kind, id, end, nb)
        const expected = entries.some(([position, kind, id, , nb]) => {
          const isId = 'sgj'.includes(kind)
          const isNamed = Object.entries(named(kind, id)).every(([name, value]) => {
            const actual = String(token[name as keyof typeof token])
            return isId ? actual.toLowerCase() === String(value).toLowerCase() : actual === value
          })
          if (!isNamed) return false
          if (kind === 'j' || kind === 'k') return true
          return nb === undefined ? token.rvp < position : token.authTime < nb
        })
        expect(set.isRevoked(token)).toBe(expected)
      }),
      { numRuns: 2000 },
    )
  })

  it('that is full says so until what it lacks is over, and drops nothing', () => {
    const set = createSet(2)
    for (const [index, id] of ids.entries()) add(set, 6, 's', id, 1000 + index)
    expect(set).toMatchObject({ size: 2, isComplete: false })
    add(set, 9, 's', ids[0] ?? '', 1000)
    expect(set.isRevoked({ ...none, sid: ids[0], rvp: 8 })).toBe(true)
    set.forget(1002)
    expect(set).toMatchObject({ size: 0, isComplete: false })
    set.forget(1003)
    expect(set.isComplete).toBe(true)
  })

  it('lets go of a feed key with its last entry', () => {
    const set = createSet()
    add(set, 6, 'u', 'x', 1000)
    set.useFeedKey(Buffer.alloc(32, 9).toString('base64url'))
    expect(set.isRevoked({ ...none, sub: 'x' })).toBe(true)
    set.forget(1001)
    expect(set.isRevoked({ ...none, sub: 'x' })).toBe(false)
    expect(set.size).toBe(0)
  })

  it('hashes as the page says', () => {
    const { high, low } = hashId(Buffer.from(feedKey, 'base64url'), 'u', 'x')
    const bytes = Buffer.from(entryKey('u', 'x', feedKey), 'base64url')
    expect([high, low]).toEqual([bytes.readUInt32BE(0), bytes.readUInt32BE(4)])
  })
})

describe('a table', () => {
  it('agrees with a map through growing, forgetting and growing again, and gives memory back', () => {
    const table = createKeyTable()
    const model = new Map<string, { value: number; until: number }>()
    let seed = 1
    const random = () => (seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0)
    for (let count = 0; count < 50_000; count++) {
      const [high, low] = [random(), random() % 7]
      const end = 1000 + (count % 10)
      table.add(high, low, count, end, true)
      model.set(`${high} ${low}`, { value: count, until: end })
    }
    const check = () => {
      for (const [key, { value }] of model) {
        const [high = 0, low = 0] = key.split(' ').map(Number)
        if (table.find(high, low) !== value) throw new Error(`${key} is ${table.find(high, low)} and not ${value}`)
      }
      expect(table.size).toBe(model.size)
    }
    check()
    for (let part = 0; part < segmentCount; part++) table.forget(1005, part)
    for (const [key, { until }] of model) if (until < 1005) model.delete(key)
    check()
    for (let part = 0; part < segmentCount; part++) table.forget(1010, part)
    expect(table).toMatchObject({ size: 0, bytes: 0 })
  })
})
