import { complianceProfiles } from './compliance.ts'
import { choice, flag, integer } from './setting.ts'

const day = 86_400
const year = 365 * day

/** How long sessions, grants and tokens live, and what a rule book says to that. */
export const lifetimes = {
  COMPLIANCE_PROFILE: choice(
    'A rule book that sets these times where you do not, and refuses looser ones; it also wants REMEMBER_ME and REFRESH_COUNTS_AS_ACTIVITY to be false',
    complianceProfiles,
    { default: 'default' },
  ),
  ACCESS_TOKEN_TTL_SECONDS: integer('Life of an access token', { max: 3600, unit: 'seconds', default: 300 }),
  AUTHORIZATION_CODE_TTL_SECONDS: integer('Life of an authorization code', { max: 600, unit: 'seconds', default: 60 }),
  LOGIN_TRANSACTION_TTL_SECONDS: integer('Time that a person has to log in', {
    max: day,
    unit: 'seconds',
    default: 1800,
  }),
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
