import { setTimeout as sleep } from 'node:timers/promises'
import { grantIsDead, sessionIsDead } from '../../../src/store/liveness.ts'
import { Acts, type Findings, redirectUri } from './acts.ts'
import { makeBystanders, watch } from './bystanders.ts'
import { isDead, isSteady, type Session, type User } from './ledger.ts'
import { type Clients, type Operation, operations, type Pair } from './operations.ts'
import { pick, type Stage } from './stage.ts'

export interface Raced extends Findings {
  readonly name: string
  readonly seconds: number
  /** How often both operations of the pair met at one session. */
  readonly meetings: number
  /** Ended things that were tried again. */
  readonly tried: number
}

/** Sessions at which a pair meets: few, so that the locks meet as well. */
const liveSessions = 5
const lanes = 6

interface World {
  readonly acts: Acts
  readonly users: readonly User[]
  readonly clients: Clients
}

/** Both operations at the same sessions, people and clients, from several connections to all instances, for so many seconds. */
export async function race(stage: Stage, pair: Pair, seconds: number): Promise<Raced> {
  const sides = pair.map((name) => {
    const operation = operations[name]
    if (!operation) throw new Error(`there is no operation ${name}`)
    return operation
  })
  return run(stage, pair.join(' × '), pair, seconds, async (world, until) => {
    let meetings = 0
    const lane = async () => {
      do {
        if (await meet(world, sides)) meetings++
        else await sleep(5)
        await tryGraves(world.acts, 8)
      } while (performance.now() < until)
    }
    await Promise.all(Array.from({ length: lanes }, lane))
    return meetings
  })
}

/** Refreshes without a pause at a few sessions, and logouts of the same. */
export async function storm(stage: Stage, seconds: number): Promise<Raced> {
  return run(stage, 'storm', ['refresh', 'logout'], seconds, async (world, until) => {
    const { acts } = world
    let logouts = 0
    const isOver = () => performance.now() >= until
    const seated = () => [...acts.ledger.sessions].filter((session) => session.grants.length > 0)
    const refreshes = async () => {
      while (!isOver()) {
        const steady = seated().flatMap(({ grants }) => grants.filter(isSteady))
        if (steady.length === 0) await sleep(2)
        else await acts.refresh(pick(steady))
      }
    }
    const leave = async () => {
      while (!isOver()) {
        await sleep(10)
        const live = seated()
        if (live.length < 2) continue
        await operations['logout']?.run(acts, pick(live), world.clients)
        logouts++
      }
    }
    const tryAgain = async () => {
      while (!isOver()) if ((await tryGraves(acts, 10)) === 0) await sleep(10)
    }
    const arrive = async () => {
      while (!isOver()) {
        if (acts.ledger.sessions.size < liveSessions) await stock(world, await begin(world), 0)
        else await sleep(2)
      }
    }
    const eight = <T>(work: () => Promise<T>) => Array.from({ length: 8 }, work)
    await Promise.all([
      ...eight(refreshes),
      ...eight(refreshes),
      leave(),
      leave(),
      arrive(),
      arrive(),
      arrive(),
      tryAgain(),
    ])
    return logouts
  })
}

async function run(
  stage: Stage,
  name: string,
  pair: Pair,
  seconds: number,
  work: (world: World, until: number) => Promise<number>,
): Promise<Raced> {
  const { server } = stage
  const acts = new Acts(stage)
  const metadata = { scope: 'openid profile offline_access', redirect_uris: [redirectUri] }
  const clients = await Promise.all([server.createClient(metadata), server.createClient(metadata)])
  const users = await Promise.all([server.createUser(), server.createUser()])
  const bystanders = await makeBystanders(acts, pair, { users, clients })
  const startedAt = performance.now()
  let isOver = false
  const watching = watch(acts, bystanders, () => isOver)
  const meetings = await work({ acts, users, clients }, startedAt + seconds * 1000).finally(() => {
    isOver = true
  })
  await watching
  while ((await tryGraves(acts, 100)) > 0);
  await tryRows(acts, stage)
  const tried = acts.ledger.deadGrants.length + acts.ledger.deadSessions.length
  return { ...acts.findings, name, seconds: (performance.now() - startedAt) / 1000, meetings, tried }
}

