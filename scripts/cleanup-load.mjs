// Does the cleanup keep out of the way? Seeds a million sessions that ran out, and what came with them, lets several instances clean up while
// people sign in and clients refresh, and prints how fast that was, who waited, and for how long. Some minutes; a PostgreSQL of its own.
// Usage: npm run test:cleanup -- [--rows 1000000] [--instances 3] [--logins 20] [--refreshes 80] [--before 20]
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Pool } from 'pg'

const root = path.resolve(import.meta.dirname, '..')
const built = (file) => import(new URL(`../dist/${file}`, import.meta.url).href)
const { startEmbeddedPostgres } = await built('store/embedded-postgres.js')
const { migrate } = await built('store/migrate.js')

const defaults = { rows: '1000000', instances: '3', logins: '20', refreshes: '80', before: '20' }
const options = Object.fromEntries(
  Object.entries(defaults).map(([name, value]) => [name, { type: 'string', default: value }]),
)
const wanted = Object.fromEntries(
  Object.entries(parseArgs({ options: options }).values).map(([name, value]) => [name, Number(value)]),
)
const sessionsSeeded = wanted.rows
const grantsSeeded = Math.round(wanted.rows * 1.3)

const began = performance.now()
const say = (text) => console.log(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}`)
const thousands = (n) => Math.round(n).toLocaleString('en')

const directory = mkdtempSync(path.join(os.tmpdir(), 'falconer-cleanup-'))
const postgres = await startEmbeddedPostgres(directory, { maxConnections: 200 })
const pool = new Pool({
  connectionString: postgres.url(),
  max: 4,
  options: '-c statement_timeout=0 -c lock_timeout=0',
})
pool.on('error', () => {})
const query = async (text, values = []) => (await pool.query(text, values)).rows
const one = async (text) => (await query(text))[0]

const admin = { id: 'load', secret: randomBytes(32).toString('hex') }
const masterKeys = randomBytes(32).toString('base64url')

const ports = []
let issuer = ''

async function main() {
  await migrate(postgres.url(), {})
  while (ports.length < wanted.instances) ports.push(await freePort())
  issuer = `http://localhost:${ports[0]}`

  say(
    `seeding ${thousands(sessionsSeeded)} sessions and ${thousands(grantsSeeded)} grants that will be due in half an hour`,
  )
  await seed()
  say(`tables: ${await sizes()}`)

  // They make their rounds from the beginning, and find nothing to do.
  const instances = await startInstances()
  const users = await prepare()
  await load(users, 5, () => false)
  say(`before: ${wanted.before} s of ${wanted.logins} logins and ${wanted.refreshes} refreshes a second`)
  const before = await load(users, wanted.before, () => false)

  const total = sessionsSeeded + grantsSeeded
  // Nobody is half signed in now, for whom an hour would be too long.
  await query(`create or replace function clock_now() returns timestamptz language sql stable parallel safe as
    $$ select now() + interval '1 hour' $$`)
  say('an hour later: everything is due')
  const sampler = sampleLocks()
  let isDone = false
  const during = load(users, 3600, () => isDone)
  const startedAt = performance.now()
  for (let tick = 1; !isDone; tick++) {
    await sleep(200)
    const left = await one(`select exists (select from sessions where expires_at < clock_now() - interval '7 days')
      or exists (select from grants where expires_at < clock_now() - interval '7 days') as some`)
    isDone = !left.some
    if (tick % 15 !== 0) continue
    const deleted = await Promise.all(ports.map(deletedBy))
    const sum = deleted.reduce((a, b) => a + b)
    say(`deleted ${thousands(sum)} of ${thousands(total)}, by ${deleted.map(thousands).join(' + ')}`)
  }
  const seconds = (performance.now() - startedAt) / 1000
  const meanwhile = await during
  const locks = await sampler.stop()
  await sleep(500)
  const shares = await Promise.all(ports.map(deletedBy))
  const sizeAfter = await sizes()
  await stopInstances(instances)
  const vacuums = await one(
    `select coalesce(sum(autovacuum_count), 0)::int as n from pg_stat_user_tables where relname in ('sessions', 'grants')`,
  )
  await query('vacuum (analyze) sessions')
  await query('vacuum (analyze) grants')

  const deleted = shares.reduce((a, b) => a + b)
  console.log(`
rows deleted      ${thousands(deleted)} in ${seconds.toFixed(1)} s: ${thousands(deleted / seconds)} a second, by ${shares.map(thousands).join(' + ')}
                  ${deleted === total ? 'each once' : `but ${thousands(total)} were seeded`}
longest           transaction ${locks.transactionMs} ms (${locks.transaction}), lock waited for ${locks.waitMs} ms (${locks.waited}), sampled every ${locks.everyMs} ms
logins            ${percentiles(before.logins)} before, ${percentiles(meanwhile.logins)} meanwhile
refreshes         ${percentiles(before.refreshes)} before, ${percentiles(meanwhile.refreshes)} meanwhile
refused, failed   ${before.failures.length} before, ${meanwhile.failures.length} meanwhile; ${meanwhile.skipped} refreshes left out because none was free ${[...new Set([...before.failures, ...meanwhile.failures])].slice(0, 3).join('; ')}
tables            ${sizeAfter} at the end, ${await sizes()} after a vacuum (${vacuums.n} autovacuums before it)`)
  const isHarmless =
    deleted === total &&
    before.failures.length + meanwhile.failures.length === 0 &&
    locks.waitMs < 1000 &&
    locks.transactionMs < 1000
  if (!isHarmless) process.exitCode = 1
}

