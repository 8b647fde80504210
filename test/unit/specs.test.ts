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
