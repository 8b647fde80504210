import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAdmin } from '../../histories/admin.ts'
import { createClients, createPeople } from '../../histories/population.ts'
import { freePorts } from '../../support/ports.ts'
import { createEnder, type EnderCounts } from './ender.ts'
import { createInstance } from './instances.ts'
import { type Judgement, judge } from './judge.ts'
import type { Counts } from './messages.ts'
import { createNemesis, type FaultCounts } from './nemesis.ts'
import { startPostgres } from './postgres.ts'
import { startProbers, sumOf } from './probers.ts'
import { type ProfileName, profiles } from './profiles.ts'
import { startProxy } from './proxy.ts'
import { createRegistry } from './registry.ts'
import { createSupply } from './supply.ts'
import { createJudgement, fetchFeedKey, readTruth } from './truth.ts'

export interface ChaosOptions {
  /** The compiled main.js of the server, and the compiled verifier package. */
  readonly serverMain: string
  readonly verifierModule: string
  /** How long there are faults; starting, healing and judging come on top. */
  readonly seconds: number
  readonly seed: number
  readonly profile: ProfileName
  readonly instances: number
  readonly verifiers: number
  readonly processes: number
  /** Endings per second. */
  readonly rate: number
  readonly maxStalenessSeconds: number
  readonly keep: boolean
  readonly onProgress: (line: string) => void
}

export interface ChaosResult {
  readonly options: ChaosOptions
  readonly judgement: Judgement
  readonly faults: FaultCounts
  readonly endings: number
  readonly tokens: number
  readonly ender: EnderCounts
  readonly counts: Counts
  /** Where the logs are, when they were kept. */
  readonly folder?: string
}

const reader = { id: 'feed-reader', secret: 'a-secret-of-a-reader-of-the-feed-32-characters' }
/** Longer than the longest pause of anybody who tries again. */
const healMs = 60_000

