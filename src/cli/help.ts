import { commands, nouns } from './commands.ts'
import { type CommandDefinition, commonOptions, type Definition, isRaw, type Options } from './definition.ts'

const width = 100

/** What `falconer --help` says. */
export function mainHelp(): string {
  const longest = Math.max(...commands.map(({ name }) => name.length))
  const groups = nouns.map(({ title, commands }) => `${title}\n${rows(commands, longest)}`)
  return `Usage: falconer <command> [options]

${groups.join('\n\n')}

falconer <command> --help explains a command, with examples.
The server and the credentials: FALCONER_URL, FALCONER_CLIENT_ID, FALCONER_CLIENT_SECRET, or those that an embedded server
keeps in its DATA_DIR.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
`
}

/** What `falconer clients --help` says. */
export function nounHelp(noun: string, commands: readonly Definition[]): string {
  const longest = Math.max(...commands.map(({ name }) => name.length))
  return `Usage: falconer ${noun} <verb> [options]\n\n${rows(commands, longest)}\n\nfalconer ${noun} <verb> --help explains one of them.\n`
}

/** What `falconer clients create --help` says; undefined for a command that explains itself. */
export function commandHelp(definition: Definition): string | undefined {
  if (isRaw(definition)) return undefined
  const { name, summary, arguments: args = [], options = {}, notes = [], examples, scopes = [] } = definition
  const usage = args.map((each) => (each.isOptional === true ? `[${each.name}]` : `<${each.name}>`)).join(' ')
  const blocks = [
    `Usage: falconer ${[name, usage, '[options]'].filter(Boolean).join(' ')}\n\n${capital(summary)}.`,
    args.map((each) => row(`<${each.name}>`, each.help, longestOf(args))).join('\n'),
    optionRows(options),
    optionRows(commonOptions),
    ...notes.map((note) => wrap(note, width).join('\n')),
    scopes.length > 0 ? `Needs the scope ${scopes.join(', ')} (admin stands for all).` : '',
    `Examples:\n${examples.map((example) => `  ${example}`).join('\n')}`,
  ]
  return `${blocks.filter(Boolean).join('\n\n')}\n`
}

const rows = (commands: readonly Definition[], longest: number): string =>
  commands.map(({ name, summary }) => `  ${name.padEnd(longest)}  ${summary}`).join('\n')

const longestOf = (args: NonNullable<CommandDefinition['arguments']>): number =>
  Math.max(...args.map(({ name }) => name.length + 2))

function optionRows(options: Options): string {
  const shown = Object.entries(options)
    .filter(([name, { member }]) => !(name.startsWith('no-') && member !== undefined))
    .map(([name, option]) => {
      const long = `no-${name}` in options ? `--[no-]${name}` : `--${name}`
      const short = option.short === undefined ? '' : `-${option.short}, `
      const value =
        option.type === 'boolean' ? '' : ` ${option.choices ? choicesOf(option.choices) : (option.value ?? 'TEXT')}`
      const more = option.multiple === true && !option.help.includes('repeated') ? '; may be repeated' : ''
      return { left: short + long + value, help: option.help + more }
    })
  const longest = Math.min(34, Math.max(0, ...shown.map(({ left }) => left.length)))
  return shown.map(({ left, help }) => row(left, help, longest)).join('\n')
}

const choicesOf = (choices: readonly string[]): string => (choices.length > 6 ? 'NAME' : choices.join('|'))

function row(left: string, help: string, longest: number): string {
  const lines = wrap(help, width - longest - 4)
  const indent = ' '.repeat(longest + 4)
  const first =
    left.length > longest ? `  ${left}\n${indent}${lines[0] ?? ''}` : `  ${left.padEnd(longest)}  ${lines[0] ?? ''}`
  return [first, ...lines.slice(1).map((line) => indent + line)].join('\n')
}

function wrap(text: string, most: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > most) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
