import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { commands } from '../../src/cli/commands.ts'
import { isRaw, optionsOf } from '../../src/cli/definition.ts'
import { createDatabase } from '../support/database.ts'
import { createFolder, run } from './cli.ts'

const folder = createFolder()
afterAll(() => folder.remove())

const hasBash = spawnSync('bash', ['--version']).status === 0

describe('completion', () => {
  /** What a bash that has read the script offers for these words, the last of which is being typed. */
  async function offered(...words: string[]): Promise<string[]> {
    const { out } = await run(['completion', 'bash'])
    const file = path.join(folder.path, 'completion.bash')
    writeFileSync(file, out)
    const asked = `source ${file}; complete -p falconer >/dev/null || exit 3
      COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _falconer; printf '%s\\n' "\${COMPREPLY[@]}"`
    const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', asked], {
      encoding: 'utf8',
      cwd: folder.path,
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    return stdout.split('\n').filter(Boolean)
  }

  it.skipIf(!hasBash)('completes nouns, verbs, options and choices in a real bash', async () => {
    expect(await offered('falconer', 'cl')).toEqual(['clients'])
    expect(await offered('falconer', '')).toEqual(expect.arrayContaining(['serve', 'revoke', 'users', 'completion']))
    expect(await offered('falconer', 'users', 'se')).toEqual(['set-password'])
    expect(await offered('falconer', 'users', 'set-password', '--pass')).toEqual(['--password-stdin'])
    expect(await offered('falconer', 'clients', 'create', '--preset', '')).toEqual([
      'express',
      'next',
      'spa',
      'native',
      'service',
    ])
    expect(await offered('falconer', 'revoke', '--dry')).toEqual(['--dry-run'])
    expect(await offered('falconer', 'completion', 'f')).toEqual(['fish'])
    writeFileSync(path.join(folder.path, 'known.env'), '')
    expect(await offered('falconer', 'clients', 'create', '--write-env', 'kno')).toEqual(['known.env'])
    for (const { name, ...rest } of commands) {
      const words = name.split(' ')
      expect(await offered('falconer', ...words), name).toContain(words.at(-1))
      const definition = { name, ...rest } as (typeof commands)[number]
      if (isRaw(definition)) continue
      const options = Object.keys(optionsOf(definition)).map((option) => `--${option}`)
      expect((await offered('falconer', ...words, '--')).sort(), name).toEqual(options.sort())
    }
  })

  it('has a script for zsh and fish with every command and option', async () => {
    for (const shell of ['zsh', 'fish']) {
      const { code, out } = await run(['completion', shell])
      expect(code).toBe(0)
      for (const definition of commands) {
        for (const word of definition.name.split(' ')) expect(out).toContain(word)
        if (isRaw(definition)) continue
        for (const name of Object.keys(optionsOf(definition)))
          expect(out).toContain(shell === 'zsh' ? `--${name}[` : `-l ${name} `)
      }
    }
  })
})

describe('migrate', () => {
  it('applies what is missing, says so, and has nothing to do the second time', async () => {
    const db = await createDatabase()
    try {
      await db.query(`drop schema public cascade`)
      await db.query(`create schema public`)
      const env = { DATABASE_URL: db.url }
      const first = await run(['migrate'], { env })
      expect(first.code, first.err).toBe(0)
      expect(first.out).toMatch(/^applied 0001_\w+\n[^]*\n(\d+) of \1 migrations applied\.\n$/)
      const second = await run(['migrate'], { env })
      expect(second.out).toMatch(/^Nothing to do: all \d+ migrations were applied before\.\n$/)
      const json = JSON.parse((await run(['migrate', '--json'], { env })).out) as object
      expect(json).toMatchObject({ applied: [], total: expect.any(Number) })
    } finally {
      await db.drop()
    }
  })

  it('says what to do without a database, and never repeats a password', async () => {
    const none = await run(['migrate'])
    expect(none).toMatchObject({ code: 2, err: expect.stringContaining('DATABASE_URL is not set') })
    const { code, err } = await run(['migrate'], { env: { DATABASE_URL: 'postgresql://me:hunter2@127.0.0.1:1/x' } })
    expect(code).toBe(1)
    expect(err).toContain('Nothing answers at 127.0.0.1:1: start PostgreSQL there, or correct DATABASE_URL.')
    expect(err).not.toContain('hunter2')
  })
})
