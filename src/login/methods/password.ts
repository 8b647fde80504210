import { normalizeIdentifier } from '../../domain/identifier.ts'
import { replacePasswordHash } from '../../store/credential-events.ts'
import { findLoginCandidate } from '../../store/users.ts'
import { countedAttempt } from '../throttle.ts'
import type { LoginTools } from '../tools.ts'
import type { FactorRefusal, LoginMethod, ProvenFactor } from './method.ts'

/** User name or e-mail address with a password. Takes as long for a name that does not exist as for a wrong password. */
export const password: LoginMethod = {
  amr: 'pwd',
  acr: 'urn:falconer:acr:1fa',
  prove: async (fields, address, tools) => {
    const identifier = normalizeIdentifier(fields.get('username') ?? '')
    return countedAttempt({ account: identifier, address }, tools, () =>
      prove(identifier, fields.get('password') ?? '', tools),
    )
  },
}

async function prove(identifier: string, given: string, tools: LoginTools): Promise<ProvenFactor | FactorRefusal> {
  const user = await findLoginCandidate(tools.db, identifier)
  const { ok, needsRehash } = await tools.passwordHasher.verify(user?.passwordHash, given)
  if (!user) return { refused: 'unknown_user' }
  if (!ok || user.passwordHash === null) return { refused: 'wrong_password', userId: user.id }
  if (user.isDisabled) return { refused: 'disabled', userId: user.id }
  const { id: userId, authPosition, passwordHash } = user
  if (!needsRehash) return { userId, authPosition, passwordHash }
  const fresh = await tools.passwordHasher.hash(given)
  // Another log-in of the same person may have done it meanwhile, or the password is another one now.
  if (!(await replacePasswordHash(tools.db, userId, passwordHash, fresh))) return prove(identifier, given, tools)
  return { userId, authPosition, passwordHash: fresh }
}
