import { setTimeout as sleep } from 'node:timers/promises'
import type { TestClient } from '../../support/server.ts'
import { basic } from '../../support/tokens.ts'
import type { Acts } from './acts.ts'
import { type Ending, type Grant, isSteady, type Session } from './ledger.ts'
import { tightIdleSeconds } from './policies.ts'
import { pick } from './stage.ts'

/** The applications that everybody in a race uses. */
export type Clients = readonly TestClient[]

export interface Operation {
  /** How many run at once on the session that a pair meets at: at least, at most. */
  readonly copies: readonly [number, number]
  /** Codes that the session should have beforehand. */
  readonly codes: number
  /** It locks several grants in one statement: two of these meet only where there are many. */
  readonly takesMany?: true
  readonly run: (acts: Acts, session: Session, clients: Clients) => Promise<void>
}

/** Asks for an ending and enters it into the ledger when it is answered with a success. */
async function ending(
  acts: Acts,
  covered: Pick<Ending, 'name' | 'session' | 'user' | 'client'>,
  ask: () => Promise<{ isDone: boolean; body: string }>,
): Promise<void> {
  const startedAt = performance.now()
  const { isDone, body } = await ask()
  if (!isDone) return
  const position = /"position":(\d+)/.exec(body)?.[1]
  const at = position === undefined ? {} : { position: Number(position) }
  acts.ledger.apply({ ...covered, startedAt, ackedAt: performance.now(), ...at })
}

const revocation =
  (name: string, targetOf: (session: Session, clients: Clients) => Pick<Ending, 'session' | 'user' | 'client'>) =>
  async (acts: Acts, session: Session, clients: Clients): Promise<void> => {
    const target = targetOf(session, clients)
    const document = {
      ...(target.session ? { session_id: target.session.sid } : {}),
      ...(target.user ? { user_id: target.user.id } : {}),
      ...(target.client ? { client_id: target.client.clientId } : {}),
    }
    await ending(acts, { name, ...target }, () => acts.admin(name, 'POST', '/revocations', document))
  }

async function refresh(acts: Acts, session: Session): Promise<void> {
  for (let turn = 0; turn < 2; turn++) {
    const steady = session.grants.filter(isSteady)
    if (steady.length === 0) return
    await acts.refresh(pick(steady))
  }
}

async function exchange(acts: Acts, session: Session, clients: Clients): Promise<void> {
  const code = session.codes.at(-1) ?? (await acts.authorize(session, pick(clients), Math.random() < 0.3))
  if (code) await acts.exchange(code)
}

async function login(acts: Acts, session: Session, clients: Clients): Promise<void> {
  await acts.signIn(session.user, pick(clients), Math.random() < 0.4 ? session : undefined)
}

/** OpenID Connect RP-Initiated Logout 1.0 §2: the ID token says whose session it is. */
async function logout(acts: Acts, session: Session): Promise<void> {
  const { idToken } = session
  if (idToken === undefined) return acts.count('logout', 'nothing to show')
  await ending(acts, { name: 'logout', session }, async () => {
    const page = await acts.counted('logout', () =>
      acts.browserOf(session).request(`/logout?${new URLSearchParams({ id_token_hint: idToken })}`),
    )
    acts.count('logout', String(page?.status))
    return { isDone: page !== undefined && page.status < 400, body: '' }
  })
}

/** A token that is two generations old: somebody has a copy (RFC 9700 §4.14.2). Its grant is over when the refusal is read. */
async function reuse(acts: Acts, session: Session): Promise<void> {
  const grant = session.grants.find(isSteady)
  if (!grant) return
  while (grant.older.length < 2) if (!isSteady(grant) || !(await acts.refresh(grant))) return
  const old = grant.older[0]
  const { client } = grant.code
  if (old === undefined) return
  const startedAt = performance.now()
  const form = { grant_type: 'refresh_token', refresh_token: old }
  const headers = basic(client.clientId, client.secret ?? '')
  const answer = await acts.counted('reuse', () => acts.stage.any().post('/token', form, headers))
  const error = answer?.body['error']
  acts.count('reuse', `${answer?.status} ${typeof error === 'string' ? error : ''}`)
  if (error === 'invalid_grant') acts.ledger.apply({ name: 'reuse', grant, startedAt, ackedAt: performance.now() })
}

