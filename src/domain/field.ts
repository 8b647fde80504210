import { isWellFormedText } from './well-formed.ts'

/** What is wrong in a document, and where: the names and indexes that lead to it. */
export interface FieldProblem {
  readonly path: readonly (string | number)[]
  readonly detail: string
}

/** One member of a document that an administrator sends: how it is described (JSON Schema) and how it is checked. */
export interface Field {
  readonly schema: Readonly<Record<string, unknown>>
  readonly check: (value: unknown) => FieldProblem | undefined
}

export type Fields = Readonly<Record<string, Field>>
export type Document = Readonly<Record<string, unknown>>

/** A problem with the value itself, or with what the path leads to. */
export const fieldProblem = (detail: string, ...path: (string | number)[]): FieldProblem => ({ path, detail })

const under = (problem: FieldProblem, step: string | number): FieldProblem => ({
  path: [step, ...problem.path],
  detail: problem.detail,
})

const controlCharacter = /\p{Cc}/u

/** Text without control characters; `rule` says what is wrong with it, if anything. */
export function text(max: number, rule: (value: string) => string | undefined = () => undefined): Field {
  return {
    schema: { type: 'string', minLength: 1, maxLength: max },
    check: (value) => {
      if (typeof value !== 'string') return fieldProblem('must be a text')
      if (value === '') return fieldProblem('must not be empty')
      if (value.length > max) return fieldProblem(`must not be longer than ${max} characters`)
      if (!isWellFormedText(value) || controlCharacter.test(value))
        return fieldProblem('must not contain control characters')
      const broken = rule(value)
      return broken === undefined ? undefined : fieldProblem(broken)
    },
  }
}

/** A rule of `text`: the pattern, and what to say when it is not met. */
export const matching = (pattern: RegExp, say: string) => (value: string) => (pattern.test(value) ? undefined : say)

export const flag: Field = {
  schema: { type: 'boolean' },
  check: (value) => (typeof value === 'boolean' ? undefined : fieldProblem('must be true or false')),
}

export function integer(minimum: number, maximum: number): Field {
  return {
    schema: { type: 'integer', minimum, maximum },
    check: (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= minimum && value <= maximum
        ? undefined
        : fieldProblem(`must be a whole number from ${minimum} to ${maximum}`),
  }
}

export function oneOf(values: readonly string[]): Field {
  return {
    schema: { type: 'string', enum: values },
    check: (value) =>
      typeof value === 'string' && values.includes(value) ? undefined : fieldProblem(`must be ${values.join(' or ')}`),
  }
}

export function list(item: Field, maxItems: number): Field {
  return {
    schema: { type: 'array', items: item.schema, maxItems, uniqueItems: true },
    check: (value) => {
      if (!Array.isArray(value)) return fieldProblem('must be a list')
      if (value.length > maxItems) return fieldProblem(`must not have more than ${maxItems} items`)
      if (new Set(value).size < value.length) return fieldProblem('must not have the same item twice')
      for (const [index, entry] of value.entries()) {
        const problem = item.check(entry)
        if (problem) return under(problem, index)
      }
      return undefined
    },
  }
}

export function object(fields: Fields): Field {
  return {
    schema: {
      type: 'object',
      properties: Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.schema])),
      additionalProperties: false,
    },
    check: (value) => checkFields(fields, value),
  }
}

/** The first thing that is wrong with a document: a member that is not known, or one with a bad value. */
export function checkFields(fields: Fields, document: unknown): FieldProblem | undefined {
  if (typeof document !== 'object' || document === null || Array.isArray(document))
    return fieldProblem('must be an object')
  for (const [name, value] of Object.entries(document)) {
    const field = Object.hasOwn(fields, name) ? fields[name] : undefined
    if (!field) return fieldProblem('is not known', name)
    const problem = field.check(value)
    if (problem) return under(problem, name)
  }
  return undefined
}

/** The document without members that are null: null takes a member back to its default (RFC 7396). */
export function withoutNulls(document: Document): Record<string, unknown> {
  return Object.fromEntries(Object.entries(document).filter(([, value]) => value !== null && value !== undefined))
}

/** An http(s) URL, for links that a person may follow. */
export const webUrl: Field = text(2048, (value) =>
  URL.canParse(value) && /^https?:$/.test(new URL(value).protocol) ? undefined : 'must be an http or https URL',
)
