import { complianceProfiles } from './compliance.ts'
import { policySettings } from './policy.ts'
import { choice, integer } from './setting.ts'

const day = 86_400

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
  ...policySettings,
}