async function seed() {
  const chunk = 100_000
  const id = (at) =>
    `(lpad(to_hex((extract(epoch from ${at}) * 1000)::bigint), 12, '0') || '7' || substr(md5(random()::text), 1, 19))::uuid`
  const end = `now() - interval '7 days' + interval '30 minutes' + random() * interval '20 minutes'`
  for (let made = 0; made < grantsSeeded; made += chunk) {
    const count = (all) => Math.max(0, Math.min(chunk, all - made))
    await query(`insert into sessions (id, user_id, secret_hash, created_at, created_pos, auth_time, acr, amr, last_seen_at, idle_s, expires_at, ip, user_agent, revoked_at)
      select ${id("t - interval '10 hours'")}, gen_random_uuid(), sha256(i::text::bytea), t - interval '10 hours', 0, t - interval '10 hours', 'urn:falconer:acr:1fa', '{pwd}',
             t, 1800, t, '203.0.113.7', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36', case when i % 3 = 0 then t end
      from (select i, ${end} as t from generate_series(1, ${count(sessionsSeeded)}) i) x`)
    await query(`insert into grants (id, client, user_id, session_id, scope, rt_nonce_hash, rt_gen, idle_s, expires_at, created_at, created_pos, auth_time, acr, amr, revoked_at)
      select ${id("t - interval '10 hours'")}, '01a1fc44-126e-7255-b56e-a507823a4399', gen_random_uuid(), gen_random_uuid(), 'openid profile', sha256(i::text::bytea), 7, 1800, t,
             t - interval '10 hours', 0, t - interval '10 hours', 'urn:falconer:acr:1fa', '{pwd}', case when i % 3 = 0 then t end
      from (select i, ${end} as t from generate_series(1, ${count(grantsSeeded)}) i) x`)
    say(`seeded ${thousands(Math.min(grantsSeeded, made + chunk))}`)
  }
  for (const table of ['sessions', 'grants']) await query(`vacuum (analyze) ${table}`)
  await query('checkpoint')
}

const running = new Set()
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')))

