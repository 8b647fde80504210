import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { CleanupObserver } from './cleanup.ts'
import type { Feed } from './protocol/feed/feed.ts'
import { countDueAuditPartitions } from './store/audit-partitions.ts'
import { measureBacklog, type Retention } from './store/cleanup.ts'
import type { Database } from './store/database.ts'

/** What one process has counted. */
export type Numbers = Awaited<ReturnType<Registry['getMetricsAsJSON']>>

export interface Metrics {
  /** Counts what the cleanup does. */
  readonly cleanup: CleanupObserver
  readonly contentType: string
  /** Of this process alone. */
  numbers(): Promise<Numbers>
  /** Everything in the text format of Prometheus. Never an id of anybody or anything in a label. */
  text(): Promise<string>
}

/** Anybody may ask, so the database is asked at most this often. */
const measuredMs = 10_000

/**
 * The numbers of several processes as those of one. They add up, unless a metric has an `aggregator` of its own: what every process reads from
 * the same database is not there several times.
 */
export const sumOf = (numbers: Numbers[]): Registry => AggregatorRegistry.aggregate(numbers)

/** The metrics of one server: several in one process do not add up. `gather` gets those of every process, where there are several. */
export function createMetrics(
  db: Database,
  retention: Retention,
  feed: Feed,
  gather?: () => Promise<Numbers[]>,
): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const perTable = { labelNames: ['table'] as const, registers }
  const gauge = (name: string, help: string) =>
    new Gauge({ name: `falconer_${name}`, help, aggregator: 'max', ...perTable })
  const counter = (name: string, help: string) => new Counter({ name: `falconer_${name}`, help, ...perTable })

  const deleted = counter('cleanup_deleted_rows_total', 'Rows deleted because they had run out')
  const batches = counter('cleanup_batches_total', 'Statements that deleted some')
  const duration = new Histogram({
    name: 'falconer_cleanup_batch_duration_seconds',
    help: 'Time of one of these statements, with its commit',
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  })
  const rounds = new Counter({
    name: 'falconer_cleanup_rounds_total',
    help: 'Rounds of the cleanup, by outcome',
    labelNames: ['outcome'] as const,
    registers,
  })
  const lastComplete = new Gauge({
    name: 'falconer_cleanup_last_complete_timestamp_seconds',
    help: 'When a round last left nothing behind; 0: not since the start',
    aggregator: 'max',
    registers,
  })
  const backlog = gauge('cleanup_backlog_rows', 'Rows that are due, counted up to 1000; the same on every instance')
  const oldest = gauge('cleanup_oldest_due_seconds', 'How long the oldest of them has been due')
  const partitions = new Gauge({
    name: 'falconer_audit_partitions_due',
    help: 'Monthly partitions of the audit that are due to be dropped',
    aggregator: 'max',
    registers,
  })

  const connections = new Gauge({
    name: 'falconer_database_connections',
    help: 'Connections of this instance that are open and idle, and requests that wait for one',
    labelNames: ['state'] as const,
    registers,
  })

  const ofFeed = (name: string, help: string, aggregator: 'sum' | 'max') =>
    new Gauge({ name: `falconer_feed_${name}`, help, aggregator, registers })
  const streams = ofFeed('streams', 'Verifiers that listen to this instance', 'sum')
  const entries = ofFeed(
    'entries',
    'Entries of the revocation feed in the memory of this instance; 0 while nobody reads it',
    'max',
  )
  const position = ofFeed('position', 'The newest position that this instance has read', 'max')

  let measuring: Promise<void> | undefined
  let measuredAt = Number.NEGATIVE_INFINITY
  const measure = async (): Promise<void> => {
    // What cannot be measured now is left out: an old number would look like a new one.
    for (const metric of [backlog, oldest]) metric.reset()
    partitions.set(Number.NaN)
    for (const { table, rows, oldestSeconds } of await measureBacklog(db, retention)) {
      backlog.set({ table }, rows)
      oldest.set({ table }, oldestSeconds)
    }
    partitions.set(await countDueAuditPartitions(db, retention.auditDays))
  }
  const measureNowAndThen = (): Promise<void> => {
    if (performance.now() - measuredAt < measuredMs) return measuring ?? Promise.resolve()
    measuredAt = performance.now()
    measuring = measure().catch(() => undefined)
    return measuring
  }
  const refresh = async (): Promise<void> => {
    await measureNowAndThen()
    for (const [state, count] of Object.entries(db.connections())) connections.set({ state }, count)
    const counts = feed.counts()
    streams.set(counts.subscribers)
    entries.set(counts.entries)
    position.set(counts.head)
  }
  return {
    cleanup: {
      batch: (table, rows, seconds) => {
        deleted.inc({ table }, rows)
        batches.inc({ table })
        duration.observe(seconds)
      },
      round: (outcome) => {
        rounds.inc({ outcome })
        if (outcome === 'complete') lastComplete.setToCurrentTime()
      },
    },
    contentType: registry.contentType,
    numbers: async () => {
      await refresh()
      return registry.getMetricsAsJSON()
    },
    text: async () => {
      if (gather) return sumOf(await gather()).metrics()
      await refresh()
      return registry.metrics()
    },
  }
}
