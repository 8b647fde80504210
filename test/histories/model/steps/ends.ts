import { constantFrom, nat, record } from 'fast-check'
import { claimsOf } from '../../../support/tokens.ts'
import { same } from '../expectation.ts'
import { endAll, endClient, endGrant, endSession, endToken, endUser, endUserAtClient } from '../rules/endings.ts'
import { grantLives, sessionLives } from '../rules/liveness.ts'
import type { Client, Model, User } from '../state.ts'
import { known, nth, type World } from '../world.ts'
import { type Plan, pick, recent, step } from './step.ts'

/** What is ended: in words, as the request names it, and by the rules. */
interface Target {
  readonly told: string
  readonly request: (w: World) => object
  readonly rule: () => void
  /** One line ends it all, whatever the number: nothing is counted. */
  readonly isMass?: true
}

interface Given {
  readonly pick: number
  readonly user: User
  readonly client: Client
}

const idOf = (w: World, user: User) => ({ user_id: known(w.users, user).id })
const clientIdOf = (w: World, client: Client) => ({ client_id: known(w.clients, client).id })

const targets = {
  session: (m: Model, given: Given): Target | undefined => {
    const session = recent(m.sessions, given.pick)
    if (!session) return undefined
    const request = (w: World) => ({ session_id: known(w.sids, session) })
    return { told: session.label, request, rule: () => endSession(m, session) }
  },
  grant: (m: Model, given: Given): Target | undefined => {
    const grant = recent(m.grants, given.pick)
    if (!grant) return undefined
    return { told: grant.label, request: (w) => ({ grant_id: known(w.gids, grant) }), rule: () => endGrant(grant) }
  },
  token: (m: Model, given: Given): Target | undefined => {
    const token = recent(m.tokens, given.pick)
    if (!token) return undefined
    const request = (w: World) => ({ jti: claimsOf(known(w.tokens, token)).jti })
    return { told: token.label, request, rule: () => endToken(token) }
  },
  user: (m: Model, { user }: Given): Target | undefined =>
    user.isDeleted ? undefined : { told: user.label, request: (w) => idOf(w, user), rule: () => endUser(m, user) },
  client: (m: Model, { client }: Given): Target => {
    const request = (w: World) => clientIdOf(w, client)
    return { told: client.label, request, rule: () => endClient(m, client), isMass: true }
  },
  userAtClient: (m: Model, { user, client }: Given): Target | undefined => {
    if (user.isDeleted) return undefined
    const request = (w: World) => ({ ...idOf(w, user), ...clientIdOf(w, client) })
    return { told: `${user.label} at ${client.label}`, request, rule: () => endUserAtClient(m, user, client) }
  },
  all: (m: Model): Target => ({
    told: 'everything',
    request: () => ({ all: true }),
    rule: () => endAll(m),
    isMass: true,
  }),
}

/** POST /revocations, with each kind of target. */
export const end = step(
  'End',
  record({
    target: constantFrom('session', 'session', 'grant', 'grant', 'user', 'client', 'userAtClient', 'token', 'all'),
    pick,
    user: nat(1),
    client: nat(2),
  }),
  (m, given) => {
    const found = { pick: given.pick, user: nth(m.users, given.user), client: nth(m.clients, given.client) }
    const target = targets[given.target](m, found)
    return target && ending(m, target)
  },
)

const ending = (m: Model, { told, request, rule, isMass }: Target): Plan => ({
  told: `an admin ends ${told}`,
  act: async (world) => {
    const living = () => [
      m.sessions.filter((one) => sessionLives(m, one)).length,
      m.grants.filter((one) => grantLives(m, one)).length,
    ]
    const [sessionsBefore = 0, grantsBefore = 0] = living()
    type Ended = { ended: { sessions: number; grants: number } | null }
    const { ended } = await world.admin<Ended>('POST', '/revocations', request(world))
    rule()
    const [sessionsAfter = 0, grantsAfter = 0] = living()
    same('it counts what lived', ended !== null, isMass !== true)
    if (ended === null) return
    same('what was ended', ended, { sessions: sessionsBefore - sessionsAfter, grants: grantsBefore - grantsAfter })
  },
})