async function startInstances() {
  const children = ports.map((port) =>
    spawn(process.execPath, [path.join(root, 'dist/packed/main.js')], {
      cwd: '/',
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'test',
        LOG_LEVEL: 'error',
        PORT: String(port),
        HOST: 'localhost',
        ISSUER: issuer,
        DATABASE_URL: postgres.url(),
        MASTER_KEYS: masterKeys,
        RATE_LIMITS: 'off',
        DEMO: 'false',
        ARGON2_MEMORY_KIB: '64',
        ARGON2_TIME: '1',
        BOOTSTRAP_ADMIN_CLIENT_ID: admin.id,
        BOOTSTRAP_ADMIN_CLIENT_SECRET: admin.secret,
        CLEANUP_INTERVAL_SECONDS: '1',
        SESSION_IDLE_SECONDS: '36000',
      },
    }),
  )
  for (const child of children) running.add(child)
  for (const port of ports)
    while (!(await fetch(`http://localhost:${port}/readyz`).catch(() => undefined))?.ok) await sleep(50)
  return children
}

async function stopInstances(children) {
  await Promise.all(
    children.map(
      (child) =>
        new Promise((resolve) => {
          child.once('exit', () => resolve(running.delete(child)))
          child.kill('SIGTERM')
        }),
    ),
  )
}

/** A client, some users, and a few hundred refresh tokens to begin with. */
async function prepare() {
  const form = new URLSearchParams({ grant_type: 'client_credentials', scope: 'admin' })
  const token = (await (await fetch(`${issuer}/token`, { method: 'POST', headers: basic(admin), body: form })).json())
    .access_token
  const call = async (what, body) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await fetch(`${issuer}/admin/v1/${what}`, { method: 'POST', headers, body: JSON.stringify(body) })
    if (answer.status !== 201) throw new Error(`${what}: ${answer.status} ${await answer.text()}`)
    return answer.json()
  }
  const client = await call('clients', {
    redirect_uris: ['https://app.example/cb'],
    grant_types: ['authorization_code', 'refresh_token'],
    skip_consent: true,
  })
  const names = Array.from({ length: 50 }, (_, i) => `user-${i}`)
  for (const username of names) await call('users', { username, password: 'correct horse battery staple' })
  const people = {
    client: { id: client.client_id, secret: client.client_secret },
    names,
    tokens: [],
  }
  for (let i = 0; i < 300; i++) people.tokens.push(await signIn(people, ports[i % ports.length]))
  return people
}

/** A whole sign-in, from the authorization request to the tokens; returns the refresh token. */
async function signIn({ client, names }, port) {
  const base = `http://localhost:${port}`
  const verifier = randomBytes(32).toString('base64url')
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  const asked = {
    client_id: client.id,
    redirect_uri: 'https://app.example/cb',
    response_type: 'code',
    scope: 'openid profile',
    state: 's',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  }
  const begun = await fetch(`${base}/authorize?${new URLSearchParams(asked)}`, { redirect: 'manual' })
  await begun.text()
  const cookie = begun.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')
  const shown = await fetch(base + begun.headers.get('location'), { headers: { cookie } })
  const [form = ''] = (await shown.text()).split('</form>')
  const hidden = [...form.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([tag]) => [
    /name="([^"]*)"/.exec(tag)?.[1] ?? '',
    /value="([^"]*)"/.exec(tag)?.[1] ?? '',
  ])
  const username = names[Math.floor(Math.random() * names.length)] ?? ''
  const fields = new URLSearchParams([...hidden, ['username', username], ['password', 'correct horse battery staple']])
  const sent = await fetch(`${base}/login`, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie, origin: issuer },
    body: fields,
  })
  await sent.text()
  const code = new URL(sent.headers.get('location') ?? issuer).searchParams.get('code')
  if (!code) throw new Error(`login ${sent.status}`)
  return exchange(base, client, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: 'https://app.example/cb',
    code_verifier: verifier,
  })
}

async function exchange(base, client, form) {
  const answer = await fetch(`${base}/token`, {
    method: 'POST',
    headers: basic(client),
    body: new URLSearchParams(form),
  })
  const body = await answer.json()
  if (answer.status !== 200) throw new Error(`${form['grant_type']} ${answer.status} ${body.error}`)
  return String(body.refresh_token)
}

