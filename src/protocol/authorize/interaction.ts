import { normalizeIdentifier } from '../../domain/identifier.ts'
import type { OAuthErrorCode } from '../../domain/oauth-error.ts'
import { isSubset } from '../../domain/scope.ts'
import { acrSatisfies } from '../../domain/session.ts'
import type { SessionWithConsent } from '../../store/sessions.ts'
import type { AuthorizationRequest } from './request.ts'

/** What an authorization request needs next. */
export type Step = 'login' | 'consent' | 'issue' | { readonly refuse: OAuthErrorCode }

export interface Situation {
  readonly request: AuthorizationRequest
  readonly skipConsent: boolean
  readonly session: SessionWithConsent | undefined
  /** When the login transaction began, or undefined before there is one: then nothing can have been done for this request yet. */
  readonly begunAt?: Date
  /** The name that a sign-in form was sent with: who types another one than the session's means someone else. */
  readonly claimedName?: string
  /** Context classes that the login methods can reach. */
  readonly reachableAcr: readonly string[]
}

/**
 * Decides from facts alone: the session, the consent, and whether they are younger than the login transaction. There is no stage to replay,
 * so going back, submitting twice or finishing in another tab all lead to the step that is really missing.
 */
export function nextStep(situation: Situation): Step {
  const { request, session } = situation
  const silent = request.prompts.includes('none')
  const { essentialAcr } = request
  if (essentialAcr && !essentialAcr.some((acr) => situation.reachableAcr.some((reached) => acrSatisfies(reached, acr))))
    return { refuse: 'unmet_authentication_requirements' }
  if (!session || needsLogin(situation, session)) return silent ? { refuse: 'login_required' } : 'login'
  if (needsConsent(situation, session)) return silent ? { refuse: 'consent_required' } : 'consent'
  return 'issue'
}

/** OpenID Connect Core §3.1.2.1: prompt=login and max_age are met by a fresh authentication, never by a parameter that says so. */
function needsLogin({ request, begunAt, claimedName }: Situation, session: SessionWithConsent): boolean {
  if (claimedName !== undefined && normalizeIdentifier(claimedName) !== normalizeIdentifier(session.username))
    return true
  // Instants are compared, not ages: those of two reads differ by the time between the reads.
  const isFresh = begunAt !== undefined && session.authTime >= begunAt
  const { maxAgeSeconds, hintedUser, essentialAcr, prompts } = request
  if (hintedUser !== undefined && hintedUser !== session.userId) return true
  if (essentialAcr && !essentialAcr.some((acr) => acrSatisfies(session.acr, acr))) return true
  if (isFresh) return false
  if (prompts.includes('login') || prompts.includes('select_account')) return true
  return maxAgeSeconds !== undefined && session.authAgeSeconds >= maxAgeSeconds
}

function needsConsent({ request, skipConsent, begunAt }: Situation, session: SessionWithConsent): boolean {
  const { consentedAt } = session
  if (request.prompts.includes('consent')) return !begunAt || !consentedAt || consentedAt < begunAt
  return !skipConsent && !isSubset(request.scopes, session.consentedScopes)
}
