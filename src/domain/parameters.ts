import { OAuthError } from './oauth-error.ts'
import { isWellFormedText } from './well-formed.ts'

/** The parameters of an OAuth request. A parameter without a value counts as absent (RFC 6749 §3.1). */
export interface Parameters {
  get(name: string): string | undefined
  /** @throws {OAuthError} invalid_request when it is absent */
  required(name: string): string
  /** Every value, for the parameters that may be repeated (RFC 8707 §2). */
  all(name: string): readonly string[]
  /** Why the request as a whole is malformed, if it is. */
  readonly problem: string | undefined
  readonly repeated: ReadonlySet<string>
}

/** RFC 8707 §2 and RFC 8693 §2.1 allow these several times; everything else at most once (RFC 6749 §3.1, §3.2). */
const mayRepeat = new Set(['resource', 'audience'])
const maxParameters = 100

/** Reads application/x-www-form-urlencoded text: a query string or a body. Never throws; the answer depends on who asks. */
export function parseParameters(text: string): Parameters {
  const values = new Map<string, string[]>()
  const repeated = new Set<string>()
  let problem: string | undefined
  let count = 0
  for (const [name, value] of new URLSearchParams(text)) {
    if (++count > maxParameters) problem = 'too many parameters'
    else if (!isWellFormedText(name) || !isWellFormedText(value))
      problem = 'a parameter holds characters that are not text'
    else if (value !== '') {
      const known = values.get(name)
      if (known && !mayRepeat.has(name)) repeated.add(name)
      if (known) known.push(value)
      else values.set(name, [value])
    }
  }
  const [first] = repeated
  if (first !== undefined) problem ??= `${printable(first)} is repeated`

  return {
    problem,
    repeated,
    get: (name) => values.get(name)?.[0],
    all: (name) => values.get(name) ?? [],
    required: (name) => {
      const value = values.get(name)?.[0]
      if (value === undefined) throw new OAuthError('invalid_request', `${name} is missing`)
      return value
    },
  }
}

/** Refuses a malformed request as a whole: what the token endpoint and its neighbours do. */
export function refuseMalformed(parameters: Parameters): Parameters {
  if (parameters.problem) throw new OAuthError('invalid_request', parameters.problem)
  return parameters
}

/** RFC 6749 §5.2 allows only printable ASCII without quote and backslash in error_description. */
const printable = (text: string): string => text.slice(0, 60).replaceAll(/[^\x21\x23-\x5B\x5D-\x7E]/g, '?')
