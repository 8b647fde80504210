import { isDeepStrictEqual } from 'node:util'

/** Fails with both sides side by side. */
export function same(what: string, actual: unknown, expected: unknown): void {
  if (isDeepStrictEqual(actual, expected)) return
  throw new Error(`${what}: the server says ${JSON.stringify(actual)}, the rules say ${JSON.stringify(expected)}`)
}
