import type { Field } from '../domain/field.ts'
import type { Policy } from '../domain/policy.ts'
import type { ComplianceProfile } from './compliance.ts'
import { choice, flag, integer, type ValuesOf } from './setting.ts'

const day = 86_400
const year = 365 * day

/** The settings that are policy: they stand in the database, hold for every instance at once, and may be set there over the environment. */
export const policySettings = {
  SESSION_IDLE_SECONDS: integer('A session that is unused this long is over', {
    max: 30 * day,
    unit: 'seconds',
    default: 1800,
  }),
  SESSION_MAX_SECONDS: integer('A session is over this long after login', {
    max: year,
    unit: 'seconds',
    default: 36_000,
  }),
  REMEMBER_ME: flag('Whether the login page offers to keep a person signed in when the browser is closed', {
    defaultIs: 'true when one of the two times below is set, otherwise false',
  }),
  REMEMBER_ME_IDLE_SECONDS: integer('The same as SESSION_IDLE_SECONDS for people who asked to stay signed in', {
    max: year,
    unit: 'seconds',
    default: 14 * day,
  }),
  REMEMBER_ME_MAX_SECONDS: integer('The same as SESSION_MAX_SECONDS for people who asked to stay signed in', {
    max: year,
    unit: 'seconds',
    default: 30 * day,
  }),
  MAX_SESSIONS_PER_USER: integer('Sessions that one user may have at a time; 0 for any number', {
    min: 0,
    max: 1_000_000,
    default: 0,
  }),
  SESSION_LIMIT_POLICY: choice(
    'What a login beyond MAX_SESSIONS_PER_USER does: ends the session that was used longest ago, or is refused',
    ['end_oldest', 'deny_new'],
    { default: 'end_oldest' },
  ),
  REFRESH_IDLE_SECONDS: integer(
    "A client's access is over when it has not refreshed for this long; never outlives the session",
    {
      max: 30 * day,
      unit: 'seconds',
      default: undefined,
      defaultIs: 'as long as the session',
    },
  ),
  REFRESH_MAX_SECONDS: integer("A client's access is over this long after it began; never outlives the session", {
    max: year,
    unit: 'seconds',
    default: undefined,
    defaultIs: 'SESSION_MAX_SECONDS',
  }),
  REFRESH_COUNTS_AS_ACTIVITY: flag('Whether an app that refreshes keeps the session of its user from being idle', {
    defaultIs: 'true, and false under a COMPLIANCE_PROFILE',
  }),
  REFRESH_GRACE_SECONDS: integer('A refresh that is repeated within this time gets the same answer; 0 for never', {
    min: 0,
    max: 60,
    unit: 'seconds',
    default: 10,
  }),
  OFFLINE_IDLE_SECONDS: integer('Offline access is over when it has not refreshed for this long', {
    max: year,
    unit: 'seconds',
    default: 30 * day,
  }),
  OFFLINE_MAX_SECONDS: integer('Offline access is over this long after it began', {
    max: year,
    unit: 'seconds',
    default: 60 * day,
  }),
}

export type PolicyValues = ValuesOf<typeof policySettings>

/** What the environment of an instance says of the policy. */
export interface ConfiguredPolicy extends PolicyValues {
  readonly COMPLIANCE_PROFILE: ComplianceProfile
}

/** How each of them is checked where it is not text of the environment but JSON. */
export const policyFields: Readonly<Record<string, Field>> = Object.fromEntries(
  Object.entries(policySettings).map(([name, { field }]) => [name, field]),
)

export function toPolicy(values: PolicyValues): Policy {
  const { REFRESH_IDLE_SECONDS: refreshIdleSeconds, REFRESH_MAX_SECONDS: refreshMaxSeconds } = values
  return {
    sessionIdleSeconds: values.SESSION_IDLE_SECONDS,
    sessionMaxSeconds: values.SESSION_MAX_SECONDS,
    ...(values.REMEMBER_ME === true && {
      remember: { idleSeconds: values.REMEMBER_ME_IDLE_SECONDS, maxSeconds: values.REMEMBER_ME_MAX_SECONDS },
    }),
    ...(refreshIdleSeconds !== undefined && { refreshIdleSeconds }),
    ...(refreshMaxSeconds !== undefined && { refreshMaxSeconds }),
    refreshGraceSeconds: values.REFRESH_GRACE_SECONDS,
    refreshCountsAsActivity: values.REFRESH_COUNTS_AS_ACTIVITY ?? true,
    offlineIdleSeconds: values.OFFLINE_IDLE_SECONDS,
    offlineMaxSeconds: values.OFFLINE_MAX_SECONDS,
    maxSessionsPerUser: values.MAX_SESSIONS_PER_USER,
    atSessionLimit: values.SESSION_LIMIT_POLICY,
  }
}
