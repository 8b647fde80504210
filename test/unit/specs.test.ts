import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'

const root = path.resolve(import.meta.dirname, '../..')
const page = readFileSync(path.join(root, 'docs/specs.md'), 'utf8')
const rows = page
  .split('\n')
  .filter((line) => /^\| [A-Z]/.test(line))
  .map((line) => line.split('|').map((cell) => cell.trim()))
const filesIn = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '')

const specification =
  /(RFC \d+|OpenID Connect (?:Core|Discovery|Registration|RP-Initiated Logout 1\.0|Back-Channel Logout 1\.0)) ((?:§\d+(?:\.\d+)*(?:, )?)+)/g

/** `RFC 6749 §4.1.2.1, §5.2` cites two sections. */
const citationsOf = (text: string): string[] =>
  [...text.matchAll(specification)].flatMap(([, name = '', sections = '']) =>
    [...sections.matchAll(/§\d+(?:\.\d+)*/g)].map(([section]) => `${name} ${section}`),
  )

const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file))
  .map((file) => `src/${file.split(path.sep).join('/')}`)

describe('docs/specs.md', () => {
  it('has every citation of src in its row', () => {
    const listed = new Set(
      rows.flatMap(([, section = '', , source = '']) => filesIn(source).map((file) => `${section} ${file}`)),
    )
    const missing = sources.flatMap((file) =>
      citationsOf(readFileSync(path.join(root, file), 'utf8'))
        .map((section) => `${section} ${file}`)
        .filter((citation) => !listed.has(citation)),
    )
    expect(missing).toEqual([])
  })

  it('names only files that exist, and a test in every row', () => {
    expect(filesIn(page).filter((file) => /^(src|test)\//.test(file) && !existsSync(path.join(root, file)))).toEqual([])
    expect(rows.filter((cells) => !cells.some((cell) => cell.includes('`test/'))).map(([, rule]) => rule)).toEqual([])
  })
})

describe('what others fell into', () => {
  const traps = page
    .split('\n')
    .filter((line) => /^\| \d+ \|/.test(line))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, number, , references = '', source = '', tests = '']) => ({
      number: Number(number),
      references: references.split(', ').filter((reference) => reference !== ''),
      sources: filesIn(source),
      isNotBuilt: /not built: \w/.test(source),
      tests: filesIn(tests),
    }))
  /** Comments left out: a reference has to stand in a title, where `vitest -t` finds it. */
  const code = (file: string) => readFileSync(path.join(root, file), 'utf8').replace(/^\s*(\/\/|\/\*|\*).*$/gm, '')
  const literal = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  const names = (file: string, reference: string) =>
    existsSync(path.join(root, file)) && new RegExp(`${literal(reference)}(?![0-9a-z])`).test(code(file))

  it('is numbered from 1 to 40', () => {
    expect(traps.map(({ number }) => number)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1))
  })

  it('has a reference in every row, and a source with its test, or says what is not built', () => {
    const bare = traps.filter(
      ({ references, sources, isNotBuilt, tests }) =>
        references.length === 0 || sources.length > 0 !== tests.length > 0 || (tests.length === 0 && !isNotBuilt),
    )
    expect(bare.map(({ number }) => number)).toEqual([])
  })

  it('names only tests that name the trap', () => {
    const silent = traps.flatMap(({ number, references, tests }) =>
      tests
        .filter((file) => !references.some((reference) => names(file, reference)))
        .map((file) => `${number} ${file}`),
    )
    expect(silent).toEqual([])
  })

  it('has every reference of what is built in a test of its row', () => {
    const unnamed = traps
      .filter(({ tests }) => tests.length > 0)
      .flatMap(({ number, references, tests }) =>
        references
          .filter((reference) => !tests.some((file) => names(file, reference)))
          .map((reference) => `${number} ${reference}`),
      )
    expect(unnamed).toEqual([])
  })
})
