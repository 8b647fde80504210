import { constant, constantFrom, nat, oneof, record } from 'fast-check'
import { exchangeCode, presentRefreshToken } from '../acts.ts'
import { grantLives } from '../rules/liveness.ts'
import type { Client, Grant, Model } from '../state.ts'
import { nth } from '../world.ts'
import { pick, recent, recentLiving, step } from './step.ts'

/** Mostly the owner; otherwise another client. */
const stranger = oneof({ weight: 12, arbitrary: constant(0) }, { weight: 1, arbitrary: constantFrom(1, 2) })
const presenter = (m: Model, owner: Client, by: number): Client => nth(m.clients, m.clients.indexOf(owner) + by)
const rarelyWrong = oneof({ weight: 12, arbitrary: constant(true) }, { weight: 1, arbitrary: constant(false) })

export const exchange = step(
  'Exchange',
  record({
    pick: oneof({ weight: 5, arbitrary: constant(0) }, { weight: 1, arbitrary: nat(6) }),
    by: stranger,
    verifierIsRight: rarelyWrong,
    redirectUriIsRight: rarelyWrong,
    again: oneof({ weight: 7, arbitrary: constant(false) }, { weight: 1, arbitrary: constant(true) }),
  }),
  (m, { verifierIsRight, redirectUriIsRight, ...given }) => {
    const code = recent(
      m.codes.filter((one) => one.isUsed === given.again),
      given.pick,
    )
    if (!code) return undefined
    const by = presenter(m, code.client, given.by)
    const wrong = `${verifierIsRight ? '' : ', with a wrong verifier'}${redirectUriIsRight ? '' : ', with a wrong redirect URI'}`
    return {
      told: `${by.label} exchanges ${code.label}${given.by === 0 ? '' : ` of ${code.client.label}`}${given.again ? ' again' : ''}${wrong}`,
      act: (world) => exchangeCode(m, world, code, { by, verifierIsRight, redirectUriIsRight }),
    }
  },
)

const back = { current: 0, previous: 1, older: 2 } as const

/** The grants that a refresh token was given for. */
export const refreshable = (m: Model): Grant[] => m.grants.filter((grant) => grant.hasRefreshToken)

export const refresh = step(
  'Refresh',
  record({
    pick,
    which: oneof(
      { weight: 5, arbitrary: constant('current' as const) },
      { weight: 3, arbitrary: constant('previous' as const) },
      { weight: 2, arbitrary: constant('older' as const) },
    ),
    by: stranger,
    scope: oneof(
      { weight: 6, arbitrary: constant(undefined) },
      { weight: 1, arbitrary: constantFrom('openid', 'openid profile', 'openid profile offline_access') },
    ),
  }),
  (m, { scope, which, ...given }) => {
    const candidates = refreshable(m).filter((one) => one.generation >= back[which])
    const grant = recentLiving(candidates, given.pick, (one) => grantLives(m, one))
    if (!grant) return undefined
    const by = presenter(m, grant.client, given.by)
    const generation = which === 'older' ? given.pick % (grant.generation - 1) : grant.generation - back[which]
    const kind = grant.isOffline ? 'offline' : 'online'
    return {
      told: `${by.label} refreshes ${grant.label} (${kind}, ${grant.client.label}) with token ${generation} of 0 to ${grant.generation}${scope === undefined ? '' : `, for scope "${scope}"`}`,
      act: (world) =>
        presentRefreshToken(m, world, grant, {
          by,
          generation,
          ...(scope === undefined ? {} : { scopes: scope.split(' ') }),
        }),
    }
  },
)

/** A token that was replaced is presented when its time is over, to the very instant: whoever has it, it was stolen once. */
export const reuse = step('Reuse', record({ pick }), (m, given) => {
  const rotating = refreshable(m).filter((one) => one.client.rotates)
  const grant = recentLiving(rotating, given.pick, (one) => grantLives(m, one))
  if (!grant) return undefined
  const { client, generation } = grant
  const graceSeconds = client.graceSeconds ?? m.policy.graceSeconds
  return {
    told: `${client.label} refreshes ${grant.label} with token ${generation}, and does so again ${graceSeconds} s later`,
    act: async (world) => {
      await presentRefreshToken(m, world, grant, { by: client, generation })
      m.now += graceSeconds
      await world.moveClock(graceSeconds)
      await presentRefreshToken(m, world, grant, { by: client, generation })
    },
  }
})
