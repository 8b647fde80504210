import { constantFrom, nat, record } from 'fast-check'
import { disableClient } from '../rules/endings.ts'
import type { Client, Model } from '../state.ts'
import { known, nth } from '../world.ts'
import { step } from './step.ts'

/** What is registered differently from now on, and what that does: only disabling ends anything for good. */
interface Change {
  readonly patch: object
  readonly rule: (m: Model, client: Client) => void
}

const scopes = (scope: string): Change => ({
  patch: { scope },
  rule: (_, client) => {
    client.scopes = scope.split(' ')
  },
})

const refreshing = (mayRefresh: boolean): Change => ({
  patch: { grant_types: mayRefresh ? ['authorization_code', 'refresh_token'] : ['authorization_code'] },
  rule: (_, client) => {
    client.mayRefresh = mayRefresh
  },
})

const skippingConsent = (skipsConsent: boolean): Change => ({
  patch: { skip_consent: skipsConsent },
  rule: (_, client) => {
    client.skipsConsent = skipsConsent
  },
})

/** A limit of its own holds at once for its living grants too. */
const limit = (
  member: string,
  name: 'sessionIdle' | 'sessionMax' | 'offlineIdle' | 'offlineMax',
  seconds: number | undefined,
): Change => ({
  patch: { [member]: seconds ?? null },
  rule: (_, client) => {
    client[name] = seconds
  },
})

const changes = {
  'is disabled': { patch: { disabled: true }, rule: disableClient },
  'is enabled': {
    patch: { disabled: false },
    rule: (_, client) => {
      client.isDisabled = false
    },
  },
  'loses offline_access': scopes('openid profile'),
  'loses profile': scopes('openid offline_access'),
  'has all its scopes': scopes('openid profile offline_access'),
  'may not refresh': refreshing(false),
  'may refresh': refreshing(true),
  'asks for consent': skippingConsent(false),
  'skips consent': skippingConsent(true),
  'lets online access be idle for 100 s': limit('session_idle_seconds', 'sessionIdle', 100),
  'lets online access last 400 s': limit('session_max_seconds', 'sessionMax', 400),
  'lets offline access be idle for 300 s': limit('offline_idle_seconds', 'offlineIdle', 300),
  'lets offline access last 900 s': limit('offline_max_seconds', 'offlineMax', 900),
  'has no limit of offline access of its own': limit('offline_max_seconds', 'offlineMax', undefined),
  'wants a reuse to end the session': {
    patch: { reuse_revokes_session: true },
    rule: (_, client) => {
      client.reuseEndsSession = true
    },
  },
  'wants a log-out to end offline access': {
    patch: { terminate_offline_on_logout: true },
    rule: (_, client) => {
      client.logoutEndsOffline = true
    },
  },
} satisfies Record<string, Change>

const names = Object.keys(changes) as (keyof typeof changes)[]

export const changeClient = step(
  'ChangeClient',
  record({ client: nat(2), change: constantFrom(...names) }),
  (m, { change, ...given }) => {
    const client = nth(m.clients, given.client)
    const { patch, rule }: Change = changes[change]
    return {
      told: `${client.label} ${change} from now on`,
      act: async (world) => {
        await world.admin('PATCH', `/clients/${known(world.clients, client).id}`, patch)
        rule(m, client)
      },
    }
  },
)
