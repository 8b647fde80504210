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
export type ComplianceProfile = (typeof complianceProfiles)[number]

/** Under every rule book only the person keeps a session alive, not an app that refreshes, and no session outlives its browser. */
const alwaysFalse = ['REFRESH_COUNTS_AS_ACTIVITY', 'REMEMBER_ME'] as const

/** What a rule book says against this value of a setting, as the rest of "NAME …"; undefined when it allows it. */
export function profileRefusal(profile: unknown, name: string, value: unknown): string | undefined {
  const book = ruleBooks[String(profile)]
  if (!book) return undefined
  const [most = Number.POSITIVE_INFINITY, least = Number.NEGATIVE_INFINITY] = [book.most[name], book.least[name]]
  const under = `under COMPLIANCE_PROFILE=${String(profile)}`
  if (Number(value) > most) return `must be at most ${most} ${under}`
  if (Number(value) < least) return `must be at least ${least} ${under}`
  const mustBeFalse: readonly string[] = alwaysFalse
  return mustBeFalse.includes(name) && value === true ? `must be false ${under}` : undefined
}

interface Governed {
  COMPLIANCE_PROFILE: ComplianceProfile
  REFRESH_COUNTS_AS_ACTIVITY: boolean | undefined
  REMEMBER_ME: boolean | undefined
  RATE_LIMITS: RateLimits
}

/** Brings what was not set under the chosen profile, and answers what was set more loosely than it allows. */
export function applyProfile(
  values: Governed & Record<string, unknown>,
  texts: Readonly<Record<string, string | undefined>>,
): string[] {
  const name = values.COMPLIANCE_PROFILE
  const profile = ruleBooks[name]
  if (!profile) return []
  const problems: string[] = []
  const refuse = (setting: string, refusal: string) => problems.push(`${setting} ${refusal}`)
  const limited = [...Object.keys(profile.most), ...Object.keys(profile.least)]
  for (const setting of [...limited.filter((each) => texts[each] !== undefined), ...alwaysFalse]) {
    const refusal = profileRefusal(name, setting, values[setting])
    if (refusal !== undefined) refuse(setting, refusal)
  }
  for (const [setting, most] of Object.entries(profile.most)) values[setting] = Math.min(Number(values[setting]), most)
  for (const [setting, least] of Object.entries(profile.least))
    values[setting] = Math.max(Number(values[setting]), least)
  for (const setting of alwaysFalse) values[setting] = false
  const { lockout } = profile
  const limits = values.RATE_LIMITS
  if (lockout && limits !== 'off') {
    const { count, seconds } = limits.login_account
    if (texts['RATE_LIMITS'] === undefined) values.RATE_LIMITS = { ...limits, login_account: lockout }
    else if (count > lockout.count || seconds < lockout.seconds)
      refuse(
        'RATE_LIMITS',
        `must have login_account at no more than ${lockout.count}/${lockout.seconds} under COMPLIANCE_PROFILE=${name}`,
      )
  }
  return problems
}
