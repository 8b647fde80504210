import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../support/ports.ts'
import { createAdmin } from './admin.ts'
import { allClients, honestClients } from './clients.ts'
import { startCluster } from './cluster.ts'
import { parseEvents } from './event.ts'
import { indexHistory } from './history.ts'
import { type DoneFault, planFaults, runNemesis } from './nemesis.ts'
import { createOracle, withClient } from './oracle.ts'
import { createClients, createPeople } from './population.ts'
import { type ProfileName, profiles } from './profiles.ts'
import { properties } from './properties/index.ts'
import { type AuditedEnding, tablesAgree } from './properties/p10-tables-agree.ts'
import type { Verdict, Violation } from './properties/property.ts'
import { now } from './recorder.ts'
import { createServerProcess } from './servers.ts'
import { startWorkers } from './workers.ts'

export interface HistoryOptions {
  /** The compiled main.js of the server under test. */
  readonly serverMain: string
  /** How long there is load; starting, healing and checking come on top. */
  readonly seconds: number
  readonly seed: number
  /** Honest clients; 32 unless given. */
  readonly clients?: number
  readonly instances?: number
  readonly workers?: number
  /** Whether anything is killed; yes unless false. */
  readonly kills?: boolean
  readonly profile?: ProfileName
  /** Seconds between two kills, on average. */
  readonly killEverySeconds?: number
  /** Keeps the folder of the run, with the events of each process and the logs of the servers. */
  readonly keep?: boolean
  /** Ends the load early. */
  readonly signal?: AbortSignal
  readonly onProgress?: (line: string) => void
}

export interface HistoryResult {
  readonly seed: number
  readonly profile: ProfileName
  /** By `operation|outcome`. */
  readonly operations: Record<string, number>
  readonly scenes: Record<string, number>
  readonly kills: Record<string, number>
  readonly faults: readonly DoneFault[]
  readonly verdicts: readonly Verdict[]
  readonly violations: readonly Violation[]
  readonly grants: number
  /** Honest clients that held a working token when all was over, and all of them. */
  readonly honest: { readonly working: number; readonly all: number }
  readonly beganAt: number
  /** Where the events are, when they were kept. */
  readonly folder?: string
}

