import { setTimeout as sleep } from 'node:timers/promises'
import type { Queries } from '../../store/database.ts'
import { beginWait, endWait, readStanding, type Standing } from '../../store/feed-promises.ts'

/** Where the verifiers stood when the answer was given (docs/revocation.md). */
export interface Receipt {
  /** `all`: no verifier accepts anything that the position has ended. `pending`: some still may, until `bound`. */
  readonly enforced: 'all' | 'pending'
  readonly verifiers: {
    /** Those that could accept something when the waiting began. */
    readonly live: number
    /** Those of them that have said that they obey. */
    readonly acked: number
    /** Those of them that have not, and that accept nothing any more. */
    readonly lapsed: number
  }
  /** Milliseconds from the end of the commit to this answer. */
  readonly enforced_at_ms: number
}

const pauseMs = { least: 5, most: 50 }

/**
 * Waits until every verifier obeys a position that is committed, at most `waitSeconds`. It is over in any case when the bound of staleness has
 * passed: then nobody is fresh by anything from before.
 */
export async function waitForVerifiers(
  db: Queries,
  position: number,
  { waitSeconds, maxStalenessSeconds }: { waitSeconds: number; maxStalenessSeconds: number },
): Promise<Receipt> {
  const began = performance.now()
  const elapsedMs = () => performance.now() - began
  const wait = await beginWait(db, position, waitSeconds)
  const live = new Set<string>()
  try {
    for (let pause = pauseMs.least; ; pause = Math.min(pause * 2, pauseMs.most)) {
      const { isComplete, pending, acked, fresh } = judge(await readStanding(db), position)
      for (const id of [...fresh, ...acked]) live.add(id)
      const isPast = elapsedMs() > maxStalenessSeconds * 1000
      const isEnforced = isPast || (isComplete && pending === 0)
      if (isEnforced || elapsedMs() >= waitSeconds * 1000) {
        const count = [...live].filter((id) => acked.has(id)).length
        const lapsed = isEnforced ? live.size - count : live.size - count - pending
        return {
          enforced: isEnforced ? 'all' : 'pending',
          verifiers: { live: live.size, acked: count, lapsed },
          enforced_at_ms: Math.round(elapsedMs()),
        }
      }
      await sleep(pause)
    }
  } finally {
    await endWait(db, wait)
  }
}

interface Judgement {
  /** Every instance that may keep somebody fresh has spoken since the position. */
  readonly isComplete: boolean
  readonly acked: ReadonlySet<string>
  readonly fresh: ReadonlySet<string>
  /** Fresh, and without the position as far as anybody knows. */
  readonly pending: number
}

/** A verifier may be known to several instances: it obeys when it has told any of them. */
function judge({ nowSeconds, instances }: Standing, position: number): Judgement {
  const acked = new Set<string>()
  const fresh = new Set<string>()
  for (const { verifiers } of instances) {
    for (const [id, applied, freshUntil] of verifiers) {
      if (applied >= position) acked.add(id)
      if (freshUntil > nowSeconds) fresh.add(id)
    }
  }
  const pending = [...fresh].filter((id) => !acked.has(id)).length
  return { isComplete: instances.every(({ reported }) => reported >= position), acked, fresh, pending }
}
