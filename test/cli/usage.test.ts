import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { commands, firstWords, nouns } from '../../src/cli/commands.ts'
import { type CommandDefinition, isRaw } from '../../src/cli/definition.ts'
import { commandHelp } from '../../src/cli/help.ts'
import { parseCommand } from '../../src/cli/parse.ts'
import { adminScopes } from '../../src/domain/admin-scopes.ts'
import { createFolder, run } from './cli.ts'

const own = commands.filter((each): each is CommandDefinition => !isRaw(each))
const named = own.map((definition) => ({ name: definition.name, definition }))

describe('help', () => {
  it('lists every command, its summary, the exit codes, and costs nothing else', async () => {
    for (const args of [['--help'], ['-h'], ['help']]) {
      const { code, out, err } = await run(args)
      expect({ code, err }).toEqual({ code: 0, err: '' })
      for (const { name, summary } of commands) expect(out).toMatch(new RegExp(`${name} +${escape(summary)}`))
      expect(out).toContain('Exit codes: 0 done, 1 refused or failed, 2 wrong usage.')
    }
  })

  it('is there for each noun', async () => {
    const { code, out } = await run(['clients', '--help'])
    expect(code).toBe(0)
    for (const verb of ['create', 'list', 'show', 'update', 'delete', 'rotate-secret'])
      expect(out).toContain(`clients ${verb}`)
    expect((await run(['help', 'clients'])).out).toBe(out)
  })

  it.each(named)('explains $name with its options and examples that it would accept', ({ name, definition }) => {
    const help = commandHelp(definition) ?? ''
    expect(help).toContain(`Usage: falconer ${name}`)
    for (const option of Object.keys(definition.options ?? {}))
      expect(help).toContain(
        option.startsWith('no-') && !help.includes(`--${option}`) ? `--[no-]${option.slice(3)}` : option,
      )
    expect(definition.examples.length).toBeGreaterThan(0)
    for (const example of definition.examples) {
      expect(help).toContain(example)
      const words = wordsOf(example, name)
      expect(words.slice(0, name.split(' ').length).join(' ')).toBe(name)
      expect(() => parseCommand(definition, words.slice(name.split(' ').length)), example).not.toThrow()
    }
    for (const line of help.split('\n').filter((line) => !line.startsWith('  falconer')))
      expect(line.length).toBeLessThan(125)
  })

  it('is written to the standard output and ends with 0, for every command', async () => {
    const { code, out, err } = await run(['users', 'set-password', '--help'])
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toContain('--password-stdin')
  })

  it('asks only for scopes that there are', () => {
    for (const { scopes = [] } of own) for (const scope of scopes) expect(adminScopes).toContain(scope)
  })

  it('has every command of a noun under one heading', () => {
    for (const word of firstWords)
      expect(
        nouns.filter(({ commands }) => commands.some(({ name }) => name.split(' ')[0] === word)),
        word,
      ).toHaveLength(1)
  })
})

describe('wrong usage', () => {
  const wrong: [string[], string[]][] = [
    [[], ['Usage: falconer <command>']],
    [['clints'], ['There is no command "clints". Did you mean clients?']],
    [['--json', 'clients', 'list'], ['Options stand behind the command']],
    [['clients'], ['Usage: falconer clients <verb>']],
    [
      ['clients', 'lst'],
      ['Did you mean list?', 'falconer clients --help'],
    ],
    [
      ['clients', 'list', '--jsn'],
      ['There is no option "--jsn". Did you mean --json?', 'falconer clients list --help'],
    ],
    [['clients', 'show'], ['<client_id> is missing']],
    [['clients', 'show', 'a', 'b'], ['It takes <client_id> and nothing else']],
    [['clients', 'create', '--preset', 'expres'], ['--preset must be one of express, next, spa, native, service']],
    [['clients', 'list', '--limit', 'ten'], ['--limit must be a whole number from 1 up']],
    [['clients', 'create', '--name', '--json'], ['--name needs a value']],
    [['clients', 'list', '--json=yes'], ['--json takes no value']],
    [['clients', 'create', '--name', 'a', '--name', 'b'], ['--name was given twice']],
    [['completion', 'bsh'], ['<shell> must be one of bash, zsh, fish. Did you mean bash?']],
    [['revoke'], ['Nothing to end was named']],
    [['revoke', '--user', 'a', '--session', 'b'], ['Several targets were named (--session, --user)']],
    [['serve', 'now'], ['falconer serve takes no options']],
  ]
  it.each(wrong)('%j ends with 2 and says how it is right', async (args, parts) => {
    const env = { FALCONER_URL: 'http://localhost:1', FALCONER_CLIENT_ID: 'x', FALCONER_CLIENT_SECRET: 'y' }
    const { code, out, err } = await run(args, { env })
    expect({ code, out }).toEqual({ code: 2, out: '' })
    for (const part of parts) expect(err).toContain(part)
  })

  it('never repeats what may be a secret', async () => {
    const secret = 'Hunter2-is-my-password'
    for (const args of [
      ['users', 'create', 'alice', `--password=${secret}`],
      ['users', 'set-password', 'alice', secret],
      ['tokens', secret],
      [secret],
      ['users', 'create', 'alice', `--${secret}`],
    ]) {
      const { code, out, err } = await run(args)
      expect(code).toBe(2)
      expect(out + err).not.toContain(secret)
    }
  })
})

describe('the start of a command', () => {
  it('loads nothing that it does not need', async () => {
    const folder = createFolder()
    try {
      const env = {
        NODE_V8_COVERAGE: folder.path,
        FALCONER_URL: 'http://localhost:1',
        FALCONER_CLIENT_ID: 'x',
        FALCONER_CLIENT_SECRET: 'y',
      }
      expect((await run(['clients', 'list'], { env })).code).toBe(1)
      const [report = ''] = readdirSync(folder.path)
      const { result } = JSON.parse(readFileSync(path.join(folder.path, report), 'utf8')) as {
        result: { url: string }[]
      }
      const loaded = result.map(({ url }) => url).filter((url) => url.startsWith('file:'))
      expect(loaded.length).toBeGreaterThan(10)
      expect(loaded.filter((url) => url.includes('node_modules'))).toEqual([])
      expect(loaded.filter((url) => /\/(store|http|protocol|admin)\//.test(url))).toEqual([])
    } finally {
      folder.remove()
    }
  })
})

const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** The words of an example, as a shell reads them: what stands before the command, behind a pipe or behind a redirection is not ours. */
function wordsOf(example: string, name: string): string[] {
  const from = example.indexOf(`falconer ${name}`)
  if (from < 0) throw new Error(`not an example of ${name}: ${example}`)
  const command = example.slice(from + 'falconer '.length).replace(/^([^"(]*)\)$/, '$1')
  const words = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? '')
  const end = words.findIndex((word) => ['|', '&&', '>', '<', ';'].includes(word))
  return end < 0 ? words : words.slice(0, end)
}
