import { parseArgs } from 'node:util'
import { UsageError } from './command.ts'
import { type CommandDefinition, type OptionDefinition, type Options, optionsOf } from './definition.ts'
import { didYouMean, quoted } from './hint.ts'

/** The options that were given. Asking for one that the command does not have is a mistake of the command. */
export interface Given {
  text(name: string): string | undefined
  list(name: string): readonly string[]
  flag(name: string): boolean
  has(name: string): boolean
  /** A whole number. @throws {UsageError} */
  number(name: string, range?: { min?: number; max?: number }): number | undefined
}

export interface Parsed {
  readonly args: readonly string[]
  readonly given: Given
}

/** Reads what follows the name of a command. Values are never repeated in a message: they may be secrets. @throws {UsageError} */
export function parseCommand(definition: CommandDefinition, argv: readonly string[]): Parsed {
  const options = optionsOf(definition)
  const wrong = (message: string) => new UsageError(`${message}\nfalconer ${definition.name} --help explains it.`)
  const values = new Map<string, string[]>()
  const args: string[] = []
  const { tokens } = parseArgs({ args: [...argv], options: parserOptions(options), strict: false, tokens: true })
  for (const token of tokens) {
    if (token.kind === 'positional') args.push(token.value)
    if (token.kind !== 'option') continue
    const option = Object.hasOwn(options, token.name) ? options[token.name] : undefined
    if (!option) throw wrong(unknownOption(token.rawName, options))
    const problem = problemWith(token.value, token.inlineValue === true, option) ?? repeated(values, token.name, option)
    if (problem !== undefined) throw wrong(`--${token.name} ${problem}`)
    values.set(token.name, [...(values.get(token.name) ?? []), token.value ?? ''])
  }
  const given = createGiven(values, options, wrong)
  // Whoever asks for help may leave out what is missing.
  if (given.flag('help')) return { args, given }
  const problem = problemWithArguments(definition, args)
  if (problem !== undefined) throw wrong(problem)
  return { args, given }
}

const parserOptions = (options: Options) =>
  Object.fromEntries(
    Object.entries(options).map(([name, { type, short }]) => [name, { type, ...(short ? { short } : {}) }]),
  )

function unknownOption(rawName: string, options: Options): string {
  const names = Object.keys(options)
  return `There is no option ${quoted(rawName)}.${didYouMean(rawName.replace(/^-+/, ''), names, '--')}`
}

function problemWith(value: string | undefined, isInline: boolean, option: OptionDefinition): string | undefined {
  if (option.type === 'boolean') return isInline ? 'takes no value' : undefined
  // `--name --json` is a forgotten value more often than a value with dashes, which --name=--json says.
  if (value === undefined || (!isInline && value.length > 1 && value.startsWith('-'))) return 'needs a value'
  if (option.choices && !option.choices.includes(value)) return `must be one of ${option.choices.join(', ')}`
  return undefined
}

const repeated = (values: Map<string, string[]>, name: string, { multiple, type }: OptionDefinition) =>
  values.has(name) && multiple !== true && type === 'string' ? 'was given twice' : undefined

function problemWithArguments({ arguments: wanted = [] }: CommandDefinition, args: readonly string[]) {
  const missing = wanted[args.length]
  if (missing && missing.isOptional !== true) return `<${missing.name}> is missing: ${missing.help}.`
  if (args.length > wanted.length) {
    const names = wanted.map(({ name }) => `<${name}>`).join(' ')
    return names === '' ? 'It takes no arguments, only options.' : `It takes ${names} and nothing else.`
  }
  for (const [index, { name, choices }] of wanted.entries()) {
    const value = args[index]
    if (value !== undefined && choices && !choices.includes(value))
      return `<${name}> must be one of ${choices.join(', ')}.${didYouMean(value, choices)}`
  }
  return undefined
}

function createGiven(
  values: ReadonlyMap<string, string[]>,
  options: Options,
  wrong: (message: string) => UsageError,
): Given {
  const of = (name: string): readonly string[] => {
    if (!Object.hasOwn(options, name)) throw new Error(`the table has no option ${name}`)
    return values.get(name) ?? []
  }
  return {
    text: (name) => of(name).at(-1),
    list: of,
    flag: (name) => of(name).length > 0,
    has: (name) => of(name).length > 0,
    number: (name, { min = 0, max = Number.MAX_SAFE_INTEGER } = {}) => {
      const text = of(name).at(-1)
      if (text === undefined) return undefined
      const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
      if (number >= min && number <= max) return number
      const range = max === Number.MAX_SAFE_INTEGER ? `from ${min} up` : `from ${min} to ${max}`
      throw wrong(`--${name} must be a whole number ${range}`)
    },
  }
}
