import { Unavailable } from '../domain/unavailable.ts'
import { countSessions, countSignIns, type HourOfSessions, type HourOfSignIns } from '../store/activity.ts'
import type { AdminTools } from './tools.ts'

export type { HourOfSessions, HourOfSignIns } from '../store/activity.ts'

/** What went on during the last day. Undefined: there is more of it than can be counted in the time that a statement has. */
export interface Activity {
  readonly signIns: readonly HourOfSignIns[] | undefined
  readonly sessions: readonly HourOfSessions[] | undefined
}

/** However many people look at it, the database counts this often. */
const countedMs = 10_000

/** Reads the activity, at most once in a few seconds. */
export function createActivityReader({ db }: AdminTools): () => Promise<Activity> {
  let counted: Promise<Activity> | undefined
  let countedAt = Number.NEGATIVE_INFINITY
  const count = async (): Promise<Activity> => {
    const [signIns, sessions] = await Promise.all([orTooMany(countSignIns(db)), orTooMany(countSessions(db))])
    return { signIns, sessions }
  }
  return () => {
    if (counted && performance.now() - countedAt < countedMs) return counted
    countedAt = performance.now()
    counted = count()
    counted.catch(() => {
      counted = undefined
    })
    return counted
  }
}

const orTooMany = <T>(work: Promise<T>): Promise<T | undefined> =>
  work.catch((error: unknown) => {
    if (error instanceof Unavailable) return undefined
    throw error
  })