/** Servers, verifiers and faults for a while, and the judgement of it. Same seed, same plan: only the interleaving is free. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, seconds, maxStalenessSeconds, onProgress } = options
  const profile = profiles[options.profile]
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'falconer-chaos-'))
  const stops: (() => Promise<unknown> | void)[] = [
    () => (options.keep ? undefined : fs.rmSync(folder, { recursive: true, force: true })),
  ]
  try {
    const postgres = await startPostgres(folder)
    stops.push(() => postgres.stop())
    const ports = await freePorts(options.instances)
    const issuer = `http://127.0.0.1:${ports[0] ?? 0}`
    const databasePaths = await Promise.all(ports.map(() => startProxy(() => ({ path: postgres.socket }))))
    let turn = 0
    const nextInstance = () => ({ host: '127.0.0.1', port: ports[turn++ % ports.length] ?? 0 })
    const verifierPaths = await Promise.all(Array.from({ length: options.verifiers }, () => startProxy(nextInstance)))
    stops.push(() => [...databasePaths, ...verifierPaths].forEach((proxy) => proxy.close()))
    const logs = ports.map((_, i) => path.join(folder, `server-${i}.log`))
    const instances = ports.map((port, i) => {
      const url = postgres.urlThrough(databasePaths[i]?.port ?? 0)
      const environment = {
        ISSUER: issuer,
        DATABASE_URL: url,
        DATABASE_DIRECT_URL: url,
        DATABASE_PREPARED_STATEMENTS: 'on',
        FEED_MAX_STALENESS_SECONDS: String(maxStalenessSeconds),
        ACCESS_TOKEN_TTL_SECONDS: '3600',
        SESSION_IDLE_SECONDS: '36000',
      }
      return createInstance({ serverMain: options.serverMain, port, log: logs[i] ?? '', environment })
    })
    stops.push(() => Promise.all(instances.map((instance) => instance.kill())))
    await instances[0]?.start()
    await Promise.all(instances.slice(1).map((instance) => instance.start()))
    const urls = instances.map(({ url }) => url)

    const first = urls[0] ?? ''
    const admin = createAdmin()
    await createClients(admin, first)
    const registration = {
      client_id: reader.id,
      client_secret: reader.secret,
      redirect_uris: [],
      scope: 'revocations:read',
    }
    const made = await admin.call(first, 'POST', '/clients', { ...registration, grant_types: ['client_credentials'] })
    if (made.status !== 201) throw new Error(`the reader was not registered: ${JSON.stringify(made.body)}`)
    const stock = Math.round(20 + 10 * options.rate)
    const people = await createPeople(admin, first, 'someone', Math.ceil(stock / 3))

    const probers = startProbers(
      path.join(import.meta.dirname, 'prober.js'),
      Array.from({ length: options.processes }, (_, process) => ({
        verifierModule: options.verifierModule,
        verifiers: verifierPaths
          .map(({ port }, index) => ({ index, port }))
          .filter(({ index }) => index % options.processes === process),
        issuer,
        clientId: reader.id,
        clientSecret: reader.secret,
        maxStalenessSeconds,
        reconnects: profile.reconnects,
        seed,
      })),
    )
    stops.push(() => probers.end())
    const registry = createRegistry((message) => probers.tell(message))
    const supply = createSupply({
      instances: urls,
      issuer,
      people,
      seed,
      stock,
      file: path.join(folder, 'sign-ins.jsonl'),
      onToken: ({ accessToken, facts }) => registry.add(accessToken, facts),
    })
    stops.push(() => supply.close())
    await probers.ready
    onProgress(`${stock} sessions are signed in`)
    await Promise.race([supply.fill(), probers.failure])
    const before = probers.counts()

    const ender = createEnder({ instances: urls, lives: supply.lives, registry, seed, perSecond: options.rate })
    const nemesis = createNemesis({ profile, seed, verifierPaths, databasePaths, instances, postgres, probers })
    let isOver = false
    const over = () => isOver
    const began = performance.now()
    const progress = setInterval(() => {
      const faults = Object.values(nemesis.counts).reduce((sum, n) => sum + n, 0)
      const dead = registry.tokens.filter(({ deadAtMs }) => deadAtMs !== undefined).length
      onProgress(
        `${Math.round((performance.now() - began) / 1000)} s: ${faults} faults, ${registry.endings.length} endings, ` +
          `${dead} of ${registry.tokens.length} tokens ended, fresh ${freshShare(probers.counts(), before)}`,
      )
    }, 5000)
    stops.push(() => clearInterval(progress))
    const working = Promise.all([nemesis.run(over), supply.run(over), ender.run(over)])
    // A fault that is being mended needs what is taken down next.
    stops.push(() => {
      isOver = true
      return working.catch(() => {})
    })
    const failing = Promise.race([probers.failure, working.then(() => new Promise<never>(() => {}))])
    failing.catch(() => {})
    await Promise.race([sleep(seconds * 1000), failing])
    isOver = true
    await Promise.race([working, probers.failure])
    const counts = probers.counts()
    // One more, so that whatever adopts the database anew has done so.
    await ender.endOne()

    onProgress('everything is healed; every verifier has to catch up')
    const truth = await readTruth(postgres.url)
    const { head, epoch } = truth
    const conclusions = await probers.conclude({ type: 'conclude', head, epoch, withinMs: healMs })
    const isEnded = createJudgement(truth.entries, await fetchFeedKey(first, reader.id, reader.secret))
    const judgement = judge({
      tokens: registry.tokens,
      findings: conclusions.flatMap(({ findings }) => findings),
      standings: conclusions.flatMap(({ standings }) => standings),
      truth,
      isEndedByTruth: ({ facts }) => isEnded(facts),
      boundMs: maxStalenessSeconds * 1000,
      holesNoticed: logs.flatMap((log) => fs.readFileSync(log, 'utf8').match(/the feed (lacks|ends at)[^"\\]*/g) ?? []),
      strange: mergeCounts(conclusions.map(({ strange }) => strange)),
    })
    return {
      options,
      judgement,
      faults: nemesis.counts,
      endings: registry.endings.length,
      tokens: registry.tokens.length,
      ender: ender.counts,
      counts: difference(counts, before),
      ...(options.keep ? { folder } : {}),
    }
  } finally {
    for (const stop of stops.toReversed()) await stop()
  }
}

const difference = (after: Counts, before: Counts): Counts =>
  sumOf([after, Object.fromEntries(Object.entries(before).map(([name, n]) => [name, -Number(n)])) as unknown as Counts])

export function freshShare(after: Counts, before: Counts): string {
  const { samples, fresh } = difference(after, before)
  return samples === 0 ? '–' : `${((100 * fresh) / samples).toFixed(1)} %`
}

function mergeCounts(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {}
  for (const one of all) for (const [name, n] of Object.entries(one)) sum[name] = (sum[name] ?? 0) + n
  return sum
}
