import { type EndingName, type Event, latestEffect } from '../event.ts'
import type { Discrepancy } from '../oracle.ts'
import type { Verdict, Violation } from './property.ts'

/** An ending in the audit trail. */
export interface AuditedEnding {
  readonly type: string
  readonly position: number
}

const name = 'P10'
const title = 'the tables agree with each other and with the answers'

/** Endings that write their event whatever they find, so acknowledged ones can be counted. */
const counted: Readonly<Record<string, readonly EndingName[]>> = {
  'user_client.ended': ['end user and client'],
  'client.ended': ['end client', 'not-before of client'],
  'all.ended': ['end all'],
  'user.password_reset': ['reset password'],
}

/**
 * What the oracle saw, in one snapshot at a time, and the audit trail at the end: an acknowledged ending is there exactly once, at the position
 * that it was answered with; one in doubt is there at most once.
 */
export function tablesAgree(
  events: readonly Event[],
  oracle: { readonly looks: number; readonly discrepancies: readonly Discrepancy[] },
  trail: { readonly endings: readonly AuditedEnding[]; readonly types: Readonly<Record<string, number>> },
): Verdict {
  const violations: Violation[] = oracle.discrepancies.map(({ at, check, detail }) => ({
    property: name,
    message: `not so: ${check}`,
    about: detail,
    events: events
      .filter((event) => event.ends && event.tInvoke <= at && latestEffect(event) >= at - 300_000)
      .slice(0, 12),
  }))
  let checked = oracle.looks
  const violated = (about: string, message: string, of: readonly Event[]) =>
    violations.push({ property: name, message, about, events: of })

  const byPosition = new Map(trail.endings.map((ending) => [ending.position, ending]))
  const answered = new Map<number, Event>()
  for (const event of events) {
    if (event.outcome !== 'ok' || event.drewPosition !== true || event.position === undefined) continue
    checked++
    const other = answered.get(event.position)
    if (other) violated(`position ${event.position}`, 'two endings were answered with one position', [other, event])
    answered.set(event.position, event)
    if (!byPosition.has(event.position))
      violated(`position ${event.position}`, 'an acknowledged ending left no audit event', [event])
  }
  for (const [type, ops] of Object.entries(counted)) {
    const sent = events.filter((event) => (ops as readonly string[]).includes(event.op))
    const acked = sent.filter((event) => event.outcome === 'ok')
    const doubtful = sent.filter((event) => event.outcome === 'info')
    const found = trail.types[type] ?? 0
    checked++
    if (found < acked.length || found > acked.length + doubtful.length)
      violated(type, `${found} audit events for ${acked.length} answered and ${doubtful.length} unanswered endings`, [])
  }
  return { property: name, title, checked, violations }
}
