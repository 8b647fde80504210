// oidc-provider on PostgreSQL, as plain as its adapters come or with prepared statements.
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import path from 'node:path'
import { Pool } from 'pg'
import { createContestant } from './contestant.mjs'
import { schema } from './peer/adapter.mjs'
import { createPeerSeeds } from './peer/seeds.mjs'

const server = path.join(import.meta.dirname, 'peer/server.mjs')
const issuer = 'http://login.bench.example'
const resource = 'https://api.bench.example'
const client = {
  id: 'bench-app',
  secret: randomBytes(32).toString('hex'),
  redirectUri: 'https://app.bench.example/cb',
}

/** Grants that are there before: plans made for empty tables are nobody's. */
const inUse = 10_000

/** A database with everything in it, and contestants on it. */
export async function installPeer(cluster, passwords) {
  const databaseUrl = await cluster.createDatabase('peer_bench')
  const pool = new Pool({ connectionString: databaseUrl, max: 2, options: '-c statement_timeout=0' })
  pool.on('error', () => {})
  await pool.query(schema)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...privateKey.export({ format: 'jwk' }), kid: 'bench', use: 'sig', alg: 'ES256' }
  const clients = [
    {
      client_id: client.id,
      client_secret: client.secret,
      redirect_uris: [client.redirectUri],
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ]
  const seeds = createPeerSeeds({ pool, client, resource })
  await seeds.prepare(passwords)
  await seeds.refresh(inUse)
  const paths = {
    token: '/token',
    introspection: '/token/introspection',
    revocation: '/token/revocation',
    userinfo: '/me',
    authorization: '/auth',
    jwks: '/jwks',
    discovery: '/.well-known/openid-configuration',
  }
  const target = { host: new URL(issuer).host, issuer, resource, client, resourceServer: client, paths }

  /** @param {{ name: string, processes?: number, isPrepared: boolean }} options */
  const contestant = ({ name, processes = 1, isPrepared }) =>
    createContestant({
      name,
      folder: cluster.folder,
      processes,
      args: [server],
      env: (port) => ({
        UV_THREADPOOL_SIZE: '8',
        PEER: JSON.stringify({ port, issuer, databaseUrl, isPrepared, jwk, resource, clients }),
      }),
      databaseUrl,
      target,
      seeds,
    })

  return { contestant, close: () => pool.end() }
}
