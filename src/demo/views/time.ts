/** An instant of a token (seconds) as a person reads it, and how far it is from `now`. */
export function describeInstant(seconds: number, now: number): string {
  const distance = seconds - now
  const words = describeDuration(Math.abs(distance))
  return `${describeTime(seconds)}, ${distance > 0 ? `in ${words}` : `${words} ago`}`
}

export const describeTime = (seconds: number): string => `${new Date(seconds * 1000).toISOString().slice(11, 19)} UTC`

/** Seconds in words: the two greatest units. */
export function describeDuration(seconds: number): string {
  const units: [number, string][] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ]
  const parts: string[] = []
  let rest = Math.floor(seconds)
  for (const [size, name] of units) {
    const count = Math.floor(rest / size)
    if (count > 0) parts.push(`${count} ${name}`)
    rest -= count * size
  }
  return parts.slice(0, 2).join(' ') || '0 s'
}
