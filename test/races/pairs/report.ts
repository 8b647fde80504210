import type { Raced } from './race.ts'

/** What one race came to, with what was logged meanwhile: deadlocks by PostgreSQL, errors by the servers. */
export interface Result extends Raced {
  readonly deadlocks: readonly string[]
  readonly errors: readonly string[]
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0)

export function linesOf(result: Result): string[] {
  const { name, seconds, meetings, tried, deadlocks, survivors, innocents, failures, errors, counts } = result
  const requests = sum(Object.values(counts).flatMap((outcomes) => Object.values(outcomes)))
  const operations = Object.entries(counts)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([operation, outcomes]) => {
      const said = Object.entries(outcomes).sort(([a], [b]) => a.localeCompare(b))
      return `    ${operation.padEnd(24)} ${said.map(([outcome, n]) => `${outcome}: ${n}`).join(', ')}`
    })
  const found = { survivors, 'ended innocents': innocents, failures, 'in the log': errors, deadlocks }
  const findings = Object.entries(found).flatMap(([what, all]) => listed(what, all))
  return [
    `${name}: ${seconds.toFixed(1)} s, ${meetings} meetings, ${requests} requests, ${tried} ended things tried again, ` +
      `${deadlocks.length} deadlocks, ${survivors.length} survivors, ${innocents.length} innocents, ${failures.length} failures`,
    ...operations,
    ...findings,
  ]
}

/** Equal findings once, with their number; times and ids differ, and count as equal. */
function listed(what: string, all: readonly string[]): string[] {
  const kinds = new Map<string, { first: string; n: number }>()
  for (const one of all) {
    const kind = one.replaceAll(/\b[\da-f][\da-f.-]*\b/g, 'n')
    kinds.set(kind, { first: kinds.get(kind)?.first ?? one, n: (kinds.get(kind)?.n ?? 0) + 1 })
  }
  return [...kinds.values()].map(({ first, n }) => `    !! ${what}, ${n} ×: ${first}`)
}

/** One row for each race and their sum. */
export function tableOf(results: readonly Result[]): string {
  const head = [
    'race',
    'seconds',
    'meetings',
    'requests',
    'tried again',
    'deadlocks',
    'survivors',
    'innocents',
    'failures',
  ]
  const rows = results.map((result) => [
    result.name,
    result.seconds,
    result.meetings,
    sum(Object.values(result.counts).flatMap((outcomes) => Object.values(outcomes))),
    result.tried,
    result.deadlocks.length,
    result.survivors.length,
    result.innocents.length,
    result.failures.length + result.errors.length,
  ])
  const total = ['all', ...head.slice(1).map((_, at) => sum(rows.map((row) => Number(row[at + 1]))))]
  const cells = [head, ...rows, total].map((row) =>
    row.map((cell) => (typeof cell === 'number' ? String(Math.round(cell)) : cell)),
  )
  const widths = head.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)))
  return cells
    .map((row) =>
      row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join('  '),
    )
    .join('\n')
}
