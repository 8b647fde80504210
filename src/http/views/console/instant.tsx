/** A moment as an administrator reads it: how long ago or how far ahead, the exact time behind it. `at` is RFC 3339, null for never. */
export function Instant({ at, now }: { at: string | null; now: Date }) {
  if (at === null) return <span class="nothing">–</span>
  return (
    <time datetime={at} title={exact(at)}>
      {distance((new Date(at).getTime() - now.getTime()) / 1000)}
    </time>
  )
}

/** The same to the second, where the exact time is what counts. */
export function ExactInstant({ at }: { at: string | null }) {
  if (at === null) return <span class="nothing">–</span>
  return <time datetime={at}>{exact(at)}</time>
}

const exact = (at: string): string => `${at.slice(0, 10)} ${at.slice(11, 19)} UTC`

const units = [
  ['day', 86_400],
  ['hour', 3600],
  ['min', 60],
  ['s', 1],
] as const

function distance(seconds: number): string {
  const size = Math.abs(seconds)
  if (size < 1) return 'now'
  const [unit, length] = units.find(([, unitSeconds]) => size >= unitSeconds) ?? units[3]
  const n = Math.floor(size / length)
  const named = `${n} ${unit}${n > 1 && length >= 3600 ? 's' : ''}`
  return seconds > 0 ? `in ${named}` : `${named} ago`
}
