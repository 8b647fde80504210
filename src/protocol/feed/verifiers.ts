import { setTimeout as sleep } from 'node:timers/promises'
import type { Queries } from '../../store/database.ts'
import { forgetFeedInstances, promiseFeed, reportVerifiers } from '../../store/feed-promises.ts'
import type { Reading } from './reader.ts'

/** Who may be fresh by what this instance has sent: for those who wait until an ending is obeyed everywhere. */
export interface Verifiers {
  /** Makes sure that the database knows of this instance for as long as anybody is fresh by this reading; before a frame of it is sent. */
  promise(reading: Reading): Promise<void>
  /** Whether anybody may still be fresh by something that was sent. */
  mayBeFresh(reading: Reading): boolean
  /** A frame of this reading may be sent to this verifier, and make it fresh. */
  mayGet(id: string, reading: Reading): void
  acknowledge(id: string, position: number): void
  /** Tells those who wait where the verifiers of this instance stand, now and whenever that changes. */
  report(reading: Reading): void
}

const reportPauseMs = 10
const keptSeconds = 60

export function createVerifiers(
  db: Queries,
  { instance, maxStalenessSeconds }: { instance: string; maxStalenessSeconds: number },
  onError: (error: unknown) => void,
): Verifiers {
  const known = new Map<string, { position: number; freshUntil: number }>()
  let promisedUntil = 0
  let prunedAt = 0
  let latest: Reading | undefined
  let reporting: Promise<void> | undefined
  let isChanged = false

  const prune = (nowSeconds: number): void => {
    if (nowSeconds - prunedAt < keptSeconds) return
    prunedAt = nowSeconds
    for (const [id, { freshUntil }] of known) if (freshUntil < nowSeconds - keptSeconds) known.delete(id)
  }

  const toReport = (): Reading | undefined => (isChanged && latest?.awaited != null ? latest : undefined)

  const reportNow = async (): Promise<void> => {
    for (let reading = toReport(); reading; reading = toReport()) {
      isChanged = false
      const list = [...known].map(([id, { position, freshUntil }]) => [id, position, freshUntil] as const)
      await reportVerifiers(db, instance, reading.head, list)
      // Acknowledgements come in crowds.
      await sleep(reportPauseMs)
    }
  }

  const report = (): void => {
    isChanged = true
    if (latest?.awaited == null) return
    reporting ??= reportNow()
      .catch(onError)
      .finally(() => {
        reporting = undefined
      })
  }

  return {
    promise: async ({ asofSeconds }) => {
      if (promisedUntil > asofSeconds + 2 * maxStalenessSeconds) return
      promisedUntil = await promiseFeed(db, instance, 4 * maxStalenessSeconds)
      await forgetFeedInstances(db)
    },
    mayBeFresh: ({ asofSeconds }) => promisedUntil > asofSeconds,
    mayGet: (id, { asofSeconds }) => {
      prune(asofSeconds)
      const freshUntil = asofSeconds + maxStalenessSeconds
      const verifier = known.get(id)
      if (verifier) verifier.freshUntil = Math.max(verifier.freshUntil, freshUntil)
      else known.set(id, { position: 0, freshUntil })
    },
    acknowledge: (id, position) => {
      const verifier = known.get(id)
      if (verifier && verifier.position >= position) return
      // It may have come over from another instance: nothing that was sent from here keeps it fresh.
      known.set(id, { position, freshUntil: verifier?.freshUntil ?? 0 })
      report()
    },
    report: (reading) => {
      latest = reading
      if (reading.awaited !== null) report()
    },
  }
}
