import fs from 'node:fs'
import path from 'node:path'
import { type Instance, startInstances } from '../../support/instance.ts'
import { startServer, type TestServer } from '../../support/server.ts'
import { openDistance } from './distance.ts'

/** A database of its own with several instances on it. */
export interface Stage {
  readonly server: TestServer
  readonly instances: readonly Instance[]
  readonly issuer: string
  any(): Instance
  /** Deadlocks by PostgreSQL's log since the last call, each with its statements; none where the log cannot be read. */
  takeDeadlocks(): string[]
  /** What the servers logged as errors since the last call; the rest of their logs is forgotten. */
  takeErrors(): string[]
  /** Stops the instances and tells how many deadlocks PostgreSQL counted: a connection tells its count at the latest when it closes. */
  stop(): Promise<number>
  close(): Promise<void>
}

export async function openStage(count = 3): Promise<Stage> {
  const settings = { REFRESH_GRACE_SECONDS: '60', LOG_LEVEL: 'info' }
  const server = await startServer(settings)
  const database = new URL(server.db.url).pathname.slice(1)
  await server.db.noticeDeadlocks()
  // A busy machine lets the holder of a lock wait for its turn, which is no fault of the servers. The log tells which statements met; nobody real
  // is in it.
  for (const setting of [`lock_timeout = '3s'`, `statement_timeout = '3500ms'`, `log_error_verbosity = 'default'`])
    await server.db.query(`alter role current_user in database ${database} set ${setting}`)
  const distance = await openDistance(server.db.url, 4)
  const instances: Instance[] = []
  const close = async () => {
    await Promise.all(instances.map((instance) => instance.end('SIGTERM')))
    distance.close()
    await server.close()
  }
  try {
    // One by one: all at once they take each other's time on a busy machine.
    while (instances.length < count)
      instances.push(...(await startInstances(server, 1, { ...settings, DATABASE_URL: distance.url })))
  } catch (error) {
    await close()
    throw error
  }
  const [row] = await server.db.query<{ data_directory: string }>('show data_directory')
  const log = path.join(path.dirname(row?.data_directory ?? ''), 'log')
  const isReadable = fs.existsSync(log)
  let read = isReadable ? fs.statSync(log).size : 0
  return {
    server,
    instances,
    issuer: server.server.tools.issuer,
    any: () => pick(instances),
    takeDeadlocks: () => {
      if (!isReadable) return []
      const news = fs.readFileSync(log).subarray(read)
      read += news.length
      return deadlocksIn(news.toString())
    },
    takeErrors: () =>
      [server, ...instances]
        .flatMap(({ log }) => log.splice(0))
        .filter(({ level }) => Number(level) >= 50)
        .map((line) => JSON.stringify(line).slice(0, 2000)),
    async stop() {
      await Promise.all(instances.map((instance) => instance.end('SIGTERM')))
      const [counted] = await server.db.query<{ deadlocks: number }>(
        'select deadlocks::int from pg_stat_database where datname = current_database()',
      )
      return counted?.deadlocks ?? 0
    },
    close,
  }
}

/** What PostgreSQL writes about each deadlock, up to the next entry of another kind. */
function deadlocksIn(log: string): string[] {
  return log
    .split(/^(?=\d{4}-\d\d-\d\d .*? (?:ERROR|LOG|FATAL|WARNING): )/m)
    .filter((entry) => entry.includes('deadlock detected'))
}

/** Any one of them, at random. */
export const pick = <T>(items: readonly T[]): T => {
  const item = items[Math.floor(Math.random() * items.length)]
  if (item === undefined) throw new Error('there is nothing to pick from')
  return item
}
