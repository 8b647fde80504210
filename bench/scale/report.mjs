// What was measured, as text for a terminal and as Markdown; and whether the targets are met.
import { named } from './chart.mjs'

/** p99 of the biggest size ÷ p99 of the smallest. */
const target = { commit: 1.5, stretch: 1.2 }

/** @returns one for each number of connections, and one for the plans */
export function judge({ sizes }) {
  const [first, last] = [sizes[0], sizes.at(-1)]
  const ratios = Object.keys(first.levels).map((level) => {
    const ratio = last.levels[level].p99Ms / first.levels[level].p99Ms
    const name = `p99 of refresh at c=${level}, ${named(last.rows)} ÷ ${named(first.rows)}`
    return { name, ratio, ...target, isMet: sizes.length > 1 ? ratio < target.commit : undefined }
  })
  return [
    ...ratios,
    {
      name: 'statements that read a whole table',
      ratio: wholes(sizes).length,
      commit: 0,
      isMet: wholes(sizes).length === 0,
    },
  ]
}

/** Plans that read all of something, and tables of more than a page that were read so. */
const wholes = (sizes) =>
  sizes.flatMap(({ rows, plans, tables }) => [
    ...plans.flatMap((plan) => plan.wholes.map((whole) => `${named(rows)}: ${plan.name}, ${whole}`)),
    ...tables
      .filter((table) => table.sequentialScans > 0)
      .map((table) => `${named(rows)}: ${table.name} was scanned ${table.sequentialScans} times`),
  ])

export function toText({ sizes, leftOut, disturbance, targets }) {
  const blocks = [
    ...tablesOf(sizes).map(({ head, rows }) => aligned([head, ...rows])),
    ...leftOut.map(({ rows, why }) => `left out: ${named(rows)}, which ${why}`),
    wholes(sizes).join('\n'),
    disturbed(disturbance),
    targets.map(verdict).join('\n'),
  ]
  return blocks.filter((block) => block !== '').join('\n\n')
}

const verdict = ({ name, ratio, commit, stretch, isMet }) => {
  const word = { true: 'met', false: 'MISSED', undefined: 'nothing to compare' }[isMet]
  const wanted = stretch === undefined ? String(commit) : `< ${commit}, stretch < ${stretch}`
  return `${word}: ${name}: ${Number.isInteger(ratio) ? ratio : ratio.toFixed(2)} (${wanted})`
}

export function toMarkdown({ facts, asked, settings, bytes, disturbance, seconds, rounds, sizes, leftOut, targets }) {
  const [refreshes, weights, cleanup] = tablesOf(sizes).map(markdownTable)
  const statements = sizes[0].plans
  const isSame = sizes.every(
    ({ plans }) =>
      JSON.stringify(plans.map(({ reads }) => reads)) === JSON.stringify(statements.map(({ reads }) => reads)),
  )
  return `## Refreshes and the number of sessions

![Latency of a refresh by number of sessions](images/scale.svg)

${targets.map((one) => `- ${verdict(one)}`).join('\n')}
${leftOut.map(({ rows, why }) => `- left out: ${named(rows)}, which ${why}\n`).join('')}
${facts.date}, ${facts.cpu}, ${facts.memoryGiB} GiB, ${facts.system}, Node ${facts.node}, PostgreSQL ${facts.postgres} on the same machine, syncing every commit
(${Object.entries(settings)
    .map(([name, value]) => `\`${name}\` ${value}`)
    .join(', ')}, otherwise as it comes). \`${commandOf(asked)}\`: each size is a database of its own
with live sessions, each with a grant, two sessions a user; all are there at once, vacuumed, written to the disk
and read through twice, as they are where a server has run for days (${gib(bytes)} GiB in all), with a production server each, and are loaded in turns. A round refreshes random grants of all there are, none twice,
for ${seconds} s or until it has refreshed 10,000; each rotates its token, which is a use of its session, too: that began up to 20 days ago, and lives by the refreshes of its app. Medians of ${rounds} rounds.
${disturbed(disturbance)}

${refreshes}

CPU is seconds per 1,000 refreshes; the last two are of PostgreSQL, for each refresh. Of the log (WAL) most is images of pages: PostgreSQL writes a page whole when it is changed for the first time after a checkpoint, and among more
sessions the next refresh more often meets a page that nobody has changed since.

${weights}

HOT is the share of updates that touched no index. A refresh writes nothing to its session.

Beside refreshes at c=8, the cleanup deletes 60,000 sessions and grants that have run out:

${cleanup}

<details><summary>${statements.length} statements and the indexes that they use${isSame ? ', the same at every size' : ', at the smallest size'}${wholes(sizes).length === 0 ? '; none reads a table from end to end unless it is a page long' : ''}</summary>

| statement | indexes |
|---|---|
${statements.map(({ name, reads }) => `| ${name} | ${reads.join(', ') || 'none: it adds rows, or its tables are a page long'} |`).join('\n')}

</details>`
}

