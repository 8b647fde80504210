import type { Document, Field, Fields } from '../domain/field.ts'
import { UsageError } from './command.ts'
import type { OptionDefinition, Options } from './definition.ts'
import type { Given } from './parse.ts'

/** How a member is written on the command line, where its own name in kebab-case would not do. */
export interface Wording {
  readonly option?: string
  readonly value?: string
  readonly help: string
}

const kebab = (member: string): string => member.replaceAll('_', '-')

const typeOf = ({ schema }: Field): unknown => schema['type']

/** Options for the members of a document, from the same fields that the server checks; a member that is new there is known here too. */
export function optionsFor(fields: Fields, wordings: Readonly<Record<string, Wording>>): Options {
  const options: Record<string, OptionDefinition> = {}
  for (const [member, field] of Object.entries(fields)) {
    const wording = wordings[member]
    const name = wording?.option ?? kebab(member)
    const help = wording?.help ?? `the member ${member}`
    if (typeOf(field) === 'boolean') {
      options[name] = { type: 'boolean', member, help }
      options[`no-${name}`] = { type: 'boolean', member, help: `the opposite of --${name}` }
    } else options[name] = { ...withValue(field), member, help, ...(wording?.value ? { value: wording.value } : {}) }
  }
  return options
}

function withValue(field: Field): Pick<OptionDefinition, 'type' | 'value' | 'choices' | 'multiple'> {
  const isList = typeOf(field) === 'array'
  const schema = (isList ? field.schema['items'] : field.schema) as Readonly<Record<string, unknown>>
  const choices = Array.isArray(schema['enum']) ? { choices: schema['enum'].map(String) } : {}
  const value = { integer: 'N', object: 'JSON' }[String(schema['type'])] ?? 'TEXT'
  return { type: 'string', value, ...choices, ...(isList ? { multiple: true } : {}) }
}

/** The option that takes members back to their defaults. */
export const unsetOption = (fields: Fields): OptionDefinition => ({
  type: 'string',
  multiple: true,
  value: 'MEMBER',
  choices: Object.keys(fields),
  help: 'take this member back to its default; may be repeated',
})

/** The members that the options set. @throws {UsageError} */
export function membersFrom(given: Given, options: Options, fields: Fields): Record<string, unknown> {
  const members: Record<string, unknown> = {}
  for (const [name, { member, type }] of Object.entries(options)) {
    const field = member !== undefined && Object.hasOwn(fields, member) ? fields[member] : undefined
    if (member === undefined || !field || !given.has(name)) continue
    if (type === 'boolean' && member in members) throw new UsageError(`--${name} and its opposite were both given`)
    members[member] = type === 'boolean' ? !name.startsWith('no-') : valueOf(name, field, given)
  }
  return members
}

/** The same, and null for each member that shall be as if it had never been given. */
export function changesFrom(given: Given, options: Options, fields: Fields): Document {
  const members = membersFrom(given, options, fields)
  for (const member of given.list('unset')) members[member] = null
  return members
}

function valueOf(name: string, field: Field, given: Given): unknown {
  switch (typeOf(field)) {
    case 'array':
      return given.list(name)
    case 'integer':
      return given.number(name)
    case 'object':
      return readJson(name, given.text(name) ?? '')
    default:
      return given.text(name)
  }
}

function readJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new UsageError(`--${name} must be JSON`)
  }
}
