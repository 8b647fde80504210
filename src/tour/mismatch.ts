/** Something did not hold: what was looked at, what it should have been, and what it was. */
export class Mismatch extends Error {
  readonly expected: string
  readonly got: string

  constructor(what: string, expected: string, got: string) {
    super(what)
    this.name = 'Mismatch'
    this.expected = expected
    this.got = got
  }
}

/** @throws {Mismatch} unless both are the same JSON */
export function same(what: string, got: unknown, expected: unknown): void {
  if (JSON.stringify(got) !== JSON.stringify(expected)) throw new Mismatch(what, show(expected), show(got))
}

/** @throws {Mismatch} unless it holds */
export function holds(what: string, isTrue: boolean, expected: string, got: unknown): void {
  if (!isTrue) throw new Mismatch(what, expected, show(got))
}

/** A text that has to be there. @throws {Mismatch} */
export function textOf(what: string, value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new Mismatch(what, 'a text', show(value))
  return value
}

/** As a terminal can show it: tokens cut short, because what is printed is copied. */
function show(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  const short = text.replace(/[\w.~-]{48,}/g, (token) => `${token.slice(0, 10)}…`)
  return short.length > 300 ? `${short.slice(0, 300)}…` : short
}
