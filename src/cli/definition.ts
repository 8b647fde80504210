import type { AdminScope } from '../domain/admin-scopes.ts'
import type { Api } from './api.ts'
import type { Command, Invocation } from './command.ts'
import type { Given } from './parse.ts'
import type { Terminal } from './terminal.ts'

/** An option of a command. Its name, in the table, is the long one without dashes. */
export interface OptionDefinition {
  readonly type: 'string' | 'boolean'
  readonly help: string
  readonly short?: string
  /** May be given several times. */
  readonly multiple?: boolean
  /** What stands for its value in a help text. */
  readonly value?: string
  /** The only values that it takes. */
  readonly choices?: readonly string[]
  /** The member of the request that it sets: by it a refusal of the server is told in words of the command line. */
  readonly member?: string
}

export type Options = Readonly<Record<string, OptionDefinition>>

export interface ArgumentDefinition {
  readonly name: string
  readonly help: string
  readonly isOptional?: boolean
  readonly choices?: readonly string[]
  readonly member?: string
}

/** What a command works with. */
export interface Context {
  /** One for each argument that was given. */
  readonly args: readonly string[]
  readonly given: Given
  readonly env: Invocation['env']
  readonly terminal: Terminal
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal
  /** The admin API, once it is needed: finding it reads files. */
  readonly api: () => Promise<Api>
}

export type Handler = (context: Context) => Promise<void>

interface Described {
  /** `clients create`, or one word. */
  readonly name: string
  readonly summary: string
}

/** A row of the table of commands: parsing, help and completion are made from it. */
export interface CommandDefinition extends Described {
  readonly arguments?: readonly ArgumentDefinition[]
  readonly options?: Options
  /** What else there is to know, in paragraphs. */
  readonly notes?: readonly string[]
  readonly examples: readonly string[]
  /** Scopes of the admin API that it may ask for; each of its calls names one of them. */
  readonly scopes?: readonly AdminScope[]
  readonly load: () => Promise<Handler>
}

/** A command that reads its own arguments, and explains them. */
export interface RawDefinition extends Described {
  readonly loadRaw: () => Promise<Command>
}

export type Definition = CommandDefinition | RawDefinition

export const isRaw = (definition: Definition): definition is RawDefinition => 'loadRaw' in definition

/** Commands that belong together, under their heading in the help text. */
export interface Noun {
  readonly title: string
  readonly commands: readonly Definition[]
}

/** What every command has. */
export const commonOptions: Options = {
  json: { type: 'boolean', help: 'answer in JSON, for machines' },
  help: { type: 'boolean', short: 'h', help: 'explain this command' },
}

export const optionsOf = (definition: CommandDefinition): Options => ({ ...definition.options, ...commonOptions })
