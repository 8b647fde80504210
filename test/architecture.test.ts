import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'

/** What each room may import: rooms below it, and packages. Imports only go down. */
const rooms: Record<string, { rooms: string[]; packages: string[] }> = {
  domain: { rooms: [], packages: [] },
  settings: { rooms: ['domain'], packages: [] },
  crypto: { rooms: ['domain'], packages: ['jose', 'argon2', 'lru-cache', 'node:crypto'] },
  store: { rooms: ['domain'], packages: ['kysely', 'pg', 'lru-cache'] },
  outbound: { rooms: ['domain'], packages: ['undici', 'ipaddr.js'] },
  protocol: { rooms: ['store', 'crypto', 'domain'], packages: [] },
  login: { rooms: ['store', 'crypto', 'domain'], packages: [] },
  admin: { rooms: ['protocol', 'store', 'outbound', 'crypto', 'settings', 'domain'], packages: ['yaml', 'bowser'] },
  http: {
    rooms: ['admin', 'protocol', 'login', 'crypto', 'settings', 'domain'],
    packages: ['fastify', 'ajv', 'preact', 'preact-render-to-string'],
  },
}

/** What Node brings is free to every room but the domain, except keys and randomness. */
const isFree = (room: string, specifier: string): boolean =>
  room !== 'domain' && specifier.startsWith('node:') && specifier !== 'node:crypto'

interface Source {
  readonly file: string
  readonly room: string
  readonly text: string
  readonly imports: string[]
}

const root = path.resolve(import.meta.dirname, '../src')
const importPattern = /(?:from|import)\s*\(?\s*'([^'\s,]+)'/g

const sources: Source[] = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file))
  .map((file) => file.split(path.sep).join('/'))
  .map((file) => {
    const text = readFileSync(path.join(root, file), 'utf8')
    return {
      file,
      text,
      room: file.includes('/') ? (file.split('/')[0] ?? '') : '',
      imports: [...text.matchAll(importPattern)].map((match) => match[1] ?? ''),
    }
  })

const inRooms = sources.filter(({ room }) => Object.hasOwn(rooms, room))

/** The room that a relative import leads to; the file's own room for a neighbour. */
const targetRoom = (source: Source, specifier: string): string =>
  path.posix.join(path.posix.dirname(source.file), specifier).split('/')[0] ?? ''

const offences = (broken: (source: Source, specifier: string) => boolean): string[] =>
  inRooms.flatMap((source) =>
    source.imports
      .filter((specifier) => broken(source, specifier))
      .map((specifier) => `${source.file} -> ${specifier}`),
  )

describe('the house', () => {
  it('has imports that only go down', () => {
    const isUpward = (source: Source, specifier: string) => {
      if (!specifier.startsWith('.')) return false
      const target = targetRoom(source, specifier)
      return target !== source.room && !rooms[source.room]?.rooms.includes(target)
    }
    expect(offences(isUpward)).toEqual([])
  })

  it('keeps each package in the rooms that may touch it', () => {
    const isForeign = (source: Source, specifier: string) =>
      !specifier.startsWith('.') && !isFree(source.room, specifier) && !rooms[source.room]?.packages.includes(specifier)
    expect(offences(isForeign)).toEqual([])
  })

  it('hashes passwords in one file', () => {
    expect(inRooms.filter(({ imports }) => imports.includes('argon2')).map(({ file }) => file)).toEqual([
      'crypto/password-hash.ts',
    ])
  })

  it('has a domain that is pure: no waiting, no clock', () => {
    const impure = sources.filter(
      ({ room, text }) =>
        room === 'domain' && /\basync\b|\bPromise\b|new Date\(\)|Date\.now|performance\.now/.test(text),
    )
    expect(impure.map(({ file }) => file)).toEqual([])
  })

  it('asks only the database what time it is', () => {
    const clocked = inRooms.filter(({ text }) => /Date\.now\(|new Date\(\)/.test(text))
    expect(clocked.map(({ file }) => file)).toEqual([])
  })

  it('reads the environment in the two files that a process begins with', () => {
    // What the presets print is the code of other processes.
    const own = sources.filter(({ file }) => !file.startsWith('cli/presets/'))
    const reading = own.filter(({ text }) => /process\.env\b/.test(text)).map(({ file }) => file)
    expect(reading.sort()).toEqual(['cli/main.ts', 'main.ts'])
  })

  it('writes SQL in store alone', () => {
    const sql = /\b(select|insert into|update|delete from)\b[^'`]*\b(from|set|values|where)\b/
    const elsewhere = inRooms.filter(
      ({ room, text }) =>
        room !== 'store' &&
        (/\.kysely\b/.test(text) || [...text.matchAll(/`([^`]*)`/g)].some(([, quoted = '']) => sql.test(quoted))),
    )
    expect(elsewhere.map(({ file }) => file)).toEqual([])
  })

  it('has guests beside it, which speak HTTP, and which no room knows', () => {
    const names = new Set(['demo', 'tour', 'verify-proxy', 'cli'])
    const guests = sources.filter(({ room }) => names.has(room))
    const reached = guests.flatMap((source) =>
      source.imports
        .filter((specifier) => specifier.startsWith('.') && targetRoom(source, specifier) !== source.room)
        .map((specifier) => `${source.file} -> ${targetRoom(source, specifier)}`),
    )
    const allowed =
      /^demo\/(seed|start)\.ts -> admin$|^tour\/(ephemeral-server|main)\.ts -> |^verify-proxy\/\w+\.ts -> (cli|start)$|^cli\/serve\.ts -> main\.ts$|^cli\/nouns\/server\.ts -> verify-proxy$|^cli\/commands\/migrate\.ts -> (start|store)$|^cli\/commands\/config\.ts -> admin$|^cli\/.* -> (domain|settings|crypto)$/
    expect(reached.filter((edge) => !allowed.test(edge))).toEqual([])
    const knowing = inRooms.filter((source) =>
      source.imports.some((specifier) => names.has(targetRoom(source, specifier))),
    )
    expect(knowing.map(({ file }) => file)).toEqual([])
  })

  it('has no file over 250 lines and no drawers', () => {
    expect(sources.filter(({ text }) => text.split('\n').length > 251).map(({ file }) => file)).toEqual([])
    expect(
      sources
        .filter(({ file }) => /(^|\/)(utils?|helpers?|common|shared|lib|misc)(\/|\.)/.test(file))
        .map(({ file }) => file),
    ).toEqual([])
  })
})
