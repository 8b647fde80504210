import { availableParallelism } from 'node:os'
import argon2 from 'argon2'
import { describe, expect, it, vi } from 'vitest'
import { createPasswordHasher, hashesAtOnce, maxPasswordBytes } from '../../../src/crypto/password-hash.ts'
import { Unavailable } from '../../../src/domain/unavailable.ts'

const settings = { memoryKib: 64, time: 1, parallelism: 1, concurrency: 2, queueLimit: 64 }
const hasher = createPasswordHasher(settings)
const refused = { ok: false, needsRehash: false }

describe('a stored password', () => {
  it('is argon2id with the parameters of today and a salt of its own', async () => {
    const [one, two] = [await hasher.hash('correct horse'), await hasher.hash('correct horse')]
    expect(one).toMatch(/^\$argon2id\$v=19\$m=64,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    expect(one).not.toBe(two)
  })

  it('fits its password, byte for byte', async () => {
    const phc = await hasher.hash('correct horse ')
    expect(await hasher.verify(phc, 'correct horse ')).toEqual({ ok: true, needsRehash: false })
    for (const wrong of ['correct horse', 'Correct horse ', ' correct horse ', 'correct horse \0', ''])
      expect(await hasher.verify(phc, wrong), JSON.stringify(wrong)).toEqual(refused)
  })

  it('is not truncated: bytes after the 72nd and after a NUL count', async () => {
    const long = 'a'.repeat(200)
    const phc = await hasher.hash(`${long}\0x`)
    expect(await hasher.verify(phc, `${long}\0x`)).toMatchObject({ ok: true })
    expect(await hasher.verify(phc, `${long}\0y`)).toEqual(refused)
    expect(await hasher.verify(phc, long)).toEqual(refused)
  })

  it('asks to be hashed again when the parameters have changed, and only when it fits', async () => {
    const phc = await hasher.hash('correct horse')
    for (const changed of [{ memoryKib: 128 }, { time: 2 }, { parallelism: 2 }]) {
      const later = createPasswordHasher({ ...settings, ...changed })
      expect(await later.verify(phc, 'correct horse')).toEqual({ ok: true, needsRehash: true })
      expect(await later.verify(phc, 'wrong')).toEqual(refused)
    }
  })

  it('made elsewhere with affordable parameters fits too', async () => {
    const phc = await argon2.hash('imported', { type: argon2.argon2id, memoryCost: 256, timeCost: 2, parallelism: 2 })
    expect(await hasher.verify(phc, 'imported')).toEqual({ ok: true, needsRehash: true })
  })
})

describe('the length of a password', () => {
  it('is at most 1024 bytes, not characters', async () => {
    const longest = 'ä'.repeat(maxPasswordBytes / 2)
    const phc = await hasher.hash(longest)
    expect(await hasher.verify(phc, longest)).toMatchObject({ ok: true })
    expect(await hasher.verify(phc, `${longest}a`)).toEqual(refused)
    await expect(hasher.hash(`${longest}a`)).rejects.toThrow(RangeError)
  })

  it('does not buy more work: a megabyte is hashed as nothing', async () => {
    const verify = vi.spyOn(argon2, 'verify')
    expect(await hasher.verify(await hasher.hash('x'), 'a'.repeat(1_000_000))).toEqual(refused)
    expect(verify).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('m=64,t=1,p=1'), '')
    verify.mockRestore()
  })
})

describe('a password of nobody', () => {
  it.each([
    ['no user', undefined],
    ['a user without a password', null],
    ['an empty hash', ''],
    ['garbage', 'not a hash'],
    ['bcrypt', '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'],
    ['argon2i', '$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A'],
    ['too much memory', '$argon2id$v=19$m=262145,t=1,p=1$c29tZXNhbHQ$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A'],
    ['4 GiB', '$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A'],
    ['memory beyond any number', '$argon2id$v=19$m=99999999999999,t=1,p=1$c29tZXNhbHQ$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6'],
    ['too many passes', '$argon2id$v=19$m=64,t=11,p=1$c29tZXNhbHQ$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A'],
    ['too many lanes', '$argon2id$v=19$m=256,t=1,p=17$c29tZXNhbHQ$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A'],
    ['too little memory', '$argon2id$v=19$m=8,t=1,p=4$c29tZXNhbHQ$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A'],
    ['no passes', '$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A'],
    ['an old version', '$argon2id$v=16$m=64,t=1,p=1$c29tZXNhbHQ$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A'],
    ['a hash of no bytes', '$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$'],
    ['a salt of no bytes', '$argon2id$v=19$m=64,t=1,p=1$$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A'],
    ['extra data', '$argon2id$v=19$m=64,t=1,p=1,data=AAAA$c29tZXNhbHQ$iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A'],
  ])('never fits and costs one verification with the parameters of today: %s (model-hotel#552)', async (_, phc) => {
    const verify = vi.spyOn(argon2, 'verify')
    expect(await hasher.verify(phc, 'whatever')).toEqual(refused)
    expect(verify).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(/^\$argon2id\$v=19\$m=64,t=1,p=1\$/),
      'whatever',
    )
    verify.mockRestore()
  })
})

describe('a rush of logins', () => {
  it('hashes a few at once, lets some wait and sends the others away (keycloak#28477, alexedwards/argon2id#35, Rackula#2921)', async () => {
    const busy = createPasswordHasher({ ...settings, concurrency: 1, queueLimit: 3 })
    const attempts = Array.from({ length: 10 }, () => busy.verify(null, 'x'))
    expect(busy.waiting()).toBe(3)
    const results = await Promise.allSettled(attempts)
    expect(results.map((result) => result.status)).toEqual([
      ...Array.from({ length: 4 }, () => 'fulfilled'),
      ...Array.from({ length: 6 }, () => 'rejected'),
    ])
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toBeInstanceOf(Unavailable)
    expect(busy.waiting()).toBe(0)
    expect(await busy.verify(null, 'x')).toEqual(refused)
  })
})

describe('how many hashes run at once', () => {
  const gib = 1024 ** 3
  const alone = { threads: 8, processes: 1 }
  const machine = { cores: 2, memoryBytes: 8 * gib }

  it.each([
    ['one per core', alone, machine, 2],
    ['all but one of the threads, which DNS and files need too', alone, { ...machine, cores: 64 }, 7],
    [
      'as many as fit into half of the memory',
      { ...alone, threads: 64 },
      { ...machine, cores: 64, memoryBytes: gib / 4 },
      6,
    ],
    ['one, where there is one thread', { ...alone, threads: 1 }, machine, 1],
    ['one, where there is hardly memory', alone, { ...machine, memoryBytes: gib / 64 }, 1],
    ['a share of the cores, where processes share them', { ...alone, processes: 4 }, { ...machine, cores: 16 }, 4],
    ['one, where there are more processes than cores', { ...alone, processes: 4 }, machine, 1],
    ['a share of the memory, too', { threads: 64, processes: 3 }, { ...machine, cores: 64, memoryBytes: gib / 4 }, 2],
  ])('is %s', (_, sharing, given, expected) => {
    expect(hashesAtOnce(19_456, sharing, given)).toBe(expected)
  })

  it('comes from the machine that this process may use', () => {
    expect(hashesAtOnce(19_456, alone)).toBeGreaterThanOrEqual(1)
    expect(hashesAtOnce(19_456, alone)).toBeLessThanOrEqual(availableParallelism())
    expect(hashesAtOnce(1024 ** 4, alone)).toBe(1)
  })
})
