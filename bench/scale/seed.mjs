// A database with so many grants and sessions, by SQL: rows first, then the indexes, which is several times as fast as both at once.
import { Client, Pool } from 'pg'
import {
  beganSql,
  counts,
  firstGenerationSql,
  idSql,
  lifetimes,
  nonceSql,
  registeredSql,
  userSql,
} from './population.mjs'

const chunk = 200_000
const { idleSeconds, maxSeconds } = lifetimes

/**
 * @param {string} url of a database that Falconer has migrated
 * @param {{ rows: number, clientId: string, seededAtMs: number, say: (text: string) => void }} wanted `clientId` is who all grants are for
 */
export async function seed(url, { rows, clientId, seededAtMs, say }) {
  const pool = new Pool({ connectionString: url, max: 3, options: '-c statement_timeout=0 -c lock_timeout=0' })
  // An interrupted run stops the database under it.
  pool.on('error', () => {})
  try {
    const { rows: found } = await pool.query('select id from clients where client_id = $1', [clientId])
    const client = found[0].id
    await pool.query(clients(seededAtMs), [client, counts(rows).clients])
    for (const text of others(client, rows, seededAtMs)) await pool.query(text)
    const indexes = await dropIndexes(pool)
    await Promise.all([
      fill(pool, users(rows, seededAtMs), counts(rows).users),
      fill(pool, sessions(rows, seededAtMs), rows, (made) => say(`${made} of ${rows} sessions`)),
      fill(pool, grants(rows, seededAtMs, client), rows),
    ])
    await inPairs(indexes, (definition) => pool.query(definition))
    await pool.query('vacuum (analyze)')
    await pool.query('checkpoint')
  } finally {
    await pool.end()
  }
  // Now that the connections have passed on what they have done.
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query('select pg_stat_reset(), pg_stat_statements_reset()')
  await client.end()
}

/** Rows of 0 to `count`, a chunk at a time. */
async function fill(pool, text, count, onChunk = () => {}) {
  for (let from = 0; from < count; from += chunk) {
    const to = Math.min(count, from + chunk)
    await pool.query(text, [from, to - 1])
    if (to % (10 * chunk) === 0 || to === count) onChunk(to)
  }
}

/** Those that are no constraint; returns what makes them again. */
async function dropIndexes(pool) {
  const { rows } = await pool.query(`
    select c.oid::regclass::text as name, pg_get_indexdef(c.oid) as definition
    from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid in ('sessions'::regclass, 'grants'::regclass)
      and not exists (select 1 from pg_constraint k where k.conindid = i.indexrelid)`)
  for (const { name } of rows) await pool.query(`drop index ${name}`)
  return rows.map(({ definition }) => definition)
}

async function inPairs(items, work) {
  const left = [...items]
  const run = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item)
  }
  await Promise.all([run(), run()])
}

/** Clients beside the one that asks, registered before it: as it is, under other names. */
const clients = (at) => `
  insert into clients (id, client_id, metadata, grant_types, scopes, skip_consent)
  select ${idSql('c', 'n', `${at - 300 * 86_400_000} + n * 3600000`)}, 'app-' || n, metadata, grant_types, scopes, skip_consent
  from clients, generate_series(1::bigint, $2::bigint) n where id = $1::uuid`

/** Some of what comes and goes, so that its plans are those of a table with something in it. */
const others = (client, rows, at) => [
  `insert into login_transactions (handle_hash, binding_hash, client, params, expires_at)
   select sha256(('handle' || n)::bytea), sha256(('binding' || n)::bytea), '${client}', '{"scope": "openid"}', now() + interval '1 day' from ${some(rows)}`,
  `insert into authorization_codes (hash, grant_id, client, user_id, session_id, scope, auth_time, created_pos, expires_at)
   select sha256(('code' || n)::bytea), new_id(), '${client}', new_id(), new_id(), 'api:read', now(), 0, now() + interval '1 day' from ${some(rows)}`,
  `insert into consents (user_id, client, scopes)
   select ${idSql('u', 'n', registeredSql('n', rows, at))}, '${client}', '{api:read}' from ${some(rows)} where n < ${counts(rows).users}`,
  `insert into limits (key, ends_at, n) select 'bench|' || n, now() + interval '1 day', 1 from ${some(rows)}`,
]
const some = (rows) => `generate_series(0::bigint, ${Math.min(rows, 20_000) - 1}) n`

const users = (rows, at) => `
  insert into users (id, username, username_norm, email, email_norm, email_verified, profile, password_hash, created_at, updated_at)
  select ${idSql('u', 'n', registeredSql('n', rows, at))}, name, name, name || '@mail.example', name || '@mail.example', true,
         jsonb_build_object('name', 'Some One the ' || n || 'th', 'given_name', 'Some', 'family_name', 'One the ' || n || 'th', 'locale', 'en-GB'),
         '$argon2id$v=19$m=19456,t=2,p=1$' || substr(md5('salt' || n), 1, 22) || '$' || substr(md5('a' || n) || md5('b' || n), 1, 43),
         to_timestamp(ms / 1000.0), to_timestamp(ms / 1000.0)
  from (select n, 'someone.' || n as name, ${registeredSql('n', rows, at)} as ms from generate_series($1::bigint, $2::bigint) n) x`

// Refreshed five to thirty minutes ago. The person was seen at the sign-in, days ago, unless nothing was refreshed yet.
const refreshed = `now() - interval '5 minutes' - n % 1500 * interval '1 second'`
const isNew = `${firstGenerationSql('n')} = 0`
const began = 'to_timestamp(ms / 1000.0)'

const population = (rows, at) => `
  (select n, ${beganSql('n', rows, at)} as ms, ${idSql('s', 'n', beganSql('n', rows, at))} as session_id,
          ${idSql('u', userSql('n', rows), registeredSql(userSql('n', rows), rows, at))} as user_id
   from generate_series($1::bigint, $2::bigint) n) x cross join feed_head h`

const sessions = (rows, at) => `
  insert into sessions (id, user_id, secret_hash, created_at, created_pos, auth_time, acr, amr, last_seen_at, idle_s, expires_at, ip, last_ip, user_agent)
  select session_id, user_id, sha256(('secret' || n)::bytea), to_timestamp(ms / 1000.0), h.seq, to_timestamp(ms / 1000.0), 'urn:falconer:acr:1fa',
         '{pwd}', case when ${isNew} then ${refreshed} else ${began} end, ${idleSeconds}, to_timestamp(ms / 1000.0 + ${maxSeconds}), '203.0.113.' || n % 256, '198.51.100.' || n % 256,
         'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36'
  from ${population(rows, at)}`

const grants = (rows, at, client) => `
  insert into grants (id, client, user_id, session_id, scope, rt_nonce_hash, rt_gen, rt_rotated_at, active_at, idle_s, expires_at, created_at, created_pos, auth_time, acr, amr)
  select ${idSql('g', 'n', 'ms')}, '${client}', user_id, session_id, 'api:read', sha256(${nonceSql('n')}), ${firstGenerationSql('n')}, ${refreshed},
         case when not ${isNew} then ${refreshed} end, ${idleSeconds}, to_timestamp(ms / 1000.0 + ${maxSeconds}), to_timestamp(ms / 1000.0), h.seq, to_timestamp(ms / 1000.0), 'urn:falconer:acr:1fa', '{pwd}'
  from ${population(rows, at)}`
