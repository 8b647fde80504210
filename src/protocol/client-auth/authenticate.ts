import { addressBucket } from '../../domain/address.ts'
import { type Client, isPublic } from '../../domain/client.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import { RateLimited } from '../../domain/rate-limited.ts'
import { isWellFormedText } from '../../domain/well-formed.ts'
import { reserveAttempt } from '../../store/limits.ts'
import type { Tools } from '../tools.ts'
import { clientAuthMethods } from './index.ts'
import type { Attempt, ClientAuthRequest, Method } from './method.ts'

const methods: readonly Method[] = Object.values(clientAuthMethods)

/** One text for an unknown client, a wrong secret and a wrong method: the difference is for the logs. */
const failed = (reason: string) => new OAuthError('invalid_client', 'Client authentication failed', reason)

/**
 * The client that a request at the token endpoint or one of its neighbours comes from.
 * @throws {OAuthError} invalid_client when it cannot prove it, invalid_request when it tries two methods at once (RFC 6749 §2.3)
 */
export async function authenticateClient(request: ClientAuthRequest, address: string, tools: Tools): Promise<Client> {
  const { method, attempt } = onlyAttempt(request)
  try {
    return await prove(method, attempt, tools)
  } catch (error) {
    if (error instanceof OAuthError && error.code === 'invalid_client') {
      noteFailure(error.reason, attempt, address, tools)
      await countFailure(attempt, address, tools)
    }
    throw error
  }
}

/** The same for endpoints that a public client has no business at (RFC 7662 §2.1). */
export async function authenticateConfidentialClient(
  request: ClientAuthRequest,
  address: string,
  tools: Tools,
): Promise<Client> {
  const client = await authenticateClient(request, address, tools)
  if (isPublic(client)) throw failed('public_client')
  return client
}

function onlyAttempt(request: ClientAuthRequest): { method: Method; attempt: Attempt } {
  let only: { method: Method; attempt: Attempt } | undefined
  for (const method of methods) {
    const attempt = method.read(request)
    if (!attempt) continue
    if (only) throw new OAuthError('invalid_request', 'Use one method of client authentication')
    only = { method, attempt }
  }
  if (!only) throw failed(request.authorization === undefined ? 'no_credentials' : 'unknown_scheme')
  return only
}

async function prove(method: Method, attempt: Attempt, tools: Tools): Promise<Client> {
  if (attempt.clientId.length > 200 || !isWellFormedText(attempt.clientId)) throw failed('malformed_client_id')
  const client = await tools.findClient(attempt.clientId)
  if (!client) throw failed('unknown_client')
  if (client.isDisabled) throw failed('disabled')
  if (method.name !== client.authMethod) throw failed('wrong_method')
  if (!method.proves(client, attempt)) throw failed('wrong_secret')
  return client
}

/** Only failures count. The secrets cannot be guessed; the limit keeps a broken client from filling the logs. */
async function countFailure(attempt: Attempt, address: string, tools: Tools): Promise<void> {
  const waitSeconds = await reserveAttempt(
    tools.db,
    tools.limit('client_auth', `${attempt.clientId}|${addressBucket(address)}`),
  )
  if (waitSeconds > 0) throw new RateLimited(waitSeconds)
}

/** The id of a client that there is: any other is what somebody typed, and may be a secret in the wrong place. */
function noteFailure(reason: string, { clientId }: Attempt, ip: string, tools: Tools): void {
  const isKnown = reason !== 'unknown_client' && reason !== 'malformed_client_id'
  tools.noteAudit({
    type: 'client_auth.failed',
    outcome: 'failure',
    actor: { id: 'anonymous', ip },
    reason,
    ...(isKnown ? { clientId } : {}),
  })
}
