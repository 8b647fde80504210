import type { Client } from '../../domain/client.ts'
import type { Minting } from '../../store/refresh.ts'
import type { Tools } from '../tools.ts'
import { issueAccessToken } from './access-token.ts'
import type { Target } from './audience.ts'
import { issueIdToken } from './id-token.ts'

/** The successful answer of the token endpoint (RFC 6749 §5.1, OpenID Connect Core §3.1.3.3). */
export interface TokenResponse {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly expires_in: number
  readonly scope?: string
  readonly refresh_token?: string
  readonly id_token?: string
}

/** Signs what a grant is answered with. Runs after the statement that decided: no transaction is held while signing. */
export async function respondWithTokens(
  minting: Minting,
  client: Client,
  target: Target,
  options: { refreshToken?: string; nonce?: string | null; wantsIdToken: boolean },
  tools: Tools,
): Promise<TokenResponse> {
  const { rvp, iat, userId } = minting
  const facts = { clientId: client.clientId, sub: userId, rvp, iat, grant: minting }
  const access = await issueAccessToken(facts, target, tools)
  const nonce = options.nonce ?? null
  return {
    access_token: access.token,
    token_type: 'Bearer',
    expires_in: access.expiresInSeconds,
    scope: access.scope,
    ...(options.refreshToken ? { refresh_token: options.refreshToken } : {}),
    ...(options.wantsIdToken
      ? { id_token: await issueIdToken(minting, client, { accessToken: access.token, nonce }, tools) }
      : {}),
  }
}
