const mostSeconds = 30

/** Seconds of `Prefer: wait=N` (RFC 7240 §4.3), at most 30. Undefined: nobody wants to wait. A preference that is not understood is ignored. */
export function preferredWait(header: string | string[] | undefined): number | undefined {
  const preferences = [header ?? []].flat().join(',').split(',')
  for (const preference of preferences) {
    const seconds = /^\s*wait\s*=\s*"?(\d{1,6})"?\s*(;|$)/i.exec(preference)?.[1]
    if (seconds !== undefined) return Math.min(Number(seconds), mostSeconds)
  }
  return undefined
}

/** The header that says that the preference was honoured (RFC 7240 §3). */
export const appliedWait = (seconds: number | undefined): Record<string, string> =>
  seconds === undefined ? {} : { 'preference-applied': `wait=${seconds}` }
