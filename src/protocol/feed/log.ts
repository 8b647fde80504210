import type { FeedEntry } from '../../domain/feed.ts'

/** The entries that still matter, in the memory of one instance, oldest first. */
export interface FeedLog {
  readonly size: number
  /** Adds what comes after everything that is in it. */
  append(entries: readonly FeedEntry[]): void
  /** The JSON of at most `limit` entries after a position, and the position of the last of them. */
  after(position: number, limit: number): { readonly json: string[]; readonly last: number; readonly isAll: boolean }
  /** Forgets the oldest ones, as long as their time is over. */
  prune(nowSeconds: number): void
  clear(): void
}

const leastPruned = 1024

/** Three arrays side by side instead of an object for each: there may be a million. */
export function createFeedLog(): FeedLog {
  let positions: number[] = []
  let untils: number[] = []
  let texts: string[] = []

  /** Where the first entry after that position stands. */
  const indexAfter = (position: number): number => {
    let [low, high] = [0, positions.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((positions[middle] ?? 0) > position) high = middle
      else low = middle + 1
    }
    return low
  }

  return {
    get size() {
      return positions.length
    },
    append: (entries) => {
      for (const entry of entries) {
        positions.push(entry[0])
        untils.push(entry[3])
        texts.push(JSON.stringify(entry))
      }
    },
    after: (position, limit) => {
      const start = indexAfter(position)
      const json = texts.slice(start, start + limit)
      return {
        json,
        last: positions[start + json.length - 1] ?? position,
        isAll: start + json.length === positions.length,
      }
    },
    prune: (nowSeconds) => {
      let count = 0
      while (count < untils.length && (untils[count] ?? 0) < nowSeconds) count++
      if (count === 0 || (count < leastPruned && count < positions.length)) return
      positions = positions.slice(count)
      untils = untils.slice(count)
      texts = texts.slice(count)
    },
    clear: () => {
      positions = []
      untils = []
      texts = []
    },
  }
}
