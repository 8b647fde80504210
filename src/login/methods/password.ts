import { normalizeIdentifier } from '../../domain/identifier.ts'
import { replacePasswordHash } from '../../store/credential-events.ts'
import { refundAttempt } from '../../store/limits.ts'
import { beginLoginAttempt, type LoginCandidate } from '../../store/users.ts'
import { attemptLimits } from '../throttle.ts'
import type { LoginTools } from '../tools.ts'
import type { FactorRefusal, LoginMethod, ProvenFactor } from './method.ts'

/** User name or e-mail address with a password. Takes as long for a name that does not exist as for a wrong password. */
export const password: LoginMethod = {
  amr: 'pwd',
  acr: 'urn:falconer:acr:1fa',
  prove: (fields, address, tools) => {
    const identifier = normalizeIdentifier(fields.get('username') ?? '')
    return prove({ identifier, given: fields.get('password') ?? '', address }, tools)
  },
}

interface Claim {
  readonly identifier: string
  readonly given: string
  readonly address: string
}

async function prove(claim: Claim, tools: LoginTools): Promise<ProvenFactor | FactorRefusal> {
  const { identifier, address } = claim
  const counted = attemptLimits({ account: identifier, address }, tools)
  const attempt = await beginLoginAttempt(tools.db, { identifier, limits: counted })
  if (!('candidate' in attempt)) return { refused: 'limit' }
  const checked = await check(attempt.candidate, claim.given, tools).catch(async (error: unknown) => {
    // An attempt that we could not look at is no guess.
    await refundAttempt(tools.db, counted)
    throw error
  })
  if (checked) return 'refused' in checked ? checked : { ...checked, counted }
  await refundAttempt(tools.db, counted)
  return prove(claim, tools)
}

/** Undefined: another sign-in of the same person has replaced the hash meanwhile, or the password is another one now. */
async function check(
  user: LoginCandidate | undefined,
  given: string,
  tools: LoginTools,
): Promise<Omit<ProvenFactor, 'counted'> | FactorRefusal | undefined> {
  const { ok, needsRehash } = await tools.passwordHasher.verify(user?.passwordHash, given)
  if (!user) return { refused: 'unknown_user' }
  if (!ok || user.passwordHash === null) return { refused: 'wrong_password', userId: user.id }
  if (user.isDisabled) return { refused: 'disabled', userId: user.id }
  const { id: userId, authPosition, passwordHash } = user
  if (!needsRehash) return { userId, authPosition, passwordHash }
  const fresh = await tools.passwordHasher.hash(given)
  const isReplaced = await replacePasswordHash(tools.db, userId, passwordHash, fresh)
  return isReplaced ? { userId, authPosition, passwordHash: fresh } : undefined
}
