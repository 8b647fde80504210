// PostgreSQL that syncs to its disk, instances of the compiled server as processes, and what they need to be asked something.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { freePorts } from '../machine/process.mjs'

const root = path.resolve(import.meta.dirname, '../..')

/** Where everything is compiled to; the same as for the chaos run. */
export function build() {
  const script = path.join(root, 'scripts/feed.mjs')
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--build'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`it does not compile:\n${stderr}`)
  return stdout.trim().split('\n').at(-1)
}

export const compiled = (built, file) => import(pathToFileURL(path.join(built, file)).href)

export const reader = { id: 'feed-reader', secret: 'a-secret-of-a-reader-of-the-feed-32-characters' }

const began = performance.now()
export const say = (text) => console.error(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}`)
export const thousands = (n) => Math.round(n).toLocaleString('en')

/** Milliseconds of CLOCK_MONOTONIC, the same in every process. */
export const nowMs = () => Number(process.hrtime.bigint()) / 1e6

/** @param {(stage: object) => Promise<void>} work gets the instances; everything is taken down after it */
export async function onStage(built, instanceCount, work) {
  const { startPostgres } = await compiled(built, 'test/feed/chaos/postgres.js')
  const { createInstance } = await compiled(built, 'test/feed/chaos/instances.js')
  const { createAdmin } = await compiled(built, 'test/histories/admin.js')
  const { createClients } = await compiled(built, 'test/histories/population.js')
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'falconer-bench-'))
  /** @type {(() => unknown)[]} */
  const stops = [() => fs.rmSync(folder, { recursive: true, force: true })]
  try {
    const postgres = await startPostgres(folder)
    stops.push(() => postgres.stop())
    const ports = await freePorts(instanceCount)
    const issuer = `http://127.0.0.1:${ports[0]}`
    const instances = ports.map((port, i) =>
      createInstance({
        serverMain: path.join(built, 'src/main.js'),
        port,
        log: path.join(folder, `server-${i}.log`),
        environment: {
          ISSUER: issuer,
          DATABASE_URL: postgres.url,
          ACCESS_TOKEN_TTL_SECONDS: '3600',
          SESSION_IDLE_SECONDS: '36000',
          FEED_MAX_CONNECTIONS: '10000',
        },
      }),
    )
    stops.push(() => Promise.all(instances.map((instance) => instance.kill())))
    for (const instance of instances) await instance.start()
    const urls = instances.map(({ url }) => url)
    const admin = createAdmin()
    await createClients(admin, urls[0])
    const registration = {
      client_id: reader.id,
      client_secret: reader.secret,
      redirect_uris: [],
      scope: 'revocations:read',
    }
    await admin.call(urls[0], 'POST', '/clients', { ...registration, grant_types: ['client_credentials'] })
    await work({ folder, postgres, issuer, urls, ports, admin })
  } finally {
    for (const stop of stops.toReversed()) await stop()
  }
}

/** So many sessions, each with an access token. */
export async function signIn(built, { folder, issuer, urls, admin }, count) {
  const { createSupply } = await compiled(built, 'test/feed/chaos/supply.js')
  const { createPeople } = await compiled(built, 'test/histories/population.js')
  const people = await createPeople(admin, urls[0], 'someone', 20)
  const file = path.join(folder, 'sign-ins.jsonl')
  const supply = createSupply({ instances: urls, issuer, people, seed: 1, stock: count, file, onToken: () => {} })
  await supply.fill()
  await supply.close()
  return supply.lives.slice(0, count).map(({ sid, held }) => ({ sid, token: held[0].accessToken }))
}

export function quantiles(values) {
  const sorted = Float64Array.from(values).sort()
  const at = (share) => (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(1)
  return `p50 ${at(0.5)}  p99 ${at(0.99)}  max ${at(1)} ms`
}
