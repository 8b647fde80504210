import { spawnSync } from 'node:child_process'
import fs from 'node:fs'

/**
 * Whether a process runs that was started with this argument. A zombie does not run (in a container without an init
 * nobody reaps it), and a number that another program got since is not the process that was meant.
 */
export function isRunningWith(pid: number, argument: string): boolean {
  if (startOf(pid) === undefined) return false
  if (process.platform !== 'linux') return ps(pid, 'command=')?.includes(argument) ?? false
  return read(`/proc/${pid}/cmdline`)?.split('\0').includes(argument) ?? false
}

/**
 * Makes this process the owner of a directory through a file in it, and returns what gives it back.
 * @throws when the owner in the file is still running: `refuse` makes the error from its pid
 */
export function claimOwnership(file: string, refuse: (pid: number) => Error): () => void {
  // A pid alone is not enough: it is used again, and in a container it is nearly always the same.
  const mine = `${process.pid} ${startOf(process.pid)}`
  const draft = `${file}.${process.pid}`
  fs.writeFileSync(draft, mine, { mode: 0o600 })
  try {
    // A link appears at once and complete, and fails when there is one already.
    while (!tryLink(draft, file)) removeIfStale(file, refuse)
  } finally {
    fs.rmSync(draft, { force: true })
  }
  return () => {
    if (read(file) === mine) fs.rmSync(file, { force: true })
  }
}

function removeIfStale(file: string, refuse: (pid: number) => Error): void {
  const text = read(file)
  if (text === undefined) return
  const pid = Number.parseInt(text, 10)
  if (pid > 0 && text === `${pid} ${startOf(pid)}`) throw refuse(pid)
  // Moved aside before it is removed: another start may have replaced the stale file in between, and must get its own back.
  const aside = `${file}.${process.pid}.stale`
  try {
    fs.renameSync(file, aside)
  } catch {
    return
  }
  if (read(aside) !== text) tryLink(aside, file)
  fs.rmSync(aside, { force: true })
}

function tryLink(from: string, to: string): boolean {
  try {
    fs.linkSync(from, to)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

function read(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** When a process was started, in the system's own words; undefined for one that is gone. */
function startOf(pid: number): string | undefined {
  if (process.platform !== 'linux') {
    const line = ps(pid, 'stat=,lstart=')
    return line?.startsWith('Z') ? undefined : line?.replace(/^\S+\s+/, '')
  }
  // The second field is the program's name in parentheses, and may hold anything.
  const fields = read(`/proc/${pid}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ')
  return fields?.[0] === 'Z' || fields?.[0] === 'X' ? undefined : fields?.[19]
}

function ps(pid: number, columns: string): string | undefined {
  const run = spawnSync('ps', ['-o', columns, '-p', String(pid)], {
    encoding: 'utf8',
    env: { PATH: '/bin:/usr/bin', LC_ALL: 'C' },
  })
  return run.stdout?.trim() || undefined
}
