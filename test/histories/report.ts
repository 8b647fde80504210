import { type Event, operations } from './event.ts'
import type { Violation } from './properties/property.ts'
import type { HistoryResult } from './run.ts'

/** The result in words: exact counts, and for every violation the events that contradict each other. */
export function describeResult(result: HistoryResult): string {
  const { operations: counts, kills, verdicts, violations, honest, grants } = result
  const of = (op: string, outcome: string) => counts[`${op}|${outcome}`] ?? 0
  const rows = operations
    .map((op) => [op, of(op, 'ok'), of(op, 'fail'), of(op, 'info')] as const)
    .filter(([, ok, fail, info]) => ok + fail + info > 0)
  const total = rows.reduce((sum, [, ok, fail, info]) => sum + ok + fail + info, 0)
  const lines = [
    `seed ${result.seed}, profile ${result.profile}: ${total} operations on ${grants} grants`,
    '',
    row('operation', 'ok', 'refused', 'no answer'),
    ...rows.map(([op, ok, fail, info]) => row(op, ok, fail, info)),
    '',
    `kill -9: ${entries(kills)}`,
    `scenes: ${entries(result.scenes)}`,
    `honest clients with a working token at the end: ${honest.working} of ${honest.all}`,
    '',
    ...verdicts.map(
      ({ property, title, checked, violations }) =>
        `${violations.length === 0 ? '✔' : '✘'} ${property.padEnd(3)} ${title}: checked ${checked}, violations ${violations.length}`,
    ),
  ]
  for (const violation of violations.slice(0, 5)) lines.push('', describeViolation(violation))
  if (violations.length > 5) lines.push('', `and ${violations.length - 5} more`)
  return lines.join('\n')
}

/** One counterexample, in time order, in milliseconds since its first event. */
export function describeViolation({ property, message, about, events }: Violation): string {
  const start = events[0]?.tInvoke ?? 0
  return [`${property}: ${message} (${about})`, ...events.map((event) => `  ${describeEvent(event, start)}`)].join('\n')
}

function describeEvent(event: Event, start: number): string {
  const ms = (at: number) => ((at - start) / 1000).toFixed(1)
  const { op, client, token, code, ends, returned, active, position, error } = event
  const what = [
    client && `by ${client}`,
    token && `token ${token}`,
    code && `code ${code}`,
    ends && `${ends.kind} ${ends.id ?? ''} ${ends.client ?? ''}`.trim(),
  ].filter(Boolean)
  const answer = [
    event.outcome,
    error,
    active === undefined ? undefined : active ? 'active' : 'inactive',
    position === undefined ? undefined : `position ${position}`,
    returned && `refresh ${returned.refresh} access ${returned.access} rvp ${returned.rvp}`,
  ].filter((part) => part !== undefined)
  const span = `[${ms(event.tInvoke)}, ${event.outcome === 'info' ? '?' : ms(event.tComplete)}]`
  return `${span.padEnd(20)} ${op} ${what.join(', ')} -> ${answer.join(', ')}   (${event.actor}, at instance ${event.instance}, ${event.id})`
}

const row = (op: string, ...counts: (string | number)[]): string =>
  op.padEnd(28) + counts.map((count) => String(count).padStart(10)).join('')

const entries = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${count} × ${name}`)
    .join(', ') || 'none'
