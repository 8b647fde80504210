import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import { sealAuditEvents } from './admin/audit-sealing.ts'
import type { AdminTools } from './admin/tools.ts'
import { sendWebhooks } from './admin/webhook-sending.ts'
import { type CleanupObserver, createCleanup } from './cleanup.ts'
import { Unavailable } from './domain/unavailable.ts'
import { maintainKeys } from './protocol/keys/rotation.ts'
import { makeAuditPartitions } from './store/audit-partitions.ts'
import type { Retention } from './store/cleanup.ts'

export interface MaintenanceOptions {
  readonly retention: Retention
  /** How long an instance rests between two rounds of the cleanup, on average. */
  readonly cleanupSeconds: number
  readonly observer: CleanupObserver
  readonly logger: FastifyBaseLogger
}

/** What runs now and then on every instance. */
export interface Maintenance {
  /** Stops after the statement that is under way. */
  stop(): Promise<void>
}

const upkeepSeconds = 600
/** How often audit events are sealed, in times of a cleanup: every ten seconds unless the operator chose otherwise. */
const sealingsPerCleanup = 6

/** Does once what a server cannot begin without, then goes on now and then. A fault is logged, and the next time is another try. */
export async function startMaintenance(
  tools: AdminTools,
  { cleanupSeconds, ...options }: MaintenanceOptions,
): Promise<Maintenance> {
  await keepUp(tools)
  const stopping = new AbortController()
  const { signal } = stopping
  const repeat = async (name: string, seconds: number, work: () => Promise<void>): Promise<void> => {
    for (;;) {
      // Instances that were started together do not stay together. No process is kept alive for this.
      const ms = seconds * 1000 * (0.5 + Math.random())
      await sleep(ms, undefined, { signal, ref: false }).catch(() => undefined)
      if (signal.aborted) return
      await work().catch((error: unknown) => {
        const level = error instanceof Unavailable ? 'warn' : 'error'
        options.logger[level]({ err: error }, `${name} failed`)
      })
    }
  }
  const running = [
    repeat('maintenance', upkeepSeconds, () => keepUp(tools)),
    repeat('audit sealing', cleanupSeconds / sealingsPerCleanup, async () => {
      await tools.flushAudit()
      await sealAuditEvents(tools, signal)
    }),
    repeat('webhooks', cleanupSeconds / sealingsPerCleanup, async () => void (await sendWebhooks(tools, signal))),
    repeat('cleanup', cleanupSeconds, createCleanup({ ...options, db: tools.db, signal })),
  ]
  return {
    stop: async () => {
      stopping.abort()
      await Promise.all(running)
      await tools.flushAudit().catch((error: unknown) => options.logger.error({ err: error }, 'audit events were lost'))
    },
  }
}

/** Keys to sign with, partitions for what is audited. Each step happens once, whichever instance comes first. */
export async function keepUp({ db, seal, keyPolicy }: AdminTools): Promise<void> {
  await makeAuditPartitions(db)
  await maintainKeys(db, seal, keyPolicy)
}
