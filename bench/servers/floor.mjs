// The floor: a hand-tuned server of the refresh flow with nothing else in it, to show what is physically there to be had.
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import path from 'node:path'
import { Pool } from 'pg'
import { createContestant } from './contestant.mjs'
import { createTokens } from './floor/tokens.mjs'

const server = path.join(import.meta.dirname, 'floor/server.mjs')
const client = { id: 'bench-app', secret: randomBytes(32).toString('hex') }
const issuer = 'http://floor.bench.example'
const resource = 'https://api.bench.example'
const schema = `create table rotations (id uuid primary key, gen int not null, sub uuid not null, scope text not null) with (fillfactor = 75)`

export async function installFloor(cluster) {
  const databaseUrl = await cluster.createDatabase('floor_bench')
  const pool = new Pool({ connectionString: databaseUrl, max: 2, options: '-c statement_timeout=0' })
  pool.on('error', () => {})
  await pool.query(schema)
  const tokenKey = randomBytes(32).toString('hex')
  const tokens = createTokens(tokenKey)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const jwk = { ...privateKey.export({ format: 'jwk' }), kid: 'bench' }
  const seeds = {
    refresh: async (count) => {
      const ids = Array.from({ length: count }, () => randomUUID())
      await pool.query(
        `insert into rotations select id, 0, gen_random_uuid(), 'api:read' from unnest($1::uuid[]) as id`,
        [ids],
      )
      await pool.query('vacuum (analyze) rotations')
      return ids.map((id) => tokens.write(id, 0))
    },
  }

  const paths = { token: '/token', jwks: '/jwks', discovery: '/.well-known/openid-configuration' }
  const target = { host: new URL(issuer).host, issuer, resource, client, paths }

  /** @param {{ name: string, processes?: number }} options */
  const contestant = ({ name, processes = 1 }) =>
    createContestant({
      name,
      folder: cluster.folder,
      processes,
      args: [server],
      env: (port) => ({ FLOOR: JSON.stringify({ port, issuer, databaseUrl, jwk, resource, client, tokenKey }) }),
      databaseUrl,
      target,
      seeds,
    })

  return { contestant, close: () => pool.end() }
}
