import { longestAccessTokenSeconds } from '../domain/signing-key.ts'
import { type Receipt, waitForVerifiers } from '../protocol/feed/receipt.ts'
import { readClock } from '../store/not-before.ts'
import type { AdminTools } from './tools.ts'

export type { Receipt } from '../protocol/feed/receipt.ts'

/** When an ending that has just been committed is obeyed everywhere, RFC 3339. Read after the commit, so that both lie behind it. */
export async function deadlinesOf(tools: AdminTools): Promise<{ bound: string; expired_by: string }> {
  const now = await readClock(tools.db)
  const after = (seconds: number): string => new Date((now + seconds) * 1000).toISOString()
  return { bound: after(tools.feed.policy.maxStalenessSeconds), expired_by: after(longestAccessTokenSeconds) }
}

/** The receipt of a position for whoever wants to wait for it; nothing otherwise. */
export async function receiptOf(
  position: number,
  tools: AdminTools,
  waitSeconds: number | undefined,
): Promise<Receipt | Record<string, never>> {
  return waitSeconds === undefined ? {} : waitForReceipt(position, tools, waitSeconds)
}

/** The receipt of a position, as soon as everybody obeys it or the time is over. */
export function waitForReceipt(position: number, { db, feed }: AdminTools, waitSeconds: number): Promise<Receipt> {
  const { maxStalenessSeconds } = feed.policy
  return waitForVerifiers(db, position, { waitSeconds, maxStalenessSeconds })
}
