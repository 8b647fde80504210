import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, startCluster } from '../../histories/cluster.ts'
import { withClient } from '../../histories/oracle.ts'

/** The durable PostgreSQL of a run, with the ways in which it goes down and comes back. */
export interface Postgres {
  readonly url: string
  /** Its Unix socket, for proxies. */
  readonly socket: string
  /** The connection string of whoever comes through a proxy. */
  urlThrough(port: number): string
  /** Tells everybody to go, writes everything, and starts again. */
  restartFast(): Promise<void>
  /** Leaves everything as it is: the next start recovers from the log. */
  restartImmediately(): Promise<void>
  restartAfterKill(downMs: number): Promise<void>
  /** What a promoted or restored database looks like to the server: the positions drawn so far are another cluster's. */
  failOver(): Promise<void>
  stop(): Promise<void>
}

export async function startPostgres(directory: string): Promise<Postgres> {
  const cluster: Cluster = await startCluster(directory)
  const { url } = cluster
  const folder = new URL(url).searchParams.get('host') ?? ''
  const pidFile = path.join(fs.realpathSync(directory), 'postgres/data/postmaster.pid')
  const postmaster = (): number => Number(fs.readFileSync(pidFile, 'utf8').split('\n')[0])
  return {
    url,
    socket: path.join(folder, '.s.PGSQL.5432'),
    urlThrough: (port) => `postgresql://falconer@127.0.0.1:${port}/falconer?sslmode=disable`,
    restartFast: () => cluster.restart(),
    restartImmediately: async () => {
      const pid = postmaster()
      process.kill(pid, 'SIGQUIT')
      for (let tries = 0; isRunning(pid) && tries < 500; tries++) await sleep(10)
      await cluster.restart()
    },
    restartAfterKill: async (downMs) => {
      await cluster.killPostmaster()
      await sleep(downMs)
      await cluster.restart()
    },
    failOver: () =>
      withClient(url, async (client) => {
        await client.query(`update feed_head set lineage = 'another/00000001'`)
      }),
    stop: () => cluster.stop(),
  }
}

/** A zombie that waits for its parent does not count. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}
