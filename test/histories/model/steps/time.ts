import { constant, constantFrom, oneof, record } from 'fast-check'
import { grantIdleEnd, grantMaxEnd, sessionIdleEnd, sessionMaxEnd } from '../rules/liveness.ts'
import { codeSeconds, newModel, policies, tokenSeconds } from '../state.ts'
import { step } from './step.ts'

const { policy } = newModel()
const around = (seconds: number): number[] => [seconds - 1, seconds, seconds + 1]
/** Short steps that leave most things alive, and the boundaries of everything that ends by time, one second to either side. */
const short = constantFrom(1, 2, 5, 16, ...around(policy.graceSeconds), 31)
const boundaries = constantFrom(
  ...around(codeSeconds),
  ...around(tokenSeconds),
  ...around(150),
  ...around(policy.sessionIdle),
)
const long = constantFrom(
  ...around(policy.sessionMax),
  ...around(policy.offlineIdle),
  ...around(2000),
  ...around(policy.offlineMax),
)

export const advanceClock = step(
  'AdvanceClock',
  oneof({ weight: 6, arbitrary: short }, { weight: 5, arbitrary: boundaries }, { weight: 1, arbitrary: long }),
  (m, seconds) => ({
    told: `${seconds} s pass`,
    act: async (world) => {
      m.now += seconds
      await world.moveClock(seconds)
    },
  }),
)

const settings = Object.keys(policies) as (keyof typeof policies)[]

/** To the very instant at which something that lives now ends by time, or one second to either side. */
export const advanceToEnd = step(
  'AdvanceToEnd',
  record({
    of: constantFrom('code', 'session idle', 'session max', 'grant idle', 'grant max', 'grace', 'token'),
    by: constantFrom(-1, 0, 1),
  }),
  (m, { of, by }) => {
    const [code, session, grant, token] = [m.codes.at(-1), m.sessions.at(-1), m.grants.at(-1), m.tokens.at(-1)]
    const ends = {
      code: code?.expiresAt,
      'session idle': session && sessionIdleEnd(m, session),
      'session max': session && sessionMaxEnd(m, session),
      'grant idle': grant && grantIdleEnd(m, grant),
      'grant max': grant && grantMaxEnd(m, grant),
      grace: grant && grant.rotatedAt + (grant.client.graceSeconds ?? m.policy.graceSeconds),
      token: token?.expiresAt,
    }
    const at = ends[of]
    const seconds = at === undefined ? 0 : at + by - m.now
    if (seconds <= 0) return undefined
    return {
      told: `${seconds} s pass, to ${by === 0 ? 'the end' : `${by} s from the end`} of the last ${of}`,
      act: async (world) => {
        m.now += seconds
        await world.moveClock(seconds)
      },
    }
  },
)

/** The instance that starts last says what the settings are; they hold for what lives already where they are tighter. */
export const restart = step('Restart', record({ with: constantFrom(...settings) }), (m, given) => ({
  told: `the instance stops, another one takes over with ${given.with}`,
  act: async (world) => {
    m.policy = policies[given.with]
    await world.restart(m.policy)
  },
}))

export const rotateKeys = step('RotateKeys', constant({}), () => ({
  told: 'the signing keys are rotated',
  act: async (world) => {
    await world.admin('POST', '/keys/rotate')
  },
}))