/** Runs servers, clients and faults for a while, and judges the history of it. Same seed, same plan: only the interleaving is free. */
export async function runHistory(options: HistoryOptions): Promise<HistoryResult> {
  const { seed, seconds, serverMain, profile: profileName = 'mixed', onProgress = () => {} } = options
  const profile = profiles[profileName]
  if (!fs.existsSync(serverMain)) throw new Error(`there is no server at ${serverMain}`)
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'falconer-history-'))
  const stops: (() => Promise<unknown> | void)[] = [
    () => (options.keep === true ? undefined : fs.rmSync(folder, { recursive: true, force: true })),
  ]
  try {
    const cluster = await startCluster(folder)
    stops.push(() => cluster.stop())
    const ports = await freePorts(options.instances ?? 3)
    const issuer = `http://127.0.0.1:${ports[0] ?? 0}`
    const servers = ports.map((port, i) =>
      createServerProcess({
        serverMain,
        databaseUrl: cluster.url,
        issuer,
        port,
        log: path.join(folder, `server-${i}.log`),
      }),
    )
    stops.push(() => Promise.all(servers.map((server) => server.kill())))
    await servers[0]?.start()
    await Promise.all(servers.slice(1).map((server) => server.start()))
    const urls = servers.map((server) => server.url)
    const admin = createAdmin()
    const instance = urls[0] ?? ''
    await createClients(admin, instance)
    const clients = options.clients ?? 32
    // Fewer users than honest clients: some share one, and an ending of the user is one for both.
    const honestPeople = await createPeople(admin, instance, 'honest', Math.ceil(clients * 0.7))
    const people = await createPeople(admin, instance, 'someone', 24)

    const count = options.workers ?? 3
    const files = Array.from({ length: count }, (_, i) => path.join(folder, `events-${i}.jsonl`))
    const honest = Array.from({ length: clients }, (_, i) => ({
      name: `honest ${i}`,
      client: honestClients[i % honestClients.length]?.id ?? '',
      person: honestPeople[i % honestPeople.length] ?? { sub: '', username: '' },
    }))
    const beganAt = now()
    const workers = startWorkers(
      workerFile(),
      files.map((file, i) => ({
        process: i,
        processes: count,
        seed,
        file,
        instances: urls,
        issuer,
        profile,
        people,
        honest: honest.filter((_, h) => h % count === i),
      })),
    )
    stops.push(() => workers.end())

    let isOver = false
    const oracle = createOracle(cluster.url)
    const watching = oracle.watch(profile.oraclePauseMs, () => isOver)
    const plan = planFaults(seed, servers.length, (options.killEverySeconds ?? 4) * 1000)
    const nemesis = options.kills === false ? Promise.resolve([]) : runNemesis(plan, cluster, servers, () => isOver)
    // A fault that is being mended needs what is taken down next.
    stops.push(() => {
      isOver = true
      return nemesis.catch(() => {})
    })
    const progress = setInterval(() => {
      const operations = Object.values(workers.counts()).reduce((sum, n) => sum + n, 0)
      onProgress(
        `${Math.round((now() - beganAt) / 1e6)} s: ${operations} operations, ${oracle.report.looks} looks at the tables, ` +
          `${oracle.report.discrepancies.length} discrepancies`,
      )
    }, 5000)
    stops.push(() => clearInterval(progress))
    const failing = Promise.race([workers.failure, watching.then(() => new Promise<never>(() => {}))])
    failing.catch(() => {})
    await Promise.race([
      sleep(seconds * 1000, undefined, options.signal ? { signal: options.signal } : {}).catch(() => {}),
      failing,
    ])
    isOver = true
    const faults = await Promise.race([nemesis, failing])
    await workers.stop()
    const { working, honest: all } = await workers.finish()
    await watching
    await oracle.conclude()
    const trail = await readTrail(cluster.url)

    const events = parseEvents(files.map((file) => fs.readFileSync(file, 'utf8')))
    const grace = Object.fromEntries(allClients.map((client) => [client.id, client.graceSeconds]))
    const history = indexHistory(events, grace)
    const verdicts = [
      ...properties.map((property) => property.check(history)),
      tablesAgree(events, oracle.report, trail),
    ]
    const kills: Record<string, number> = {}
    for (const { kind } of faults) kills[kind] = (kills[kind] ?? 0) + 1
    return {
      seed,
      profile: profileName,
      operations: workers.counts(),
      scenes: workers.scenes(),
      kills,
      faults,
      verdicts,
      violations: verdicts.flatMap((verdict) => verdict.violations),
      grants: history.grants.size,
      honest: { working, all },
      beganAt,
      ...(options.keep === true ? { folder } : {}),
    }
  } finally {
    for (const stop of stops.toReversed()) await stop()
  }
}

/** Beside this file when it is compiled. Otherwise everything is compiled first: a process of its own cannot load TypeScript. */
function workerFile(): string {
  if (import.meta.filename.endsWith('.js')) return path.join(import.meta.dirname, 'worker.js')
  const script = path.resolve(import.meta.dirname, '../../scripts/histories.mjs')
  const folder = execFileSync(process.execPath, [script, '--build'], { encoding: 'utf8' }).trim()
  return path.join(folder, 'test/histories/worker.js')
}

const readTrail = (url: string) =>
  withClient(url, async (client) => {
    const endings = await client.query<AuditedEnding>(
      'select type, position::float8 as position from audit_events where position is not null',
    )
    const types = await client.query<{ type: string; n: number }>(
      'select type, count(*)::int as n from audit_events group by type',
    )
    return { endings: endings.rows, types: Object.fromEntries(types.rows.map(({ type, n }) => [type, n])) }
  })
