import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { dropAuditPartition } from './store/audit-partitions.ts'
import {
  type ConsentKey,
  deleteDue,
  deleteOrphanConsents,
  type ExpiringTable,
  expiringTables,
  type Retention,
} from './store/cleanup.ts'
import type { Database } from './store/database.ts'

/** Who counts what the cleanup does. */
export interface CleanupObserver {
  batch(table: string, deletedRows: number, seconds: number): void
  round(outcome: 'complete' | 'failed'): void
}

export interface CleanupParts {
  readonly db: Database
  readonly retention: Retention
  readonly observer: CleanupObserver
  readonly logger: FastifyBaseLogger
  /** Aborted when the server stops: the statement that is under way is the last. */
  readonly signal: AbortSignal
}

const batchRows = 500
const leastRows = 50
const slowMs = 250
/** Rest after a batch, in times of what it took: an instance never uses more than a quarter of a connection for this. */
const restFactor = 3
/** Consents are walked through, a part in each round: no index tells which are left over. */
const consentPages = 10

/** One batch of a table; answers how many rows it deleted, and whether there may be more. */
type Batch = (limit: number) => Promise<{ deleted: number; more: boolean }>

/**
 * Makes a round of the cleanup: a batch of each table in turn, each its own commit, until nothing is left. After a batch it rests
 * longer than that took, so that nobody who signs in has to wait for it; where batches are slow they become smaller, and locks stay short.
 * @throws the first failure, after the other tables had their turn; what is left is the next round's
 */
export function createCleanup(parts: CleanupParts): () => Promise<void> {
  const { db, retention, observer, signal } = parts
  const limits = new Map<string, number>()
  const consents = consentBatches(db)

  const runBatch = async (table: string, batch: Batch): Promise<boolean> => {
    const limit = limits.get(table) ?? batchRows
    const began = performance.now()
    let isSlow = true
    try {
      const { deleted, more } = await batch(limit)
      const ms = performance.now() - began
      isSlow = ms > slowMs
      if (deleted > 0) observer.batch(table, deleted, ms / 1000)
      if (deleted > 0 || more) await sleep(ms * restFactor, undefined, { signal, ref: false }).catch(() => undefined)
      return more
    } finally {
      limits.set(table, isSlow ? Math.max(leastRows, Math.floor(limit / 2)) : Math.min(batchRows, limit * 2))
    }
  }

  return async () => {
    const failures: unknown[] = []
    let open: [string, Batch][] = [
      ...expiringTables.map((table): [string, Batch] => [table, dueBatches(db, table, retention)]),
      ['consents', consents],
      ['audit_events', partitionBatches(parts)],
    ]
    while (open.length > 0) {
      const unfinished: typeof open = []
      for (const [table, batch] of open) {
        if (signal.aborted) return
        const more = await runBatch(table, batch).catch((error: unknown) => {
          failures.push(error)
          return false
        })
        if (more) unfinished.push([table, batch])
      }
      open = unfinished
    }
    observer.round(failures.length === 0 ? 'complete' : 'failed')
    if (failures.length > 0) throw failures[0]
  }
}

function dueBatches(db: Database, table: ExpiringTable, retention: Retention): Batch {
  let fromAt: Date | null = null
  return async (limit) => {
    const { deleted, reachedAt, isCut } = await deleteDue(db, table, { retention, limit, fromAt })
    fromAt = reachedAt
    return { deleted, more: isCut || deleted === limit }
  }
}

function consentBatches(db: Database): Batch {
  let after: ConsentKey | undefined
  let pages = 0
  return async (limit) => {
    const { deleted, next } = await deleteOrphanConsents(db, limit, after)
    after = next
    pages = (pages + 1) % consentPages
    return { deleted, more: next !== undefined && pages > 0 }
  }
}

function partitionBatches({ db, retention, logger }: CleanupParts): Batch {
  return async () => {
    const name = await dropAuditPartition(db, retention.auditDays)
    if (name !== undefined) logger.info({ partition: name }, 'audit partition dropped')
    return { deleted: 0, more: name !== undefined }
  }
}
