// The targets: what has to hold ("commit") and what the floor says is there ("stretch"). Most are ratios within one run.
import { median } from './medians.mjs'

const ours = 'falconer'
const prepared = 'oidc-provider prepared'

const rows = [
  atLeast('refresh, c=32: requests per second, ours ÷ prepared', 4, 5.5, (run) => rates(run, 'refresh', 32)),
  atLeast('refresh, c=32: CPU of server and PostgreSQL per request, prepared ÷ ours', 5, 7, (run) =>
    quotient(run, 'refresh', 32, 'cpu', prepared, ours),
  ),
  atLeast('refresh, c=8: p99, prepared ÷ ours', 2.5, 3.5, (run) =>
    quotient(run, 'refresh', 8, 'p99Ms', prepared, ours),
  ),
  atLeast('code exchange, c=32: ours ÷ prepared', 3.5, 5, (run) => rates(run, 'code-exchange', 32)),
  atLeast('login with hashing off, c=8: ours ÷ prepared', 3.5, 5, (run) => rates(run, 'login-unhashed', 8)),
  atLeast('introspection, c=32: ours of a JWT ÷ prepared of an opaque token', 1.8, 2.4, (run) =>
    rates(run, 'introspection', 32),
  ),
  atLeast('introspection of tokens seen before, c=32: the same', 4, 7, (run) => rates(run, 'introspection-again', 32)),
  atLeast('client credentials, c=32: ours ÷ prepared', 1.3, 1.8, (run) => rates(run, 'client-credentials', 32)),
  atLeast('client credentials, two processes, c=64: ours ÷ prepared', 2, 2.8, (run) =>
    rates(run, 'client-credentials', 64, 2),
  ),
  atLeast('revocation of a refresh token, c=32: ours ÷ prepared', 1.5, 2.5, (run) => rates(run, 'revocation', 32)),
  atLeast('JWKS, c=32: ours ÷ prepared', 2.7, 3.6, (run) => rates(run, 'jwks', 32)),
  atLeast('discovery, c=32: ours ÷ prepared', 2.7, 5, (run) => rates(run, 'discovery', 32)),
  atMost('refresh, c=32: CPU of server and PostgreSQL per request, ours ÷ floor', 1.7, 1.3, (run) =>
    quotient(run, 'refresh', 32, 'cpu', ours, 'floor'),
  ),
  below('start to the first 200 with an existing database', 0.8, 0.5, 's', (run) => startSeconds(run)),
  below('resident memory, idle', 110, 90, 'MB', (run) => megabytes(run, 'idleBytes')),
  below('resident memory, under refresh load', 220, 180, 'MB', (run) => megabytes(run, 'loadedBytes')),
  atLeast('eight uses of one refresh token at once: rounds with exactly one successor, of all', 1, 1, (run) =>
    singleSuccessors(run, ours),
  ),
]

const elsewhere = [
  {
    figure: 'p99 of refresh, 10 million grants ÷ 10 thousand',
    commit: 1.5,
    stretch: 1.2,
    sign: '<',
    unit: '',
    measuredBy: 'bench/scale',
  },
  {
    figure: 'local verification, with the revocation check ÷ without',
    commit: 1.02,
    stretch: 1.01,
    sign: '<',
    unit: '',
    measuredBy: 'bench/revocation',
  },
]

/**
 * Every target with what was measured, the median of all runs; `isMet` is undefined where nothing was, `measuredBy` says where it is.
 * @param {object[]} runs what `run` gave; of an earlier one as it was written to a file
 */
export function judge(runs) {
  return [...rows.map((row) => judgeOne(row, runs)), ...elsewhere]
}

function judgeOne({ read, isMet, ...row }, runs) {
  const each = runs.map(read).filter((value) => value !== undefined)
  if (each.length === 0) return row
  const measured = median(each)
  return { ...row, measured, each, isMet: isMet(measured, row.commit), isStretched: isMet(measured, row.stretch) }
}

/** What a server measured in a flow, or undefined. */
export function figuresOf(run, flow, connections, name, processes = 1) {
  const stage = run.stages.find((one) => one.flow === flow && one.processes === processes)
  return stage?.servers.find((server) => server.name === name)?.levels[connections]
}

function atLeast(figure, commit, stretch, read) {
  return { figure, commit, stretch, sign: '≥', unit: '', read, isMet: (value, bound) => value >= bound }
}

function atMost(figure, commit, stretch, read) {
  return { figure, commit, stretch, sign: '≤', unit: '', read, isMet: (value, bound) => value <= bound }
}

function below(figure, commit, stretch, unit, read) {
  return { figure, commit, stretch, sign: '<', unit, read, isMet: (value, bound) => value < bound }
}

function quotient(run, flow, connections, name, above, beneath, processes) {
  const dividend = figuresOf(run, flow, connections, above, processes)?.[name]
  const divisor = figuresOf(run, flow, connections, beneath, processes)?.[name]
  return dividend === undefined || divisor === undefined ? undefined : dividend / divisor
}

function rates(run, flow, connections, processes) {
  return quotient(run, flow, connections, 'rate', ours, prepared, processes)
}

const single = (run) =>
  run.stages
    .filter(({ processes }) => processes === 1)
    .map(({ flow, servers }) => ({ flow, server: servers.find(({ name }) => name === ours) }))
    .filter(({ server }) => server)

/** The median of all its starts. */
function startSeconds(run) {
  const all = single(run).flatMap(({ server }) => server.startMs)
  return all.length === 0 ? undefined : median(all) / 1000
}

function megabytes(run, name) {
  const bytes = single(run).find(({ flow }) => flow === 'refresh')?.server[name]
  return bytes === undefined ? undefined : bytes / 1e6
}

function singleSuccessors(run, name) {
  const found = run.races.find((one) => one.name === name)
  return found && (found.successors[1] ?? 0) / found.rounds
}