const basic = ({ id, secret }) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
})

/** So many a second, whether or not the earlier ones are answered; a time counts from when the request was due. */
async function load(people, seconds, isOver) {
  const result = {
    logins: [],
    refreshes: [],
    failures: [],
    skipped: 0,
  }
  const start = performance.now()
  const open = new Set()
  const one = (times, dueAt, work) => {
    const running = work()
      .then(
        () => times.push(performance.now() - dueAt),
        (error) => result.failures.push(String(error.message)),
      )
      .finally(() => open.delete(running))
    open.add(running)
  }
  const run = async (rate, begin) => {
    for (let i = 0; i < rate * seconds && !isOver(); i++) {
      const dueAt = start + (i * 1000) / rate
      const early = dueAt - performance.now()
      if (early > 0) await sleep(early)
      begin(i, dueAt)
    }
  }
  const port = (i) => ports[i % ports.length] ?? 0
  await Promise.all([
    run(wanted.logins, (i, dueAt) => one(result.logins, dueAt, () => signIn(people, port(i)))),
    run(wanted.refreshes, (i, dueAt) => {
      const token = people.tokens.shift()
      if (token === undefined) {
        result.skipped++
        return
      }
      one(result.refreshes, dueAt, async () => {
        people.tokens.push(
          await exchange(`http://localhost:${port(i)}`, people.client, {
            grant_type: 'refresh_token',
            refresh_token: token,
          }),
        )
      })
    }),
  ])
  await Promise.all(open)
  return result
}

/** Watches how old transactions get and how long locks are waited for, until it is stopped. */
function sampleLocks() {
  const everyMs = 50
  const worst = { everyMs, transactionMs: 0, transaction: 'none', waitMs: 0, waited: 'nobody' }
  const stopping = new AbortController()
  const running = (async () => {
    while (!stopping.signal.aborted) {
      const rows = await query(`
        select round(extract(epoch from clock_timestamp() - a.xact_start) * 1000)::int as age, left(regexp_replace(a.query, '\\s+', ' ', 'g'), 60) as query,
               (select coalesce(round(extract(epoch from clock_timestamp() - min(l.waitstart)) * 1000)::int, 0) from pg_locks l where l.pid = a.pid and not l.granted) as waited
        from pg_stat_activity a
        where a.datname = current_database() and a.backend_type = 'client backend' and a.xact_start is not null and a.pid <> all(select pg_backend_pid())
          and a.query !~ 'pg_stat_activity|select exists'`)
      for (const { age, query, waited } of rows) {
        if (age > worst.transactionMs) Object.assign(worst, { transactionMs: age, transaction: query })
        if (waited > worst.waitMs) Object.assign(worst, { waitMs: waited, waited: query })
      }
      await sleep(everyMs)
    }
  })()
  return {
    stop: async () => {
      stopping.abort()
      await running
      return worst
    },
  }
}

async function deletedBy(port) {
  const text = await (await fetch(`http://localhost:${port}/metrics`)).text()
  const counts = [...text.matchAll(/falconer_cleanup_deleted_rows_total\{table="(?:sessions|grants)"\} (\d+)/g)]
  return counts.reduce((sum, [, n]) => sum + Number(n), 0)
}

async function sizes() {
  const { s, g } = await one(`select pg_total_relation_size('sessions') as s, pg_total_relation_size('grants') as g`)
  return `sessions ${thousands(Number(s) / 2 ** 20)} MiB, grants ${thousands(Number(g) / 2 ** 20)} MiB`
}

function percentiles(times) {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (share) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1)
  return `p50 ${at(0.5)} p99 ${at(0.99)} ms (${sorted.length})`
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer()
    probe.once('error', reject)
    probe.listen(0, 'localhost', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

try {
  await main()
} finally {
  await pool.end()
  await postgres.stop()
  rmSync(directory, { recursive: true, force: true })
}
process.exit()