/** An administrator tightens a limit, holds it for a moment, and takes it back. */
async function policy(acts: Acts, session: Session, clients: Clients): Promise<void> {
  const client = pick(clients)
  const patch = (operation: string, document: object) => async () =>
    (await acts.admin(operation, 'PATCH', `/clients/${client.clientId}`, document)).isDone
  const kind = pick([
    'disabled',
    'scope',
    // Two of these at once would take back each other's limit before anything has been idle for so long.
    ...(acts.policies.isUnderWay(client, 'online idle') ? [] : (['idle'] as const)),
    ...(acts.policies.isUnderWay(undefined, 'offline idle') ? [] : (['server'] as const)),
  ] as const)
  if (kind === 'disabled') {
    const startedAt = performance.now()
    const isDone = await acts.policies.change(client, 'disabled', true, patch('disable', { disabled: true }))
    if (isDone) acts.ledger.apply({ name: 'disable', client, startedAt, ackedAt: performance.now() })
    await tryOut(acts, session)
    await acts.policies.change(client, 'disabled', false, patch('enable', { disabled: false }))
  } else if (kind === 'scope') {
    const less = patch('less scope', { scope: 'openid profile' })
    await acts.policies.change(client, 'no offline access', true, less)
    await tryOut(acts, session)
    const more = patch('more scope', { scope: 'openid profile offline_access' })
    await acts.policies.change(client, 'no offline access', false, more)
  } else if (kind === 'idle') {
    const idle = takeIdle(acts, ({ code, offline }) => code.client === client && !offline)
    const shorter = patch('shorter idle', { session_idle_seconds: tightIdleSeconds })
    await acts.policies.change(client, 'online idle', true, shorter)
    await Promise.all([tryOut(acts, session), outlast(acts, idle)])
    await acts.policies.change(client, 'online idle', false, patch('longer idle', { session_idle_seconds: null }))
  } else {
    // What another instance writes when it starts with other settings.
    const setting = (operation: string, seconds: number) => async () => {
      await acts.stage.server.db.query('update server set offline_idle_s = $1 where id = 1', [seconds])
      acts.count(operation, 'ok')
      return true
    }
    const idle = takeIdle(acts, ({ offline }) => offline)
    await acts.policies.change(undefined, 'offline idle', true, setting('server: shorter idle', tightIdleSeconds))
    await Promise.all([tryOut(acts, session), outlast(acts, idle)])
    await acts.policies.change(undefined, 'offline idle', false, setting('server: longer idle', 2_592_000))
  }
}

/** Takes the grant that was used longest ago away from everybody else. */
function takeIdle(acts: Acts, isRight: (grant: Grant) => boolean): Grant | undefined {
  const all = [...acts.ledger.sessions].flatMap(({ grants }) => grants)
  const [grant] = all.filter((grant) => isRight(grant) && grant.underWay === 0).sort((a, b) => a.usedAt - b.usedAt)
  if (grant) grant.code.session.grants = grant.code.session.grants.filter((other) => other !== grant)
  return grant
}

/** Uses it when it has been idle for longer than the limit that was just tightened. */
async function outlast(acts: Acts, grant: Grant | undefined): Promise<void> {
  if (!grant) return
  await sleep(Math.max(0, grant.usedAt + tightIdleSeconds * 1000 + 20 - performance.now()))
  await acts.refresh(grant, 'refresh of the idle')
}

/** Two grants of the session and those that were used longest ago meet the limit: the ledger says which of them may not pass. */
async function tryOut(acts: Acts, session: Session): Promise<void> {
  await sleep(Math.random() * 5)
  const all = [...acts.ledger.sessions].flatMap(({ grants }) => grants).sort((a, b) => a.usedAt - b.usedAt)
  const some = new Set([...all.slice(0, 4), ...session.grants.slice(0, 2)])
  await Promise.all([...some].filter(isSteady).map((grant) => acts.refresh(grant, 'refresh at the limit')))
}

export const operations: Record<string, Operation> = {
  refresh: { copies: [3, 5], codes: 0, run: refresh },
  exchange: { copies: [2, 4], codes: 4, run: exchange },
  login: { copies: [1, 2], codes: 0, run: login },
  logout: { copies: [1, 2], codes: 0, takesMany: true, run: logout },
  'end-user': { copies: [1, 2], codes: 1, takesMany: true, run: revocation('end-user', ({ user }) => ({ user })) },
  'end-client': {
    copies: [1, 2],
    codes: 1,
    run: revocation('end-client', (_, clients) => ({ client: pick(clients) })),
  },
  policy: { copies: [1, 2], codes: 1, run: policy },
  'end-session': {
    copies: [1, 2],
    codes: 0,
    takesMany: true,
    run: revocation('end-session', (session) => ({ session })),
  },
  'end-user-client': {
    copies: [1, 2],
    codes: 1,
    takesMany: true,
    run: revocation('end-user-client', ({ user }, clients) => ({ user, client: pick(clients) })),
  },
  reuse: { copies: [1, 2], codes: 0, run: reuse },
}

export type Pair = readonly [string, string]

/** The seven that everything else is made of. */
const main = ['refresh', 'exchange', 'login', 'logout', 'end-user', 'end-client', 'policy']

/** Every two of them, and each beside itself. */
export const pairsOf = (names: readonly string[]): Pair[] =>
  names.flatMap((first, at) => names.slice(at).map((second): Pair => [first, second]))

export const mainPairs = pairsOf(main)
export const allPairs = pairsOf(Object.keys(operations))
