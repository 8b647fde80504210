import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { FastifySchemaCompiler } from 'fastify'
import { Problem } from '../../admin/problem.ts'
import { isWellFormedText } from '../../domain/well-formed.ts'

// What is sent passes or does not: it is not dropped, filled in, or turned into something that passes.
const ajv = new Ajv({ coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false })

/** Compiled when it is needed first: all of them would take a fifth of the start. */
export const validatorCompiler: FastifySchemaCompiler<object> = ({ schema }) => {
  let validate: ValidateFunction | undefined
  return (value: unknown) => {
    validate ??= ajv.compile(schema)
    return validate(value) ? { value } : { error: problemOf(validate.errors ?? []) }
  }
}

/** The first thing that a schema does not allow, with the way to it. */
function problemOf([error]: readonly ErrorObject[]): Problem {
  if (!error) return new Problem('invalid_request', 'The request is not valid')
  const { keyword, instancePath, params, message } = error
  const path = instancePath.split('/').slice(1).map(unescape)
  const member: unknown = params['additionalProperty'] ?? params['missingProperty']
  const full = typeof member === 'string' ? [...path, member] : path
  const what = { additionalProperties: 'is not known', required: 'is required' }[keyword] ?? message
  return new Problem('invalid_field', `${full.join('.') || 'The body'} ${what}`, full)
}

const unescape = (step: string): string => step.replaceAll('~1', '/').replaceAll('~0', '~')

/** PostgreSQL stores no NUL, and half of a surrogate pair comes back as another character. Without recursion: the sender chooses the depth. */
export function requireWellFormed(parts: Record<string, unknown>): void {
  const rest: unknown[] = [parts]
  for (let value = rest.pop(); value !== undefined || rest.length > 0; value = rest.pop()) {
    if (typeof value === 'string' && !isWellFormedText(value))
      throw new Problem('invalid_request', 'Texts must not contain NUL or halves of surrogate pairs')
    if (typeof value !== 'object' || value === null) continue
    for (const [name, member] of Object.entries(value)) rest.push(name, member)
  }
}
