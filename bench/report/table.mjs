import { flows } from '../flows/index.mjs'

const number = (value, digits = value < 10 ? 2 : value < 100 ? 1 : 0) =>
  value === undefined
    ? '–'
    : value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })

function verdictOf({ isMet, isStretched, measuredBy }) {
  if (measuredBy) return `see ${measuredBy}`
  if (isMet === undefined) return 'not measured'
  if (isStretched) return 'met, and the stretch'
  return isMet ? 'met' : 'MISSED'
}

/** What each of several runs measured. */
const eachOf = ({ each }) => (each.length === 1 ? '' : ` (${each.map((value) => number(value)).join(', ')})`)

/** The targets as rows of texts. */
export function targetRows({ targets }) {
  const bound = ({ sign, unit }, value) => `${sign} ${value}${unit && ` ${unit}`}`
  const rows = targets.map((row) => [
    row.figure,
    bound(row, row.commit),
    bound(row, row.stretch),
    row.measured === undefined ? '–' : `${number(row.measured)}${row.unit && ` ${row.unit}`}${eachOf(row)}`,
    verdictOf(row),
  ])
  return [['figure', 'commit', 'stretch', 'measured', ''], ...rows]
}

/** What each server did in one stage, as rows of texts; processor time only where it could be read. */
export function stageRows({ servers, levels }) {
  const hasCpu = servers.some((server) => levels.some((c) => server.levels[c]?.cpu !== undefined))
  const head = ['server', 'connections', 'per second', 'p50 ms', 'p99 ms']
  const rows = levels.flatMap((c) =>
    servers.map(({ name, levels: { [c]: figures } }) => [
      name,
      String(c),
      number(figures.rate, 0),
      number(figures.p50Ms),
      number(figures.p99Ms),
      ...(hasCpu ? [number(figures.serverCpu, 3), number(figures.postgresCpu, 3)] : []),
    ]),
  )
  return [[...head, ...(hasCpu ? ['server CPU s/1,000', 'PostgreSQL CPU s/1,000'] : [])], ...rows]
}

/** What one request of each flow asks of the database at 32 connections. */
export function databaseRows({ stages }) {
  const rows = stages.flatMap(({ flow, servers }) =>
    servers
      .filter(({ database }) => database)
      .map(({ name, database }) => [
        flows[flow].title,
        name,
        number(database.statements, 2),
        number(database.writes, 2),
        number(database.fsyncs, 2),
        number(database.walBytes, 0),
      ]),
  )
  return [['flow', 'server', 'statements', 'writing transactions', 'fsyncs of the log', 'bytes of log'], ...rows]
}

/** How the race ended. */
export function raceRows({ races }) {
  const rows = races.map(({ name, rounds, successors, answered }) => [
    name,
    String(rounds),
    Object.entries(successors)
      .map(([count, times]) => `${count} in ${times}`)
      .join(', '),
    answered[0] === answered[1] ? String(answered[0]) : `${answered[0]} to ${answered[1]}`,
  ])
  return [['server', 'rounds', 'different successors', 'uses answered with tokens'], ...rows]
}

export const titleOf = ({ flow, processes }) =>
  `${flows[flow].title}${processes === 1 ? '' : `, ${processes} processes`}`

const quietBelow = 0.1

/** How undisturbed the run was, in words. */
export function disturbanceText({ disturbance }) {
  if (!disturbance) return 'How much of the processors others had is not known here.'
  const { otherPrograms, otherGuests } = disturbance
  const percent = (share) => `${(share * 100).toFixed(0)} %`
  const said = `During the rounds other programs had ${percent(otherPrograms)} of the processors, and other guests of the host ${percent(otherGuests)}`
  return otherPrograms + otherGuests < quietBelow ? `${said}.` : `${said}: too much for figures to rely on.`
}

/** The whole report for a terminal. */
export function toText(report) {
  const { facts, rounds, seconds, isQuick } = report
  const parts = [
    `Falconer bench, ${facts.date}: ${facts.cpu}, ${facts.memoryGiB} GiB, ${facts.system}, Node ${facts.node}, PostgreSQL ${facts.postgres}, oidc-provider ${facts.oidcProvider}`,
    `medians of ${rounds} rounds of ${seconds} s. ${disturbanceText(report)}${isQuick ? '\nA quick run: these figures are rough.' : ''}`,
    ...report.stages.map((stage) => `${titleOf(stage)}\n${align(stageRows(stage))}`),
  ]
  const database = databaseRows(report)
  if (database.length > 1) parts.push(`One request at 32 connections\n${align(database)}`)
  if (report.races.length > 0) parts.push(`Eight uses of one refresh token at once\n${align(raceRows(report))}`)
  const shown = report.targets.filter(({ measured, measuredBy }) => measured !== undefined || measuredBy)
  parts.push(`Targets\n${align(targetRows({ targets: shown }))}`)
  const missing = report.targets.length - shown.length
  if (missing > 0) parts.push(`${missing} more were not measured by this run.`)
  return `\n${parts.join('\n\n')}\n`
}

function align(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => [...row[column]].length)))
  const isNumeric = rows[0].map((_, column) => rows.slice(1).every((row) => /^[\d.,–]+$/.test(row[column])))
  const cell = (text, column) => (isNumeric[column] ? text.padStart(widths[column]) : text.padEnd(widths[column]))
  return rows.map((row) => `  ${row.map(cell).join('  ').trimEnd()}`).join('\n')
}
