// Falconer as it is run in production behind a proxy: https issuer, limits, audit and metrics on, its log in a file.
import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { Pool } from 'pg'
import { createContestant } from './contestant.mjs'
import { createFalconerSeeds } from './falconer-seeds.mjs'

const main = path.resolve(import.meta.dirname, '../../dist/packed/main.js')
const admin = { id: 'bench-admin', secret: randomBytes(32).toString('hex') }
const issuer = 'https://login.bench.example'
const resource = 'https://api.bench.example'
const client = { id: 'bench-app', secret: randomBytes(32).toString('hex'), redirectUri: 'https://app.bench.example/cb' }
const resourceServer = { id: 'bench-api', secret: randomBytes(32).toString('hex') }

/** Grants that are there before: plans made for empty tables are nobody's. */
const inUse = 10_000

/**
 * A database with everything in it, and contestants on it.
 * @param {Awaited<ReturnType<typeof import('../machine/postgres.mjs').startPostgres>>} cluster
 */
export async function installFalconer(cluster, passwords) {
  const databaseUrl = await cluster.createDatabase('falconer_bench')
  const pool = new Pool({ connectionString: databaseUrl, max: 2, options: '-c statement_timeout=0' })
  pool.on('error', () => {})
  const masterKeys = randomBytes(32).toString('base64url')
  const environment = {
    UV_THREADPOOL_SIZE: '8', // as in the Dockerfile
    LOG_LEVEL: 'info',
    HOST: '127.0.0.1',
    ISSUER: issuer,
    TRUST_PROXY: '127.0.0.1',
    DATABASE_URL: databaseUrl,
    MASTER_KEYS: masterKeys,
    BOOTSTRAP_ADMIN_CLIENT_ID: admin.id,
    BOOTSTRAP_ADMIN_CLIENT_SECRET: admin.secret,
  }
  const seeds = createFalconerSeeds({ pool, masterKeys, issuer, resource, client })
  const paths = {
    token: '/token',
    introspection: '/introspect',
    revocation: '/revoke',
    userinfo: '/userinfo',
    authorization: '/authorize',
    jwks: '/.well-known/jwks.json',
    discovery: '/.well-known/openid-configuration',
  }
  const target = { host: new URL(issuer).host, issuer, resource, client, resourceServer, paths }

  /** @param {{ name: string, processes?: number, env?: Record<string, string> }} options */
  const contestant = ({ name, processes = 1, env = {} }) =>
    createContestant({
      name,
      folder: cluster.folder,
      processes,
      args: [main],
      env: (port) => ({ ...environment, ...env, PORT: String(port) }),
      databaseUrl,
      target,
      seeds,
    })

  const first = await contestant({ name: 'falconer setup' })
  await first.start()
  try {
    await register(`http://127.0.0.1:${first.target.ports[0]}`)
    await seeds.prepare(passwords)
    await seeds.refresh(inUse)
  } finally {
    await first.stop()
  }
  return { contestant, close: () => pool.end() }
}

async function register(url) {
  const form = new URLSearchParams({ grant_type: 'client_credentials', scope: 'admin' })
  const basic = `Basic ${Buffer.from(`${admin.id}:${admin.secret}`).toString('base64')}`
  const answer = await fetch(`${url}/token`, { method: 'POST', headers: { authorization: basic }, body: form })
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
    redirect_uris: [client.redirectUri],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    scope: 'openid profile api:read',
    id_token_signed_response_alg: 'ES256',
    skip_consent: true,
  })
  await create('clients', {
    client_id: resourceServer.id,
    client_secret: resourceServer.secret,
    redirect_uris: [],
    grant_types: ['client_credentials'],
    scope: '',
    resource_server_for: [resource],
  })
}
