import { same } from './expectation.ts'
import {
  grantIdleEnd,
  grantLives,
  grantMaxEnd,
  refreshTokenIsActive,
  sessionIdleEnd,
  sessionLastUsed,
  sessionLives,
  sessionMaxEnd,
  tokenLives,
} from './rules/liveness.ts'
import type { AccessToken, Grant, Model, User } from './state.ts'
import { known, type World } from './world.ts'

/** After every step: what the server says of every session, grant and token is what the rules say. */
export async function checkInvariants(m: Model, world: World): Promise<void> {
  const people = m.users.filter((one) => m.sessions.some((session) => session.user === one))
  const looks = await Promise.allSettled([
    ...people.flatMap((one) => [checkSessions(m, world, one), checkGrants(m, world, one)]),
    ...due(world, m.grants, (one) => grantLives(m, one)).map((one) => checkRefreshToken(m, world, one)),
    ...due(world, m.tokens, (one) => tokenLives(m, one)).map((one) => checkAccessToken(m, world, one)),
  ])
  // Only now: nothing may still be under way when the next step begins, or when the server stops.
  const failed = looks.find((look) => look.status === 'rejected')
  if (failed) throw failed.reason
}

/** What was alive when it was looked at last. What has died is looked at once more for sure, and now and then after that. */
const seenAlive = new WeakSet<object>()

function due<Item extends object>(world: World, items: readonly Item[], lives: (item: Item) => boolean): Item[] {
  const turn = world.told.length
  return items.filter((item, i) => {
    const isAlive = lives(item)
    const isDue = isAlive || seenAlive.has(item) || (i + turn) % 8 === 0
    if (isAlive) seenAlive.add(item)
    else seenAlive.delete(item)
    return isDue
  })
}

type Items = { readonly items: readonly Readonly<Record<string, unknown>>[] }

const livingOf = (world: World, what: 'sessions' | 'grants', user: User) =>
  world.admin<Items>('GET', `/${what}?limit=200&user_id=${known(world.users, user).id}`)

/** The living sessions of a person, with the times by which they end: looking at one, or at its tokens, does not move them. */
async function checkSessions(m: Model, world: World, user: User): Promise<void> {
  const { items } = await livingOf(world, 'sessions', user)
  const told = m.sessions.filter((one) => one.user === user && sessionLives(m, one))
  compareLists(
    `the living sessions of ${user.label}`,
    items.map((one) => [
      one['sid'],
      ...['auth_time', 'last_seen_at', 'idle_expires_at', 'expires_at'].map((name) => instantOf(one[name])),
    ]),
    told.map((one) => [
      known(world.sids, one),
      ...[one.authTime, sessionLastUsed(one), sessionIdleEnd(m, one), sessionMaxEnd(m, one)].map(
        (instant) => world.began + instant,
      ),
    ]),
  )
}

async function checkGrants(m: Model, world: World, user: User): Promise<void> {
  const { items } = await livingOf(world, 'grants', user)
  const told = m.grants.filter((one) => one.user === user && grantLives(m, one))
  compareLists(
    `the living grants of ${user.label}`,
    items.map((one) => [
      ...['gid', 'client_id', 'kind', 'sid', 'scope'].map((name) => one[name]),
      ...['auth_time', 'last_used_at', 'idle_expires_at', 'expires_at'].map((name) => instantOf(one[name])),
    ]),
    told.map((one) => [
      known(world.gids, one),
      known(world.clients, one.client).id,
      one.isOffline ? 'offline' : 'online',
      known(world.sids, one.session),
      one.scopes.join(' '),
      ...[one.authTime, one.rotatedAt, grantIdleEnd(m, one), grantMaxEnd(m, one)].map(
        (instant) => world.began + instant,
      ),
    ]),
  )
}

const instantOf = (time: unknown): number => Math.floor(Date.parse(String(time)) / 1000)

function compareLists(what: string, actual: readonly unknown[][], told: readonly unknown[][]): void {
  const sorted = (rows: readonly unknown[][]) => rows.map((row) => row.join(' ')).sort()
  same(what, sorted(actual), sorted(told))
}

/** The current refresh token; that older ones are inactive is a step of its own. */
async function checkRefreshToken(m: Model, world: World, grant: Grant): Promise<void> {
  if (!grant.hasRefreshToken || grant.client.isDisabled) return
  const token = known(world.refreshTokens, grant)[grant.generation] ?? ''
  const { body } = await world.post('/introspect', { token }, grant.client)
  const isActive = refreshTokenIsActive(m, grant, grant.generation)
  same(`the refresh token of ${grant.label} is active`, body['active'], isActive)
}

async function checkAccessToken(m: Model, world: World, token: AccessToken): Promise<void> {
  const { body } = await world.post('/introspect', { token: known(world.tokens, token) })
  same(`${token.label} of ${token.grant.label} is active`, body['active'], tokenLives(m, token))
  if (body['active'] === true) same(`exp of ${token.label}`, body['exp'], world.began + token.expiresAt)
}