/** One session, both operations, a few of each, within a few milliseconds. */
async function meet(world: World, sides: readonly Operation[]): Promise<boolean> {
  const live = [...world.acts.ledger.sessions].filter((session) => !isDead(session))
  const session = live.length < liveSessions ? await begin(world) : pick(live)
  if (!session) return false
  await stock(world, session, Math.max(...sides.map(({ codes }) => codes)))
  await makeTouchDue(world, session)
  if (sides.every(({ takesMany }) => takesMany)) await crowd(world, session)
  await Promise.all(
    sides.flatMap(({ copies: [least, most], run }) =>
      Array.from({ length: least + Math.floor(Math.random() * (most - least + 1)) }, async () => {
        await sleep(Math.random() * 6)
        await run(world.acts, session, world.clients)
      }),
    ),
  )
  // Before it has so many grants that the oldest ends.
  if (++session.meetings > 6) world.acts.ledger.sessions.delete(session)
  return true
}

const begin = ({ acts, users, clients }: World): Promise<Session | undefined> => acts.signIn(pick(users), pick(clients))

/** Gives a session what the operations need: three grants, one of them offline, and codes. */
async function stock({ acts, clients }: World, session: Session | undefined, codes: number): Promise<void> {
  if (!session) return
  const lacking = Math.max(0, 3 - session.grants.length)
  await Promise.all(
    Array.from({ length: lacking }, async (_, at) => {
      const isOffline = at === 0 && !session.grants.some((grant) => grant.offline)
      const code = isOffline
        ? await acts.authorize(session, pick(clients), true)
        : (session.codes.at(-1) ?? (await acts.authorize(session, pick(clients))))
      if (code) await acts.exchange(code)
    }),
  )
  const missing = Math.max(0, codes - session.codes.length)
  await Promise.all(Array.from({ length: missing }, () => acts.authorize(session, pick(clients), Math.random() < 0.3)))
}

/** A hundred grants more, of nobody: one statement takes long enough to lock them that another can come from the other end. */
async function crowd({ acts }: World, { grants }: Session): Promise<void> {
  await acts.stage.server.db.query(
    `insert into grants (id, client, user_id, session_id, scope, idle_s, expires_at, created_pos, auth_time)
     select new_id(), client, user_id, session_id, scope, idle_s, expires_at, created_pos, auth_time
     from grants, generate_series(1, 100) where id = $1`,
    [grants.find(({ offline }) => !offline)?.gid],
  )
}

/** As if the session had not been used for a minute: the next code from it writes to the row that a logout wants first. */
async function makeTouchDue({ acts }: World, session: Session): Promise<void> {
  const { db } = acts.stage.server
  // It waits for nobody, so that it is no part of what it helps to find.
  await db
    .query(
      `update sessions s set last_seen_at = clock_now() - interval '61 seconds'
       from (select id from sessions where id = $1 and last_seen_at > clock_now() - interval '61 seconds' for no key update skip locked) l
       where s.id = l.id`,
      [session.sid],
    )
    .catch((error: { code?: unknown }) => {
      if (error.code !== '40P01') throw error
    })
}

/** Uses what has ended; a success is entered by the act itself. Returns how many there were. */
async function tryGraves(acts: Acts, most: number): Promise<number> {
  const { graves } = acts.ledger
  const some = graves.splice(0, Math.max(most, Math.floor(graves.length / 4)))
  for (let at = 0; at < some.length; at += 16) {
    await Promise.all(
      some.slice(at, at + 16).map(async (thing) => {
        if (thing.kind === 'session') await acts.authorize(thing, thing.client)
        else if (thing.kind === 'code') await acts.exchange(thing, 'exchange of the dead')
        else {
          await acts.refresh(thing, 'refresh of the dead')
          await acts.introspect(thing, 'introspect of the dead')
        }
      }),
    )
  }
  return some.length
}

/** And by the rows: of everything that was ended, nothing may be alive in the database. */
async function tryRows({ ledger, findings }: Acts, { server }: Stage): Promise<void> {
  const grants = await server.db.query(
    `select g.id from grants g join server v on v.id = 1 join users u on u.id = g.user_id join clients c on c.id = g.client
     left join sessions s on s.id = g.session_id and not g.offline where g.id = any($1::uuid[]) and not ${grantIsDead}`,
    [ledger.deadGrants],
  )
  const sessions = await server.db.query(
    `select s.id from sessions s join server v on v.id = 1 join users u on u.id = s.user_id
     where s.id = any($1::uuid[]) and not ${sessionIsDead}`,
    [ledger.deadSessions],
  )
  for (const _ of grants) findings.survivors.push('the row of a grant')
  for (const _ of sessions) findings.survivors.push('the row of a session')
}
