// Processes under test: started, waited for, and what they cost in processor time and memory (both from /proc, absent where there is none).
import { execFileSync, spawn } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

const running = new Set()
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')))

/** Whether processor time and resident memory can be read here. */
export const hasProc = fs.existsSync('/proc/self/stat')

export const ticksPerSecond = hasProc ? Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) : 0
const pageBytes = hasProc ? Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' })) : 0

/**
 * Starts a program of Node and waits for its first 200.
 * @param {{ name: string, args: string[], env?: Record<string, string>, cwd?: string, log: string, readyUrl: string }} what `log` is the
 *   file that gets both of its outputs
 */
export async function startProcess({ name, args, env = {}, cwd = '/', log, readyUrl }) {
  // Otherwise whoever listens there would be measured in its place.
  if (await answers(readyUrl)) throw new Error(`${name} cannot start: somebody answers at ${readyUrl}`)
  const out = fs.openSync(log, 'a')
  const began = performance.now()
  const child = spawn(process.execPath, args, {
    cwd,
    stdio: ['ignore', out, out],
    env: { PATH: process.env['PATH'], ...env },
  })
  fs.closeSync(out)
  running.add(child)
  let exit
  const exited = new Promise((resolve) =>
    child.once('exit', (code, signal) => {
      running.delete(child)
      resolve((exit = code ?? signal))
    }),
  )
  const deadline = began + 60_000
  while (!(await answers(readyUrl))) {
    if (exit !== undefined || performance.now() > deadline) {
      child.kill('SIGKILL')
      const said = fs.readFileSync(log, 'utf8').trim().slice(-1500)
      throw new Error(`${name} does not start (${exit ?? 'no answer within a minute'}):\n${said}`)
    }
    await sleep(5)
  }
  return {
    pid: child.pid,
    startMs: performance.now() - began,
    cpuSeconds: () => cpuSecondsOf(child.pid),
    residentBytes: () => residentBytesOf(child.pid),
    stop: async () => {
      child.kill('SIGTERM')
      const force = setTimeout(() => child.kill('SIGKILL'), 15_000)
      await exited
      clearTimeout(force)
    },
  }
}

function answers(url) {
  return new Promise((resolve) => {
    const request = http.get(url, { agent: false, timeout: 5000 }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(false))
  })
}

/** Ports that were free a moment ago. */
export async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, listen))
  const ports = servers.map((server) => server.address().port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

const listen = () =>
  new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve(server))
  })

/** User and system seconds of one process so far, of all its threads; undefined where they cannot be read. */
export function cpuSecondsOf(pid) {
  const stat = readStat(pid)
  return stat && (stat.user + stat.system) / ticksPerSecond
}

/** The same of a PostgreSQL: its postmaster, its children, and those of them that have ended. */
export function postgresCpuSeconds(postmaster) {
  const own = readStat(postmaster)
  if (!own) return undefined
  let ticks = own.user + own.system + own.endedChildren
  for (const { stat } of childrenOf(postmaster)) ticks += stat.user + stat.system
  return ticks / ticksPerSecond
}

/**
 * Bytes that a PostgreSQL has had read from the disk: what lay in the memory of the machine is not among them, nor what children read that have
 * ended. Undefined where it cannot be read.
 */
export function postgresReadBytes(postmaster) {
  const own = readBytesOf(postmaster)
  if (own === undefined) return undefined
  return childrenOf(postmaster).reduce((sum, { pid }) => sum + (readBytesOf(pid) ?? 0), own)
}

const childrenOf = (parent) =>
  fs
    .readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => ({ pid, stat: readStat(pid) }))
    .filter(({ stat }) => stat?.parent === parent)

function readBytesOf(pid) {
  try {
    return Number(/^read_bytes: (\d+)$/m.exec(fs.readFileSync(`/proc/${pid}/io`, 'latin1'))[1])
  } catch {
    return undefined
  }
}

export function residentBytesOf(pid) {
  return hasProc ? Number(fs.readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * pageBytes : undefined
}

function readStat(pid) {
  try {
    // The name of the program may hold spaces and brackets; what comes after it does not.
    const text = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return {
      parent: Number(fields[1]),
      user: Number(fields[11]),
      system: Number(fields[12]),
      endedChildren: Number(fields[13]) + Number(fields[14]),
    }
  } catch {
    return undefined
  }
}
