import fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/store/embedded-postgres.ts'

/** A durable PostgreSQL of the run, that can be killed. All kills are by a pid that was recorded or read from its own parent. */
export interface Cluster {
  readonly url: string
  /** The postmaster with kill -9, then whatever backends it leaves; PostgreSQL stays down until `restart`. */
  killPostmaster(): Promise<void>
  /** One backend that works for an instance. PostgreSQL then restarts all others by itself. False: there was none. */
  killBackend(choose: (pids: readonly number[]) => number): Promise<boolean>
  restart(): Promise<void>
  stop(): Promise<void>
}

export async function startCluster(directory: string): Promise<Cluster> {
  const start = () => startEmbeddedPostgres(directory, { maxConnections: 120 })
  let postgres: EmbeddedPostgres = await start()
  const url = postgres.url()
  return {
    url,
    killPostmaster: async () => {
      const children = childrenOf(postgres.pid)
      process.kill(postgres.pid, 'SIGKILL')
      // They notice soon, but one of them in the middle of something would keep the next server from starting.
      for (const pid of children) kill(pid)
      for (let tries = 0; children.some(isRunning) && tries < 200; tries++) await sleep(10)
    },
    killBackend: async (choose) => {
      const own = new Set(childrenOf(postgres.pid))
      const backends = (await readBackends(url)).filter((pid) => own.has(pid))
      if (backends.length === 0) return false
      return kill(choose(backends))
    },
    restart: async () => {
      await postgres.stop()
      postgres = await start()
      if (postgres.url() !== url) throw new Error('PostgreSQL came back at another address')
    },
    stop: () => postgres.stop(),
  }
}

async function readBackends(url: string): Promise<number[]> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ pid: number }>(
      `select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() order by state = 'active' desc, pid`,
    )
    return rows.map((row) => row.pid)
  } catch {
    return []
  } finally {
    await client.end().catch(() => {})
  }
}

/** The kernel's own list. */
function childrenOf(pid: number): number[] {
  const text = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}

function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch {
    return false
  }
}

/** A zombie that waits for its new parent does not count. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
