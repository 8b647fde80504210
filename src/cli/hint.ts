/** The word of `known` that was probably meant, or undefined. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const farthest = Math.max(1, Math.floor(word.length / 3))
  const scored = known
    .map((candidate) => ({ candidate, distance: distanceOf(word, candidate) }))
    .filter(({ candidate, distance }) => distance <= farthest || (word.length > 2 && candidate.startsWith(word)))
    .sort((a, b) => a.distance - b.distance)
  return scored[0]?.candidate
}

/** A sentence about it, with a space before it, or nothing. */
export function didYouMean(word: string, known: readonly string[], prefix = ''): string {
  const found = nearest(word, known)
  return found === undefined ? '' : ` Did you mean ${prefix}${found}?`
}

/** How many letters have to be added, removed, replaced or swapped with their neighbour. */
function distanceOf(a: string, b: string): number {
  let [twoBefore, before]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, index) => index)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1
      const least = Math.min((before[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (before[j - 1] ?? 0) + cost)
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(isSwap ? Math.min(least, (twoBefore[j - 2] ?? 0) + 1) : least)
    }
    ;[twoBefore, before] = [before, row]
  }
  return before[b.length] ?? 0
}

/** A word that may be repeated to the person: nothing that could be a secret that landed in the wrong place. */
export const quoted = (word: string): string => (/^-{0,2}[a-z][a-z-]{0,30}$/.test(word) ? JSON.stringify(word) : 'that')
