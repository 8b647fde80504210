import { constantFrom, nat, record } from 'fast-check'
import { userinfo as askUserinfo } from '../../../support/tokens.ts'
import { same } from '../expectation.ts'
import { refreshTokenIsActive, tokenLives } from '../rules/liveness.ts'
import { known, nth } from '../world.ts'
import { pick, recent, step } from './step.ts'
import { refreshable } from './tokens.ts'

// That looking is not using is seen afterwards, in the times of the sessions and grants.

const disabledCaller = { status: 401, error: 'invalid_client' }

/** A client sees its own access tokens; those of others look dead (RFC 7662 §2.2). */
export const introspectAccessToken = step('IntrospectAccessToken', record({ pick, by: nat(2) }), (m, given) => {
  const token = recent(m.tokens, given.pick)
  if (!token) return undefined
  const by = nth(m.clients, given.by)
  return {
    told: `${by.label} introspects ${token.label} of ${token.grant.client.label}`,
    act: async (world) => {
      const { status, body } = await world.post('/introspect', { token: known(world.tokens, token) }, by)
      if (by.isDisabled) return same('the answer', { status, error: body['error'] }, disabledCaller)
      same('active', body['active'], by === token.grant.client && tokenLives(m, token))
    },
  }
})

export const introspectRefreshToken = step(
  'IntrospectRefreshToken',
  record({ pick, back: nat(2), by: constantFrom(0, 0, 1) }),
  (m, given) => {
    const grant = recent(
      refreshable(m).filter((one) => one.generation >= given.back),
      given.pick,
    )
    if (!grant) return undefined
    const generation = grant.generation - given.back
    const by = nth(m.clients, m.clients.indexOf(grant.client) + given.by)
    return {
      told: `${by.label} introspects refresh token ${generation} of 0 to ${grant.generation} of ${grant.label}`,
      act: async (world) => {
        const token = known(world.refreshTokens, grant)[generation] ?? ''
        const { status, body } = await world.post('/introspect', { token }, by)
        if (by.isDisabled) return same('the answer', { status, error: body['error'] }, disabledCaller)
        same('active', body['active'], by === grant.client && refreshTokenIsActive(m, grant, generation))
      },
    }
  },
)

export const userinfo = step('Userinfo', record({ pick }), (m, given) => {
  const token = recent(m.tokens, given.pick)
  if (!token) return undefined
  return {
    told: `userinfo with ${token.label}`,
    act: async (world) => {
      const answer = await askUserinfo(world.instance.url, known(world.tokens, token))
      const body = (await answer.json()) as { sub?: string }
      const { id } = known(world.users, token.grant.user)
      const wanted = tokenLives(m, token) ? { status: 200, sub: id } : { status: 401, sub: undefined }
      same('userinfo', { status: answer.status, sub: body.sub }, wanted)
    },
  }
})
