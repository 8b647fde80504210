// One database of a size, with Falconer on it: installed as in production, then filled.
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { Pool } from 'pg'
import { createContestant } from '../servers/contestant.mjs'
import { createPopulation, lifetimes } from './population.mjs'
import { seed } from './seed.mjs'

const main = path.resolve(import.meta.dirname, '../../dist/packed/main.js')
const admin = { id: 'bench-admin', secret: randomBytes(32).toString('hex') }
const client = { id: 'bench-app', secret: randomBytes(32).toString('hex') }
const resource = 'https://api.bench.example'
const paths = { token: '/token', jwks: '/.well-known/jwks.json', discovery: '/.well-known/openid-configuration' }

/**
 * Makes and fills a database.
 * @param {Awaited<ReturnType<typeof import('../machine/postgres.mjs').startPostgres>>} cluster
 * @param {{ rows: number, say: (text: string) => void }} wanted
 */
export async function installSize(cluster, { rows, say }) {
  const name = `falconer_${rows}`
  const issuer = `https://login-${rows}.bench.example`
  const databaseUrl = await cluster.createDatabase(name)
  const masterKeys = randomBytes(32).toString('base64url')
  const server = (env = {}) =>
    createContestant({
      name,
      folder: cluster.folder,
      processes: 1,
      args: [main],
      env: (port) => ({
        UV_THREADPOOL_SIZE: '8', // as in the Dockerfile
        LOG_LEVEL: 'info',
        HOST: '127.0.0.1',
        ISSUER: issuer,
        TRUST_PROXY: '127.0.0.1',
        DATABASE_URL: databaseUrl,
        MASTER_KEYS: masterKeys,
        BOOTSTRAP_ADMIN_CLIENT_ID: admin.id,
        BOOTSTRAP_ADMIN_CLIENT_SECRET: admin.secret,
        SESSION_IDLE_SECONDS: String(lifetimes.idleSeconds),
        SESSION_MAX_SECONDS: String(lifetimes.maxSeconds),
        ...env,
        PORT: String(port),
      }),
      databaseUrl,
      target: { host: new URL(issuer).host, issuer, client, paths },
      seeds: {},
    })

  const first = await server()
  await first.start()
  try {
    await register(`http://127.0.0.1:${first.target.ports[0]}`)
  } finally {
    await first.stop()
  }
  const seededAtMs = Date.now()
  await seed(databaseUrl, { rows, clientId: client.id, seededAtMs, say })
  const seedSeconds = (Date.now() - seededAtMs) / 1000
  const pool = new Pool({ connectionString: databaseUrl, max: 2, options: '-c statement_timeout=0' })
  pool.on('error', () => {})
  const population = createPopulation({ rows, seededAtMs })
  return { rows, name, databaseUrl, masterKeys, pool, population, seedSeconds, server, close: () => pool.end() }
}

async function register(url) {
  const form = new URLSearchParams({ grant_type: 'client_credentials', scope: 'admin' })
  const authorization = `Basic ${Buffer.from(`${admin.id}:${admin.secret}`).toString('base64')}`
  const answer = await fetch(`${url}/token`, { method: 'POST', headers: { authorization }, body: form })
  const { access_token: token } = await answer.json()
  const create = async (what, document) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const made = await fetch(`${url}/admin/v1/${what}`, { method: 'POST', headers, body: JSON.stringify(document) })
    if (made.status !== 201) throw new Error(`${what}: ${made.status} ${await made.text()}`)
  }
  await create('resources', { identifier: resource, scopes: ['api:read'] })
  await create('clients', {
    client_id: client.id,
    client_secret: client.secret,
    redirect_uris: ['https://app.bench.example/cb'],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: 'api:read',
    skip_consent: true,
  })
}
