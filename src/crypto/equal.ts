import { timingSafeEqual } from 'node:crypto'

/** Whether two byte strings are the same, in a time that depends on their length only; unequal lengths are unequal. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b)
}
