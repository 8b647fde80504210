/** Whether PostgreSQL can store this text and give back the same: no NUL and no half of a surrogate pair. */
export function isWellFormedText(value: string): boolean {
  return !value.includes('\0') && !/\p{Surrogate}/u.test(value)
}