/** Which PostgreSQL it was stands beside it, and its folder is nobody's but this machine's. */
const commandOf = ({ set, isOtherPostgres }) => {
  const given = [...(isOtherPostgres ? ['--postgres DIR'] : []), ...set.map((one) => `--set ${one}`)]
  return ['npm run bench:scale', ...(given.length > 0 ? ['--', ...given] : [])].join(' ')
}

/** What the machine did for others meanwhile; empty where that cannot be read. */
const disturbed = (shares) => {
  if (!shares) return ''
  const percent = (share) => `${(100 * share).toFixed(0)} %`
  return `During the rounds other programs had ${percent(shares.otherPrograms)} of the processors, and other guests of the host ${percent(shares.otherGuests)}.`
}

const tablesOf = (sizes) => [refreshTable(sizes), weightTable(sizes), cleanupTable(sizes)]

function refreshTable(sizes) {
  const head = [
    'sessions',
    'c',
    'requests/s',
    'p50 ms',
    'p99 ms',
    'p99 ÷ first',
    'CPU server',
    'CPU PostgreSQL',
    'WAL bytes',
    'bytes from the disk',
  ]
  const rows = Object.keys(sizes[0].levels).flatMap((level) =>
    sizes.map((size) => {
      const { rate, p50Ms, p99Ms, serverCpu, postgresCpu, walBytes, readBytes } = size.levels[level]
      const ratio = p99Ms / sizes[0].levels[level].p99Ms
      return [
        named(size.rows),
        level,
        whole(rate),
        p50Ms.toFixed(2),
        p99Ms.toFixed(2),
        ratio.toFixed(2),
        cpu(serverCpu),
        cpu(postgresCpu),
        whole(walBytes),
        readBytes === undefined ? '–' : whole(readBytes),
      ]
    }),
  )
  return { head, rows }
}

function weightTable(sizes) {
  const head = [
    'sessions',
    'grants MiB',
    'their indexes',
    'sessions MiB',
    'their indexes',
    'refreshes',
    'grants HOT',
    'session writes per refresh',
    'seeded in s',
  ]
  const rows = sizes.map(({ rows: count, tables, refreshes, seedSeconds }) => {
    const [grants, sessions] = ['grants', 'sessions'].map((name) => tables.find((table) => table.name === name))
    const hot = ({ updates, hotUpdates }) => `${((100 * hotUpdates) / updates).toFixed(2)} %`
    return [
      named(count),
      mib(grants.bytes),
      mib(grants.indexBytes),
      mib(sessions.bytes),
      mib(sessions.indexBytes),
      whole(refreshes),
      hot(grants),
      (sessions.updates / refreshes).toFixed(2),
      whole(seedSeconds),
    ]
  })
  return { head, rows }
}

function cleanupTable(sizes) {
  const head = [
    'sessions',
    'rows deleted/s',
    'time in its statements',
    'seconds per 1,000 rows',
    'p99 ms of refreshes without',
    'and beside it',
  ]
  const rows = sizes.map(({ rows: count, cleanup }) => [
    named(count),
    whole(cleanup.rowsPerSecond),
    `${(100 * cleanup.busyShare).toFixed(0)} %`,
    cleanup.busySecondsPerThousand.toFixed(3),
    cleanup.p99Ms.without.toFixed(1),
    cleanup.p99Ms.beside.toFixed(1),
  ])
  return { head, rows }
}

const markdownTable = ({ head, rows }) =>
  [head, head.map((_, i) => (i === 0 ? '---' : '--:')), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

function aligned(rows) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((cells) => cells[i].length)))
  return rows
    .map((cells) => cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '))
    .join('\n')
}

const whole = (value) => Math.round(value).toLocaleString('en')
const gib = (bytes) => (bytes / 2 ** 30).toFixed(1)
const mib = (bytes) => (bytes / 2 ** 20).toFixed(bytes < 100 * 2 ** 20 ? 1 : 0)
const cpu = (value) => (value === undefined ? '–' : value.toFixed(3))
