import * as fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { explainGrant, explainSession } from '../../src/admin/explain.ts'
import { readSession } from '../../src/admin/sessions.ts'
import { grantIsDead, grantIsWithdrawn, sessionIsDead } from '../../src/store/liveness.ts'
import { startServer, type TestServer } from '../support/server.ts'
import type { Explanation } from './explaining.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
  // What administers must outlive every line that is drawn below.
  await server.db.query('update feed_head set seq = 1000')
})
afterAll(() => server.close())

/** Minutes and half a minute: nothing happens between two questions about the same rows. */
const minutes = (max: number) => fc.integer({ min: 10, max }).map((n) => n * 60 + 30)
const seldom = <T>(value: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 12, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: value })
const seconds = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 120, max: 900 }).map((n) => n * 60) },
  { weight: 1, arbitrary: minutes(60) },
)
const optional = fc.option(seconds)
const position = fc.integer({ min: 0, max: 30 })
const line = fc.record({ ended_pos: seldom(position), not_before: seldom(minutes(200)), known: fc.boolean() })
const ended = seldom(fc.record({ ago: minutes(100), reason: seldom(fc.constantFrom('logout', 'admin', 'disabled')) }))

const rows = fc.record({
  server: line,
  user: seldom(fc.constant('gone')),
  userLine: line,
  userDisabled: seldom(minutes(100)),
  client: seldom(fc.constant('gone')),
  clientLine: line,
  clientDisabled: seldom(minutes(100)),
  policy: fc.tuple(seconds, seconds, optional, optional, optional, optional, seconds, seconds),
  limits: fc.tuple(optional, optional, optional, optional),
  mayRefresh: fc.boolean(),
  mayStayOffline: fc.boolean(),
  consent: fc.constantFrom('skipped', 'given', 'missing', 'less'),
  session: fc.constantFrom('there', 'there', 'there', 'gone'),
  remembered: fc.boolean(),
  created: minutes(100),
  unused: minutes(60),
  own: fc.tuple(seconds, seconds),
  pos: position,
  sessionEnded: ended,
  offline: fc.boolean(),
  grantUnused: minutes(60),
  refreshCounts: fc.boolean(),
  /** How long ago another grant of the session was refreshed. */
  sibling: fc.option(minutes(60)),
  grantOwn: fc.tuple(seconds, seconds),
  grantPos: position,
  grantEnded: ended,
  hasToken: fc.boolean(),
})
type Rows = typeof rows extends fc.Arbitrary<infer T> ? T : never

const ago = (s: number | null) => (s === null ? 'null' : `clock_now() - interval '${s} seconds'`)
const text = (value: string | null | undefined) => (value == null ? 'null' : `'${value}'`)
const lineOf = ({ ended_pos, not_before, known }: Rows['server']) => `
  ended_pos = ${ended_pos === null ? 0 : 900 + ended_pos}, not_before = ${not_before === null ? `'-infinity'` : ago(not_before)},
  ended_at = ${known && ended_pos !== null ? ago(ended_pos * 200) : 'null'}, ended_reason = ${known ? `'admin'` : 'null'}, ended_by = ${known ? `'client:x'` : 'null'},
  not_before_at = ${known && not_before !== null ? ago(not_before / 2) : 'null'}, not_before_by = null`

/** Writes the rows and returns their ids. */
async function write(r: Rows): Promise<{ sid: string; gid: string }> {
  const [ids] = await server.db.query<Record<'sid' | 'gid' | 'user' | 'client', string>>(
    'select new_id() as sid, new_id() as gid, new_id() as user, new_id() as client',
  )
  if (!ids) throw new Error('no ids')
  const { sid, gid, user, client } = ids
  const [idle, max, rememberIdle, rememberMax, refreshIdle, refreshMax, offlineIdle, offlineMax] = r.policy
  const created = Math.max(r.created, r.unused, r.grantUnused, r.sibling ?? 0)
  const statements = [
    `update server set ${lineOf(r.server)}, session_idle_s = ${idle}, session_max_s = ${max}, remember_idle_s = ${rememberIdle},
      remember_max_s = ${rememberMax}, refresh_idle_s = ${refreshIdle}, refresh_max_s = ${refreshMax}, offline_idle_s = ${offlineIdle}, offline_max_s = ${offlineMax}`,
    r.user === null &&
      `insert into users (id, username, username_norm, disabled_at) values ('${user}', 'u', '${user}', ${ago(r.userDisabled)})`,
    `update users set ${lineOf(r.userLine)} where id = '${user}'`,
    r.client === null &&
      `insert into clients (id, client_id, grant_types, scopes, skip_consent, disabled_at, idle_s, max_s, offline_idle_s, offline_max_s)
       values ('${client}', '${client}', '{${r.mayRefresh ? 'refresh_token' : 'authorization_code'}}', '{openid${r.mayStayOffline ? ',offline_access' : ''}}',
         ${r.consent === 'skipped'}, ${ago(r.clientDisabled)}, ${r.limits.join(', ')})`.replaceAll(
        /, (?=,|\))/g,
        ', null',
      ),
    `update clients set ${lineOf(r.clientLine)} where id = '${client}'`,
    (r.consent === 'given' || r.consent === 'less') &&
      `insert into consents (user_id, client, scopes) values ('${user}', '${client}', '{openid${r.consent === 'given' ? ',email' : ''}}')`,
    r.session === 'there' &&
      `insert into sessions (id, user_id, secret_hash, created_at, created_pos, auth_time, acr, amr, last_seen_at, idle_s, expires_at, remembered, revoked_at, revoke_reason)
       values ('${sid}', '${user}', '', ${ago(created)}, ${900 + r.pos}, ${ago(created)}, 'x', '{}', ${ago(r.unused)}, ${r.own[0]},
         ${ago(created)} + interval '${r.own[1]} seconds', ${r.remembered}, ${ago(r.sessionEnded?.ago ?? null)}, ${text(r.sessionEnded?.reason)})`,
    r.sibling !== null &&
      `insert into grants (id, client, user_id, session_id, scope, idle_s, expires_at, created_pos, auth_time, active_at)
       values (new_id(), new_id(), '${user}', '${sid}', 'openid', 60, clock_now(), 0, clock_now(), ${ago(r.sibling)})`,
    `insert into grants (id, client, user_id, session_id, offline, scope, rt_nonce_hash, rt_rotated_at, active_at, idle_s, expires_at, created_at, created_pos, auth_time, revoked_at, revoke_reason)
     values ('${gid}', '${client}', '${user}', '${sid}', ${r.offline}, 'openid email', ${r.hasToken ? `''` : 'null'}, ${ago(r.grantUnused)}, ${r.refreshCounts && !r.offline ? ago(r.grantUnused) : 'null'}, ${r.grantOwn[0]},
       ${ago(created)} + interval '${r.grantOwn[1]} seconds', ${ago(created)}, ${900 + r.grantPos}, ${ago(created)}, ${ago(r.grantEnded?.ago ?? null)}, ${text(r.grantEnded?.reason)})`,
  ]
  await server.db.query(statements.filter((statement) => statement !== false).join(';\n'))
  return { sid, gid }
}

