import type { RateLimits } from './rate-limits.ts'

/** What a rule book asks for: how loose the settings may be under it. */
interface Profile {
  /** Settings that may be at most, and settings that must be at least this. */
  readonly most: Readonly<Record<string, number>>
  readonly least: Readonly<Record<string, number>>
  /** Failed logins of one account: at most `count` in no less than `seconds`. */
  readonly lockout?: { readonly count: number; readonly seconds: number }
}

const minute = 60
const hour = 3600

/** The rule books. They set times and counts; which factors a person needs is another matter. */
const ruleBooks: Readonly<Record<string, Profile>> = {
  // PCI DSS 4.0: 15 minutes without the person (8.2.8), 10 attempts and 30 minutes (8.3.4), a year of audit trail (10.5.1).
  pci: {
    most: { SESSION_IDLE_SECONDS: 15 * minute },
    least: { AUDIT_RETENTION_DAYS: 365 },
    lockout: { count: 10, seconds: 30 * minute },
  },
  // 45 CFR 164.312(a)(2)(iii) asks for an automatic logoff and names no time; 164.316(b)(2)(i) asks for six years of records.
  hipaa: { most: { SESSION_IDLE_SECONDS: 15 * minute }, least: { AUDIT_RETENTION_DAYS: 2190 } },
  // NIST SP 800-63B, revision 3, 4.2.3 and 4.3.3: stricter than revision 4.
  'nist-aal2': { most: { SESSION_IDLE_SECONDS: 30 * minute, SESSION_MAX_SECONDS: 12 * hour }, least: {} },
  'nist-aal3': { most: { SESSION_IDLE_SECONDS: 15 * minute, SESSION_MAX_SECONDS: 12 * hour }, least: {} },
}

export const complianceProfiles = ['default', 'pci', 'hipaa', 'nist-aal2', 'nist-aal3'] as const

interface Governed {
  COMPLIANCE_PROFILE: (typeof complianceProfiles)[number]
  REFRESH_COUNTS_AS_ACTIVITY: boolean | undefined
  REMEMBER_ME: boolean | undefined
  RATE_LIMITS: RateLimits
}

/**
 * Brings what was not set under the chosen profile, and answers what was set more loosely than it allows.
 * Under every profile only the person keeps a session alive, not an app that refreshes, and no session outlives its browser.
 */
export function applyProfile(
  values: Governed & Record<string, unknown>,
  texts: Readonly<Record<string, string | undefined>>,
): string[] {
  const name = values.COMPLIANCE_PROFILE
  const profile = ruleBooks[name]
  if (!profile) return []
  const problems: string[] = []
  const refuse = (problem: string) => problems.push(`${problem} under COMPLIANCE_PROFILE=${name}`)
  for (const [setting, most] of Object.entries(profile.most)) {
    if (texts[setting] === undefined) values[setting] = Math.min(Number(values[setting]), most)
    else if (Number(values[setting]) > most) refuse(`${setting} must be at most ${most}`)
  }
  for (const [setting, least] of Object.entries(profile.least)) {
    if (texts[setting] === undefined) values[setting] = Math.max(Number(values[setting]), least)
    else if (Number(values[setting]) < least) refuse(`${setting} must be at least ${least}`)
  }
  if (values.REFRESH_COUNTS_AS_ACTIVITY === true) refuse('REFRESH_COUNTS_AS_ACTIVITY must be false')
  values.REFRESH_COUNTS_AS_ACTIVITY = false
  if (values.REMEMBER_ME === true) refuse('REMEMBER_ME must be false')
  values.REMEMBER_ME = false
  const { lockout } = profile
  const limits = values.RATE_LIMITS
  if (lockout && limits !== 'off') {
    const { count, seconds } = limits.login_account
    if (texts['RATE_LIMITS'] === undefined) values.RATE_LIMITS = { ...limits, login_account: lockout }
    else if (count > lockout.count || seconds < lockout.seconds)
      refuse(`RATE_LIMITS must have login_account at no more than ${lockout.count}/${lockout.seconds}`)
  }
  return problems
}
