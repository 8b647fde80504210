const units = [
  ['y', 31_536_000],
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const

/** The two largest units: `3 d 4 h`, `12 min`. */
export function span(seconds: number): string {
  let rest = Math.round(Math.abs(seconds))
  const parts: string[] = []
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size)
    rest -= count * size
    if (count > 0) parts.push(`${count} ${unit}`)
    else if (parts.length > 0) break
    if (parts.length === 2) break
  }
  return parts.join(' ') || '0 s'
}

/** `3 h ago`, `in 12 min`, in one unit; for tables. */
export function relative(instant: unknown, nowMs = Date.now()): string {
  const ms = typeof instant === 'string' ? Date.parse(instant) : Number.NaN
  if (Number.isNaN(ms)) return '-'
  const seconds = (ms - nowMs) / 1000
  if (Math.abs(seconds) < 1) return 'now'
  const coarse = span(seconds).split(' ').slice(0, 2).join(' ')
  return seconds < 0 ? `${coarse} ago` : `in ${coarse}`
}

/** `2026-11-21 15:29:48 UTC (3 h 2 min ago)`. */
export function exact(instant: string, nowMs = Date.now()): string {
  const ms = Date.parse(instant)
  const seconds = (ms - nowMs) / 1000
  const distance = seconds < 0 ? `${span(seconds)} ago` : `in ${span(seconds)}`
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC (${distance})`
}

export const isInstant = (value: unknown): value is string =>
  typeof value === 'string' && /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/.test(value)

/** An RFC 3339 instant from one, from a day, or from a time ago such as `2h` or `7d`; undefined for anything else. */
export function readInstant(text: string, nowMs = Date.now()): string | undefined {
  const [, count, unit] = /^(\d{1,6})(s|min|m|h|d)$/.exec(text) ?? []
  if (count !== undefined) {
    const seconds = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 }[unit ?? 's'] ?? 1
    return new Date(nowMs - Number(count) * seconds * 1000).toISOString()
  }
  const full = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text
  const isFull = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,9})?(Z|[+-]\d{2}:\d{2})$/i.test(full)
  return isFull && Number.isFinite(Date.parse(full)) ? full : undefined
}