/** What the statements that decide say. */
async function truth(sid: string, gid: string) {
  const [session] = await server.db.query<{ alive: boolean }>(
    `select not (u.id is null or u.disabled_at is not null or ${sessionIsDead}) as alive
     from sessions s join server v on v.id = 1 left join users u on u.id = s.user_id where s.id = $1`,
    [sid],
  )
  const [grant] = await server.db.query<{ alive: boolean; refreshes: boolean }>(
    `select not ${grantIsDead} as alive, not ${grantIsDead} and not ${grantIsWithdrawn} and g.rt_nonce_hash is not null as refreshes
     from grants g join server v on v.id = 1 left join users u on u.id = g.user_id left join clients c on c.id = g.client
     left join sessions s on s.id = g.session_id and not g.offline where g.id = $1`,
    [gid],
  )
  return { session, grant }
}

let seen: Record<string, number>

function check(told: Explanation, isAlive: boolean): void {
  expect(told.alive).toBe(isAlive)
  expect(told.reason === null).toBe(isAlive)
  expect(told.summary).toMatch(/^The .*[^.]\.$/)
  for (const { at, counted_from, seconds: wins, limits } of told.deadlines) {
    expect(wins).toBe(Math.min(...limits.map((limit) => limit.seconds)))
    expect((Date.parse(at) - Date.parse(counted_from)) / 1000).toBeCloseTo(wins, -1)
  }
  const entries = [...told.deadlines, ...told.lines]
  const deciding = entries.filter(({ decides }) => decides)
  if (isAlive) {
    const next = Math.min(...told.deadlines.map(({ at }) => Date.parse(at)))
    expect(told).toMatchObject({ since: null, target: null, also: [] })
    expect(deciding).toMatchObject([{ passed: false, at: new Date(next).toISOString() }])
    expect(entries.filter(({ passed }) => passed)).toEqual([])
  } else {
    const reasons = [told.reason, ...told.also.map(({ reason }) => reason)]
    expect(deciding.length).toBeLessThanOrEqual(1)
    expect(deciding.every(({ passed }) => passed)).toBe(true)
    for (const { name } of told.deadlines.filter(({ passed }) => passed)) expect(reasons).toContain(name)
  }
  const reason = told.reason ?? 'alive'
  seen[reason] = (seen[reason] ?? 0) + 1
}

it('says that it is alive exactly when the statements that decide say so, and gives a reason exactly when it is not', async () => {
  seen = {}
  await fc.assert(
    fc.asyncProperty(rows, async (r) => {
      const { sid, gid } = await write(r)
      const { session, grant } = await truth(sid, gid)
      const { tools } = server.server
      const ofGrant = (await explainGrant(gid, tools)) as unknown as Explanation
      check(ofGrant, grant?.alive === true)
      expect(ofGrant.refresh?.allowed).toBe(grant?.refreshes === true)
      if (!session) {
        expect(ofGrant.session).toBeNull()
        return
      }
      const ofSession = (await explainSession(sid, tools)) as unknown as Explanation
      check(ofSession, session.alive)
      expect(await readSession(sid, tools)).toMatchObject({ alive: session.alive })
      expect(ofGrant.session).toMatchObject({ alive: session.alive, reason: ofSession.reason })
    }),
    { numRuns: 200 },
  )
  // It would prove little if nothing were ever alive, or if everything died of the same.
  const often = ['alive', 'session_idle', 'session_max', 'grant_idle', 'grant_max', 'disabled']
  expect(Object.keys(seen)).toEqual(expect.arrayContaining(often))
}, 120_000)
